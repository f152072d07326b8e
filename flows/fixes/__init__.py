"""Fixes: a corrected file of failures that somebody without a shell drops into a folder is retried and answered.

`dropping` looks what lies there, `usable` says whether a file can be retried, `turn` retries one after the other, `answer` is what the
person reads, `folder` puts it beside their file, and `forgetting` takes people out of what lies there still. What the ledger's runs have read, by content,
says what was retried; there is no other mark.
"""
