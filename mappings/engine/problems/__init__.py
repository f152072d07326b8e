"""Problems of rows, as data: a code, a severity, a place, a message and a fix.

`problem` is one of them, `code` a kind of them, `codes` all kinds there are: those of `rows`, `values`, `people`, `delivery` and `undo`.
"""
