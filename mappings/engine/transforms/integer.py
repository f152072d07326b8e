"""integer: whole numbers, with or without a sign."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.transforms import Converted, Settings, Wrong


def convert(texts: pa.Array, settings: Settings) -> Converted:  # noqa: ARG001 - every type is asked the same way
    """Digits. `42.0` is 42; `1E5`, `1,000` and `4.5` are no whole numbers.

    >>> found = convert(pa.array(["042", "-7", "42.0", "1E5", ""]), Settings())
    >>> found.values.to_pylist(), [wrong.at for wrong in found.wrong]
    (['42', '-7', '42', None, None], [3])
    """
    whole = pc.match_substring_regex(texts, r"^[+-]?[0-9]{1,18}(\.0+)?$")
    digits = pc.replace_substring_regex(texts, r"(\.0+$)|^\+", "")
    null = pa.scalar(None, pa.string())
    values = pc.cast(pc.cast(pc.if_else(whole, digits, null), pa.int64()), pa.string())
    bad = pc.and_not(pc.invert(whole), pc.equal(texts, ""))
    return Converted(values, [Wrong(at, "integer_syntax") for at in pc.indices_nonzero(bad).to_pylist()])
