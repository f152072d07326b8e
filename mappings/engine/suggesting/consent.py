"""Which columns say that people do not want mail, and which of their texts say so.

A guess never leads to mail: where a column may speak of consent and cannot be used, new contacts arrive as unsubscribed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from mappings.engine.cleaning import clean_text
from mappings.engine.suggesting.column import Column, shown
from mappings.engine.suggesting.names import fold
from mappings.engine.suggesting.words import (
    means_active,
    means_no,
    means_out,
    means_out_of_mail,
    means_pending,
    means_subscribed,
    means_yes,
    with_opposites,
)

__all__ = ["IN", "MAYBE", "OUT", "STATUS", "OptOuts", "denies", "find_opt_outs", "speak_alike", "way_of"]

_OUT_NAMES = (
    "unsubscri", "optedout", "optout", "donotcontact", "donotemail", "donotmail", "abgemeldet", "abmeld",
    "abbestellt", "werbesperre", "werbewiderspruch", "keinewerb", "keineemail", "keinemail", "keinmail", "keinenewsletter",
    "keinnewsletter", "nonewsletter", "emailsnichtzulassen", "donotallowemail", "donotallowbulkemail", "donotbulkemail", "mailsperre", "newslettersperre", "desabonn", "desinscri", "pasdemail", "pasdenewsletter",
    "pasdecourriel", "nepascontacter", "nepasautoriserlescourriers", "nepasautorisermail", "nepasautoriseremail", "nepasautoriserlesemail", "noenviar", "emailsuppressed", "requestsnoemail", "nocontactar", "dadodebaja", "desuscri", "cancelolasuscripcion", "canceladalasuscripcion", "cancelaciondesuscripcion", "cancelouainscricao", "cancelouaassinatura", "descadastr", "naoenviar",
    "naocontatar", "naocontactar", "disiscri", "iscrizioneannullata", "annullamentoiscrizione", "nonautorizzareemail", "noncontattare", "noninviare", "uitgeschreven", "afgemeld", "geenmail", "geenemail", "geennieuwsbrief", "nietmailen",
)  # fmt: skip
_IN_NAMES = (
    "optin", "optedin", "acceptsmarketing", "acceptsemailmarketing", "marketingconsent", "emailconsent", "einwilligung",
    "newsletterconsent", "consentimiento", "consentement", "consentimento", "consensomarketing", "consensoprivacy", "toestemming", "aceptamarketing", "aceitamarketing",
    "accettamarketing", "acceptemarketing", "werbeerlaubnis",
)  # fmt: skip
_IN_EXACTLY = ("subscribed", "issubscribed", "consent", "abonniert", "zustimmung", "emailmarketingconsent")
_STATUS_NAMES = (
    "subscriptionstatus", "emailstatus", "subscriberstatus", "marketingstatus", "emailsubscriptionstatus", "consentstatus",
    "emailmarketingstatus", "newsletterstatus", "mailstatus", "mailingstatus", "abonnementstatus", "statutdabonnement", "statutabonnement", "estadodesuscripcion", "estadosuscripcion",
    "statoiscrizione", "statusdainscricao", "marketingemailstatus",
)  # fmt: skip
_MAYBE_NAMES = (
    "newsletter",
    "marketing",
    "emailmarketing",
    "newsletteranmeldung",
    "wantsnewsletter",
    "mailings",
)
_MAYBE_PARTS = (
    "newsletter", "nieuwsbrief", "infolettre", "boletin", "consent", "consens", "einwillig", "zustimm", "erlaub", "permission", "gdpr", "dsgvo", "rgpd", "lgpd",
    "subscribe", "abonniert", "abonne", "iscritto", "emailmarketing", "marketingemail", "marketingmail", "contactable", "mailable", "emailallowed", "wantsemail", "wantsmail", "receiveemail",
    "aceitaemail", "aceptaemail", "accepteemail", "accettaemail",
)  # fmt: skip
_OUT_EXACTLY = ("noemail", "noemails", "nomail", "widerspruch")
_OTHER_CHANNELS = frozenset(
    {"fax", "sms", "phone", "call", "calls", "whatsapp", "postal", "print", "tracking", "text"}
)

_ABOUT = frozenset({"timestamp", "date", "time", "ip", "source", "method", "url", "datum", "zeitstempel"})
"""What else may be told of a consent."""
_AGREES = re.compile(
    r"agree|grant|accept|given|withdraw|withdrawn|revoke|refus|reject|decline|allow|erteilt|widerruf|abgelehnt|zugestimmt|einverstanden|erlaubt|d'accord|accord|retir|acept|aceit|accett|rifiut|rechaz|toegestaan|geweigerd",
    re.IGNORECASE,
)
_NOT = frozenset(
    [
        "no",
        "not",
        "non",
        "never",
        "without",
        "kein",
        "keine",
        "keinen",
        "nicht",
        "ohne",
        "pas",
        "sans",
        "geen",
        "niet",
        "nao",
        "sem",
        "senza",
        "sin",
    ]
)
_WORD = re.compile("[A-Z]?[a-z]+|[A-Z]+")

OUT, IN, STATUS, MAYBE = "out", "in", "status", "maybe"


@dataclass(slots=True)
class OptOuts:
    """What `consent:` is to say. `columns` are heard; `unheard` speak of consent perhaps, with the reason why they are not.

    `undecided` is true where new contacts must not be subscribed on a guess.
    """

    columns: list[str] = field(default_factory=list)
    when: list[str] = field(default_factory=list)
    unless: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    unheard: dict[str, str] = field(default_factory=dict)
    blanks_open: bool = False

    @property
    def undecided(self) -> bool:
        return not self.columns or bool(self.unheard) or self.blanks_open

    def add(self, column: Column, kind: str) -> bool:
        """Takes a column in, unless its texts mean the opposite of what they mean in those before."""
        texts = {text: _means(text, kind) for text in column.counts}
        when = [text for text, meant in texts.items() if meant is OUT]
        unless = [text for text, meant in texts.items() if meant is IN]
        usual = {OUT: ["yes", "true", "1"], IN: ["no", "false", "0"], STATUS: ["unsubscribed"]}[kind]
        when, unless = with_opposites(_united(self.when, [*when, *usual]), _united(self.unless, unless))
        opposed = {text.casefold() for text in when} & {text.casefold() for text in unless}
        if opposed or ("" in self.when and column.blanks):
            return False
        self.columns.append(column.name)
        self.when, self.unless = when, unless
        unclear = {text: column.counts[text] for text, meant in texts.items() if not meant}
        if unclear:
            cells = sum(unclear.values())
            which = f" ({shown(unclear)})" if shown(unclear) else ""
            self.doubts.append(
                f"{column.name}: of {column.filled:,} cells {cells:,}{which} are under neither when: nor unless:, so they count as opt-outs"
            )
        if kind != OUT and column.blanks:
            self.blanks_open = True
            self.doubts.append(
                f'{column.name}: of {len(column.cells):,} cells {column.blanks:,} are blank, which is no yes; add "" to when: if that means no'
            )
        elif kind != OUT and len(self.columns) == 1:
            self.when.append("")  # none is blank yet; one that will be is no yes
        if kind == IN:
            self.doubts.append(f"{column.name} says who wants mail, so its no is the opt-out")
        return True


def find_opt_outs(columns: Sequence[Column], known: Mapping[str, str]) -> OptOuts:
    """The columns that speak of consent; `known` are those of which the kind of export says so, and how: out, in or status."""
    cleaned = {clean_text(name): way for name, way in known.items()}
    found = OptOuts()
    kinds = [(column, cleaned.get(column.name) or _kind(column)) for column in columns]
    for wanted in (OUT, STATUS, IN):  # the plainest first
        for column, kind in kinds:
            if kind is not wanted:
                continue
            if column.name not in cleaned and (why := _unclear(column, kind)):
                found.unheard[column.name] = why
            elif not found.add(column, kind):
                found.unheard[column.name] = (
                    f"its yes means the opposite of the yes in {found.columns[0]}, and when: is one list"
                )
    for column, kind in kinds:
        if kind is MAYBE:
            found.unheard[column.name] = "it may say who wants mail"
    return found


def way_of(name: str) -> str:
    """How a column speaks of consent by its name: OUT, IN, STATUS or MAYBE; '' where it does not.

    >>> way_of("Email Opt Out"), way_of("Email Opt In"), way_of("Do not call")
    ('out', 'in', '')
    """
    words = {word.lower() for word in _WORD.findall(name)}
    name = fold(name)
    if "mail" not in name and _OTHER_CHANNELS & words:
        return ""
    if any(one in name for one in _OUT_NAMES) or name in _OUT_EXACTLY:
        return OUT
    if name in _STATUS_NAMES:
        return STATUS
    if any(one in name for one in _IN_NAMES) or name in _IN_EXACTLY:
        return "" if _ABOUT & words else IN
    if name in _MAYBE_NAMES or (any(one in name for one in _MAYBE_PARTS) and not _ABOUT & words):
        return MAYBE
    return ""


def denies(name: str) -> bool:
    """Whether a name has a word that turns another into its opposite.

    >>> denies("No advertising"), denies("Advertising")
    (True, False)
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return bool(_NOT & {word.lower() for word in _WORD.findall(plain)})


