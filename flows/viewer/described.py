"""Descriptions of a flow's parameters, where Prefect's form shows them.

Prefect takes them from the docstring's section `Args:` (Google's style) and passes over those of annotations, which is where pydantic
and whoever reads the code look for them: https://docs.prefect.io/v3/concepts/flows (seen in 3.8).
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from pydantic.fields import FieldInfo

__all__ = ["described"]

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


def described(function: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """The same function, whose docstring says of each parameter what its annotation says. To stand below `@flow`."""
    hints = typing.get_type_hints(function, include_extras=True)
    lines = [f"    {name}: {text}" for name, hint in hints.items() if (text := _description(hint))]
    function.__doc__ = "\n".join([inspect.cleandoc(function.__doc__ or ""), "", "Args:", *lines])
    return function


def _description(hint: Any) -> str:
    """What an annotation says: '' where it says nothing.

    >>> from typing import Annotated
    >>> from pydantic import Field
    >>> _description(Annotated[int, Field(description="How many")]), _description(int)
    ('How many', '')
    """
    said = (one.description for one in getattr(hint, "__metadata__", ()) if isinstance(one, FieldInfo))
    return next((text for text in said if text), "")
