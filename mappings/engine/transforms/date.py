"""date: a day, in the formats that the mapping names."""

from __future__ import annotations

import pyarrow as pa

from mappings.engine.transforms import Converted, Settings, Wrong
from mappings.engine.transforms.datetime import days

_ISO = ("YYYY-MM-DD", "YYYY/MM/DD", "YYYY-MM-DDThh:mm:ss", "YYYY-MM-DD hh:mm:ss", "YYYY-MM-DD hh:mm")


def convert(texts: pa.Array, settings: Settings) -> Converted:
    """`YYYY-MM-DD`, or that day's midnight where the destination wants RFC 3339.

    >>> found = convert(pa.array(["17/05/1990", "31/02/1990", ""]), Settings(formats=("DD/MM/YYYY",)))
    >>> found.values.to_pylist(), [wrong.code for wrong in found.wrong]
    (['1990-05-17', None, None], ['date_syntax'])
    """
    formats = settings.formats or _ISO
    suffix = "T00:00:00Z" if settings.form == "rfc3339" else ""
    values, bad = days(texts, formats, suffix)
    shown = " or ".join(settings.formats or ("YYYY-MM-DD",))
    return Converted(values, [Wrong(at, "date_syntax", {"format": shown}) for at in bad])
