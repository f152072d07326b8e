"""Alerts: whoever does not look at muster is told when a mapping stands otherwise than before.

`alert` is what is told, `of_run` draws it from a run, `receivers` finds where names lead, `telling` decides who has to be told and
keeps it in the ledger, `sending` sends. Nothing of a person is in an alert, and none ever changes what a run does.
"""
