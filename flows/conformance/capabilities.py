"""What a destination can, by what it says of itself; and why a behaviour does not apply to one."""

from __future__ import annotations

from typing import Any

from connectors.sandbox.trial import Trial

__all__ = ["lacking"]


def lacking(connector: Any, trial: Trial) -> dict[str, str]:
    """The capabilities that a destination does not have, each with the reason."""
    none = "the trial has no `names`: there are neither tags nor lists"
    by_name = any(one.names for one in trial.names)
    by_number = any(one.numbers for one in trial.names)
    refusals = any(error.outcomes == ("refused",) for error in trial.errors)
    has = {
        "mails": (connector.mails_people, "mails_people is false: nobody is mailed there"),
        "moves": (trial.moves is not None, "the trial's `moves` is None: no contact can get another address"),
        "names": (bool(trial.names), none),
        "by_name": (by_name, "tags and lists are known by their numbers only" if by_number else none),
        "by_number": (by_number, "tags and lists are known by their names only" if by_name else none),
        "typed": (bool(trial.number or trial.date), "the trial has neither `number` nor `date`"),
        "restores": (
            hasattr(connector, "restore"),
            "it is no connectors.base.Restores: nothing is put back there",
        ),
        "refusals": (refusals, "none of the trial's `errors` ends as refused"),
    }
    return {name: reason for name, (there, reason) in has.items() if not there}
