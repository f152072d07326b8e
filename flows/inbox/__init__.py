"""An inbox: files arrive in a place, and each content is synced once.

`pattern` is which files are meant, and what their names say of a day; `judging` decides what becomes of each; `arrivals` looks, fetches
and marks; `overdue` tells when none came.
"""
