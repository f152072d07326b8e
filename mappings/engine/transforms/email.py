"""email: the syntax as the field does it, in lower case; misspelled domains are a warning; nobody is asked."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mappings.engine.transforms import Converted, Settings, Wrong, blank_as_null, by_value

# What email-validator accepts without a second thought; everything else is shown to it.
_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = rf"^{_ATOM}(?:\.{_ATOM})*@(?:[a-z0-9](?:[a-z0-9]|-[a-z0-9]){{0,30}}\.)+(?:com|org|net|edu|gov|info|io|[a-z]{{2}})$"
_LONGEST_PLAIN = 64

# Misspellings of the large providers; each is no provider of its own.
_PROVIDERS = {
    "gmail.com": "gmial.com gmai.com gmal.com gmil.com gamil.com gnail.com gmaill.com gmail.con gmail.cm gmail.om "
    "gmail.comm gmail.cpm gmail.vom gmaik.com gmali.com ggmail.com gmaol.com gmail.co.com",
    "hotmail.com": "hotmial.com hotmal.com hotmai.com hotmil.com hotmaill.com hotmail.con hotmail.cm hotnail.com "
    "htomail.com hotamil.com hormail.com",
    "yahoo.com": "yaho.com yahooo.com yhaoo.com yahoo.con yahoo.cm yhoo.com yaoo.com tahoo.com",
    "outlook.com": "outlok.com outloo.com outlook.con outlook.cm oulook.com outllok.com otlook.com",
    "icloud.com": "iclod.com icloud.con icoud.com iclould.com icluod.com",
    "googlemail.com": "googlmail.com googlemail.con gogglemail.com",
    "aol.com": "aol.con aoll.com",
    "web.de": "wbe.de webb.de",
    "gmx.de": "gmx.dee gmxx.de",
}
_MEANT = {typo: right for right, typos in _PROVIDERS.items() for typo in typos.split()}
_TYPO = "@(?:" + "|".join(sorted(_MEANT)).replace(".", r"\.") + ")$"


def convert(texts: pa.Array, settings: Settings) -> Converted:  # noqa: ARG001 - every type is asked the same way
    """Addresses in lower case, their domains in Unicode.

    >>> found = convert(pa.array([" Ann@Example.COM".strip(), "nobody", "a@gmial.com"]), Settings())
    >>> found.values.to_pylist(), [wrong.code for wrong in found.wrong]
    (['ann@example.com', None, 'a@gmial.com'], ['email_syntax', 'email_typo_domain'])
    """
    # ASCII only: case folding makes ss of ß, which is another mailbox.
    lower = pc.ascii_lower(texts)
    plain = pc.and_(
        pc.match_substring_regex(lower, _PLAIN), pc.less_equal(pc.binary_length(lower), _LONGEST_PLAIN)
    )
    rest = pc.and_not(pc.invert(plain), pc.equal(texts, ""))
    values = blank_as_null(lower)
    wrong: list[Wrong] = []
    if pc.any(rest).as_py():
        positions = pc.indices_nonzero(rest).to_pylist()
        checked = by_value(texts.filter(rest), _checked)
        values = pc.replace_with_mask(values, rest, checked.values)
        wrong = [Wrong(positions[bad.at], bad.code, bad.detail) for bad in checked.wrong]
    return Converted(values, wrong + _typos(values))


def _checked(text: str) -> str | tuple[str, dict[str, Any]]:
    from email_validator import EmailNotValidError, validate_email  # noqa: PLC0415 - most columns never need it

    if "@" not in text:
        return "email_syntax", {"detail": "An email address must have an @-sign."}
    try:
        found = validate_email(text, check_deliverability=False, strict=True)
    except EmailNotValidError as error:
        return "email_syntax", {"detail": str(error)}
    return found.normalized.lower()


def _typos(values: pa.Array) -> list[Wrong]:
    likely = pc.match_substring_regex(values, _TYPO)
    found = []
    for position in pc.indices_nonzero(likely).to_pylist():
        local, _, domain = values[position].as_py().rpartition("@")
        found.append(Wrong(position, "email_typo_domain", {"suggestion": f"{local}@{_MEANT[domain]}"}))
    return found
