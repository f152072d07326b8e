"""Words for yes, no, subscribed and unsubscribed, in the languages of the exports that people bring."""

from __future__ import annotations

from mappings.engine.suggesting.names import fold

__all__ = [
    "means_active",
    "means_no",
    "means_out",
    "means_out_of_mail",
    "means_pending",
    "means_subscribed",
    "means_yes",
    "with_opposites",
]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_YES = _words("true yes 1 y t on ja j oui o si sim s vrai wahr verdadero x checked ✓ ✔ ☑")
_NO = _words("false no 0 n f off nein non nao nej nee falsch faux falso unchecked ☐ [] {}")
_OUT = _words(
    "unsubscribed unsubscribe unsub optedout optout cleaned bounced hardbounce hardbounced complained complaint spam suppressed "
    "blocked blacklisted blocklisted donotcontact donotemail donotallow nichtzulassen noconsent archived abgemeldet ausgetragen desabonne desinscrit baja "
    "disiscritto descadastrado cancelado uitgeschreven afgemeld desuscrito desinscrito annullato "
    "nopermitir naopermitir nepasautoriser nonconsentire niettoestaan"
)
_SUBSCRIBED = _words(
    "subscribed allow zulassen active confirmed optedin optin doubleoptin angemeldet bestatigt aktiv abonniert abonne inscrit suscrito activo "
    "iscritto inscrito ingeschreven aangemeld abbonato assinante permitir autoriser consentire toestaan"
)
_OF_ANYTHING = _words("archived blocked suppressed cancelado annullato")
_ACTIVE = _words("active confirmed bestatigt aktiv activo")
_PENDING = _words(
    "pending unconfirmed notconfirmed nonsubscribed neversubscribed transactional offen ausstehend unbestatigt nichtbestatigt "
    "enattente pendiente waiting"
)

_OPPOSITES = (
    ("yes", "no"), ("true", "false"), ("1", "0"), ("ja", "nein"), ("oui", "non"), ("si", "no"), ("sí", "no"), ("y", "n"),
    ("j", "n"), ("t", "f"), ("wahr", "falsch"), ("vrai", "faux"), ("on", "off"), ("unsubscribed", "subscribed"),
)  # fmt: skip


def with_opposites(out: list[str], subscribed: list[str]) -> tuple[list[str], list[str]]:
    """Both lists with the opposite of each text: who looks at 2,000 rows may have seen only one of the two.

    >>> with_opposites(["ja"], [])
    (['ja'], ['nein'])
    """
    more_out, more_in = list(out), list(subscribed)
    for opposites in (dict(_OPPOSITES), {other: one for one, other in reversed(_OPPOSITES)}):
        for here, there in opposites.items():
            if _among(here, out) and not _among(there, more_in):
                more_in.append(there)
            if _among(here, subscribed) and not _among(there, more_out):
                more_out.append(there)
    return more_out, more_in


def _among(text: str, texts: list[str]) -> bool:
    return any(text == one.casefold() for one in texts)


def means_yes(text: str) -> bool:
    return _plain(text) in _YES


def means_no(text: str) -> bool:
    return _plain(text) in _NO


def means_out(text: str) -> bool:
    return fold(text) in _OUT


def means_subscribed(text: str) -> bool:
    return fold(text) in _SUBSCRIBED


def means_out_of_mail(text: str) -> bool:
    """Whether it is one of those that are said of mail alone, and not of orders or accounts as well."""
    return means_out(text) and fold(text) not in _OF_ANYTHING


def means_active(text: str) -> bool:
    """Whether it is one of those that say yes to whatever the column is called after."""
    return fold(text) in _ACTIVE


def means_pending(text: str) -> bool:
    return fold(text) in _PENDING


def _plain(text: str) -> str:
    return fold(text) or text.strip()