def speak_alike(name: str, other: str) -> bool:
    """Whether two names may stand for the same column, as far as consent goes: `Opted in` is not `Opted out`."""
    return way_of(name) == way_of(other) and denies(name) == denies(other)


def _kind(column: Column) -> str:
    """What a column is by its name, and for vaguer names by its values; '' where it has nothing to do with consent."""
    way = way_of(column.name)
    if way == IN:
        return "" if _tells_when_or_where(column) else IN
    if way == MAYBE:
        return MAYBE if _mostly_understood(column) or _agrees(column) else ""
    name = fold(column.name)
    if not way and name.endswith("status"):
        if any(means_out_of_mail(text) for text in column.counts):
            return STATUS
        if any(means_out(text) for text in column.counts) and _mostly_understood(column):
            return MAYBE
        if name == "status" and any(means_pending(text) for text in column.counts):
            return MAYBE
    return way


def _agrees(column: Column) -> bool:
    """Whether most cells say in words whether somebody agrees: `I agree`, `granted`, `widerrufen`."""
    agreed = sum(count for text, count in column.counts.items() if _AGREES.search(text))
    return 0 < column.filled < 2 * agreed


def _tells_when_or_where(column: Column) -> bool:
    """Whether most cells are moments, addresses or the like, which say nothing of a yes or a no."""
    told = sum(count for text, count in column.counts.items() if len(re.findall(r"\d", text)) >= 4)
    return told * 2 > column.filled


def _mostly_understood(column: Column) -> bool:
    return sum(count for text, count in column.counts.items() if _means(text, IN)) * 2 >= column.filled


def _unclear(column: Column, kind: str) -> str:
    """Why a column with such a name says nothing that could be used, or an empty text."""
    if not column.filled:
        return "it is blank in all rows looked at" if kind != OUT else ""
    if kind == OUT and column.share > 0.9 and not any(_means(text, kind) for text in column.counts):
        return "none of its texts says whether somebody wants mail"
    if kind != OUT and not _mostly_understood(column):
        return "most of its texts do not say whether somebody wants mail"
    return ""


def _means(text: str, kind: str) -> str:
    if means_out(text):
        return OUT
    if means_subscribed(text):
        return "" if kind == OUT and means_active(text) else IN  # a block that is active is no consent
    if means_yes(text):
        return OUT if kind == OUT else IN
    if means_no(text):
        return IN if kind == OUT else OUT
    return ""


def _united(before: Sequence[str], new: Sequence[str]) -> list[str]:
    found = {text.casefold(): text for text in reversed([*before, *new])}
    return list(dict.fromkeys(found[text.casefold()] for text in [*before, *new]))
