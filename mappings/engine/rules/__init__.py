"""Rules: one file for each thing that a mapping can say about a value; the file's name is the key in the mapping.

Each works on whole columns of cleaned texts, where blank is ''. What comes back is `Converted`: texts, null where
the cell is blank or wrong, and what is wrong with which cell. Each distinct text is looked at once.
"""

from __future__ import annotations

__all__ = ["rules"]


def rules() -> list[str]:
    """The names of all rules."""
    import pkgutil  # noqa: PLC0415 - only the documentation asks

    return sorted(module.name for module in pkgutil.iter_modules(__path__))
