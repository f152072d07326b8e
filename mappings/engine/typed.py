"""A field's texts as its type: what the mapping says of it, and what the destination does."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.document import Rule
from mappings.engine.schema import Field
from mappings.engine.transforms import Converted, Settings, Wrong, transform

__all__ = ["typed"]


def typed(rule: Rule, known: Field | None, texts: pa.Array, *, split: str | None = None) -> Converted:
    """The texts converted; `split` is what stands between several values of one cell, if not what the rule says.

    >>> typed(Rule.model_validate("Age"), Field("age", "Age", "integer"), pa.array(["042"])).values.to_pylist()
    ['42']
    """
    type_ = rule.type or (known.type if known else "text")
    settings = Settings(
        formats=rule.format or (),
        timezone=rule.timezone or "UTC",
        region=rule.region,
        truthy=rule.truthy,
        falsy=rule.falsy,
        split=split or rule.split or ";",
        decimal=rule.decimal,
        thousands=rule.thousands,
        options=known.options if known else (),
        form=known.form if known else "",
        spellings=known.spellings if known else {},
        others=known.others if known else "wrong",
    )
    found = transform(type_)(texts, settings)
    limit = min((n for n in (rule.max_length, known.max_length if known else None) if n), default=None)
    if limit is not None:
        lengths = pc.utf8_length(found.values)
        for at in pc.indices_nonzero(pc.fill_null(pc.greater(lengths, limit), False)).to_pylist():
            found.wrong.append(Wrong(at, "too_long", {"length": lengths[at].as_py(), "limit": limit}))
    return found
