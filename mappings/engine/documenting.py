"""The generated parts of `mappings/README.md`: rules, keys, types and problem codes, from the model and the docstrings.

`python -m mappings.engine.documenting` writes them; a test fails when they are out of date.
"""

from __future__ import annotations

import importlib
from pathlib import Path

from mappings.engine import document
from mappings.engine.problems.codes import documented
from mappings.engine.rules import rules
from mappings.engine.transforms import types

__all__ = ["DOCUMENTED", "README", "rule_documented", "with_generated_parts"]

README = Path(__file__).resolve().parent.parent / "README.md"
DOCUMENTED = (
    ("the mapping itself", document.Mapping),
    ("`source:`", document.SourceSettings),
    ("`destination:`", document.Destination),
    ("a field", document.Rule),
    ("a case under `cases:`", document.Case),
    ("`tags:` and `lists:`", document.Names),
    ("a column under `flags:` or `remove:`", document.Flag),
    ("a case under `cases:` of tags or lists", document.NamesCase),
    ("`consent:`", document.Consent),
    ("`consent.opted_out:`", document.OptedOut),
    ("`consent.follow_source:`", document.FollowSource),
    ("`automations:`", document.Automations),
    ("`vanished:`", document.Vanished),
    ("what is taken away under `vanished:`", document.Removal),
    ("`guards:`", document.Guards),
    ("a guard's limit", document.Limit),
    ("the limit of `guards.opt_outs` and `guards.vanished`", document.TypedLimit),
    ("`notify:`", document.Notify),
    ("`reports:`", document.Reports),
    ("`fixes:`", document.Fixes),
    ("a column under `where:` or `when:`", document.Where),
    ("`duplicates:`", document.Duplicates),
    ("an example", document.Example),
)
"""The parts of a mapping, each with what it is called."""


def with_generated_parts(text: str) -> str:
    """The README's text with its generated parts as they should be."""
    parts = (("rules", _rules()), ("keys", _keys()), ("types", _types()), ("codes", documented()))
    for name, made in parts:
        begin, end = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
        head, _, rest = text.partition(begin)
        text = head + begin + made + end + rest.partition(end)[2]
    return text


def rule_documented(name: str) -> tuple[str, str, str]:
    """The key that a rule is about, what it does, and an example: the first two paragraphs of its module's docstring.

    >>> rule_documented("default")
    ('default', 'used where the value is blank, but not where it is wrong.', 'language: {from: Language, default: en}')
    """
    module = importlib.import_module(f"mappings.engine.rules.{name}")
    said, example, *_ = *(module.__doc__ or "").strip().split("\n\n"), ""
    key, _, what = " ".join(said.split()).partition(": ")
    return key, what, " ".join(example.split())


def _rules() -> str:
    rows = "".join(
        f"| `{key}` | {_cell(what)} | `{_cell(example)}` |\n"
        for key, what, example in sorted(map(rule_documented, rules()))
    )
    return f"| key | what it does | an example |\n|---|---|---|\n{rows}"


def _keys() -> str:
    parts = []
    for title, model in DOCUMENTED:
        rows = "".join(
            f"| `{field.alias or name}` | {_cell(field.description or '')} |\n"
            for name, field in model.model_fields.items()
        )
        parts.append(f"**{title[0].upper() + title[1:]}**\n\n| key | what it says |\n|---|---|\n{rows}\n")
    return "".join(parts)


def _types() -> str:
    rows = []
    for name in types():
        module = importlib.import_module(f"mappings.engine.transforms.{name}")
        what = (module.__doc__ or "").strip().removeprefix(f"{name}: ")
        becomes = (module.convert.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")
        rows.append(f"| `{name}` | {_cell(what)} | {_cell(' '.join(becomes.split()))} |\n")
    return "| type | what it is | what it becomes |\n|---|---|---|\n" + "".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(with_generated_parts(README.read_text("utf-8")), "utf-8")
