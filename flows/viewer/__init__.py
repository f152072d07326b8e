"""Prefect as a viewer: what it is shown and told of a run, what it lends, and how runs are scheduled there.

`artifacts` and `events` show, `names` says what a flow run is called, `questions` asks a person, `blocks` lends keys, `deployments`
and `serving` are behind `muster schedule` and `muster serve`.
Beside the flows these are the only files that know Prefect. Nothing of a person crosses here: names, counts and sentences with counts.
"""
