"""text: kept as it is after cleaning."""

from __future__ import annotations

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, blank_as_null


def convert(texts: pa.Array, settings: Settings) -> Converted:  # noqa: ARG001 - every type is asked the same way
    """Any text.

    >>> convert(pa.array(["01234", "NA", ""]), Settings()).values.to_pylist()
    ['01234', 'NA', None]
    """
    return Converted(blank_as_null(texts))
