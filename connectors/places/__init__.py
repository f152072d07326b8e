"""Places where files arrive, or are put for others: a folder of this machine, or an address such as s3://bucket/out.

`place` is what is done there, `lying` a file as it was seen there; `kinds` opens each kind, `refusals` says what a place answers in a
sentence, `rights` whose the files of a folder are, `pattern` where names that match are to be looked for.
"""
