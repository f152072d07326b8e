"""Sources: one file per kind; the file's name is the kind.

`finding`, `opening` and `peeking` serve every kind; formats know how a file is written, exports what stands in it. The other files here are how CSV is read, each with one noun: `dialect` is
found with `encodings`, `formats`, `delimiters` and `headers`, from `first_rows`; `csv_file` reads with `stream`,
`splitting`, `settling`, `parsing`, `building`, `tables` and `tally`; `rows` is what both agree a row is.
`wrapping` unpacks, `wrapped` and `several` are what becomes of it, `fetching` brings what lies elsewhere, `private_folder` is where it lies. `row_source` is for the formats that have rows of their own: `excel_file` (`workbook`, `workbook_reader`, `sheet_facts`, `xml_walk`, `cells`), `json_file` (`json_walk`), `vcard_file` (`vcards`). `parquet_file` has columns already, `sql_query` no file.
"""
