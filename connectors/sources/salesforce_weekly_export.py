"""Salesforce's weekly export ("Data Export"): a ZIP with a CSV file for each object, of which Contact, Lead and Account are read.

Contacts come first, with the columns of their account as `Account.Name` and so on; leads follow. `Object` says which a row is. Accounts are kept in memory while
contacts are read (their id and the columns named here), some 100 bytes each and `MOST_ACCOUNTS` bytes at most. Check boxes are 1 and 0, moments `YYYY-MM-DD hh:mm:ss` in UTC. A converted lead
is in it as well (`IsConverted`), and whoever is in the recycle bin (`IsDeleted`). Nothing else that the ZIP holds is unpacked.
Beyond 512 MB Salesforce makes several ZIPs (WE_…_1.ZIP, WE_…_2.ZIP), and an object may go on in the next one under the same name: folders of several in one ZIP are
read as one, while a contact whose account is in another ZIP has no columns of it, which is said. Names are those of the API, the same in every language.
Source: help.salesforce.com, "Export Backup Data from Salesforce"; developer.salesforce.com, Object Reference, Contact, Lead and Account; the ZIPs' names and how
objects go on stand in public programs that fetch and read them. Of parts such as Contact_1.csv nothing was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from connectors.base import Oddity, Source, SourceFacts
from connectors.errors import SourceError
from connectors.sources.archive import names_in, plain_name, together
from connectors.sources.export import Export, folded
from connectors.sources.opening import open_table
from connectors.sources.recognising import checked
from connectors.sources.several import One
from connectors.sources.wrapped import named_as
from mappings.engine.frame import Frame

__all__ = ["EXPORT", "archived", "open_source"]

EXPORT = Export(
    product="Salesforce's weekly export",
    signs=(
        ("Object", "Id", "LastName", "Email", "Account.Name"),
        ("Object", "Id", "LastName", "Email", "Company"),
    ),
    columns={
        "email_address": ("Email",),
        "first_name": ("FirstName",),
        "last_name": ("LastName",),
        "salutation": ("Salutation",),
        "phone": ("MobilePhone", "Phone"),
        "company": ("Account.Name", "Company"),
        "job_title": ("Title",),
        "street": ("MailingStreet", "Street"),
        "city": ("MailingCity", "City"),
        "postal_code": ("MailingPostalCode", "PostalCode"),
        "state": ("MailingState", "State"),
        "country": ("MailingCountry", "Country"),
        "birthday": ("Birthdate",),
        "source": ("LeadSource",),
        "joined_at": ("CreatedDate",),
        "website": ("Account.Website", "Website"),
    },
    person=("Id",),
    out=("HasOptedOutOfEmail",),
    separator=";",
    formats={
        "CreatedDate": "YYYY-MM-DD hh:mm:ss",
        "LastModifiedDate": "YYYY-MM-DD hh:mm:ss",
        "Birthdate": "YYYY-MM-DD",
    },
)
MOST_ACCOUNTS = 256 << 20
"""Bytes that the columns of accounts may take in memory."""
_OF_ACCOUNTS = ("Name", "Type", "Industry", "Website", "BillingCountry", "NumberOfEmployees")
_OBJECTS = ("contact.csv", "lead.csv")
_READ = ("Contact.csv", "Lead.csv", "Account.csv")


def archived(path: Path) -> str:
    """Why the archive at `path` is such an export; '' where it is none."""
    names = {plain_name(name).lower() for name in names_in(path)}
    if not names & {*_OBJECTS} or not {"account.csv", "lead.csv"} & names:
        return ""
    return "it holds Contact.csv, Lead.csv or Account.csv, as Salesforce's weekly export does"


def open_source(path: Path, settings: Mapping[str, Any]) -> Source:
    """The contacts and leads of the export at `path`. Raises SourceError where it is another file."""
    if not archived(path):
        checked(path, open_table(path, settings).header, EXPORT)
        raise SourceError(
            f"{path} is no weekly export from Salesforce: that is a ZIP with Contact.csv, Lead.csv and Account.csv.",
            "Name the ZIP; for one file of it say kind: salesforce_data_loader.",
        )

    def chosen(tables: Mapping[str, Source]) -> list[One]:
        def parts(name: str) -> list[tuple[str, Source]]:
            return [(full, table) for full, table in tables.items() if plain_name(full).lower() == name]

        contacts, leads, accounts = parts("contact.csv"), parts("lead.csv"), parts("account.csv")
        found = _accounts(path, accounts)
        ones = [One(name, _Joined(table, found), {"Object": "Contact"}) for name, table in contacts]
        ones += [One(name, table, {"Object": "Lead"}) for name, table in leads]
        if not ones:
            raise SourceError(
                f"{path} holds neither contacts nor leads.", "Export it again, with both objects."
            )
        return ones

    return together(path, settings, _READ, EXPORT, chosen)


def _accounts(path: Path, parts: Sequence[tuple[str, Source]]) -> pa.Table:
    """The columns of accounts that contacts get, under the names that they have there, with `Id`. Raises SourceError where they are too many."""
    tables: list[pa.Table] = []
    held = 0
    for name, source in parts:
        named = {folded(column): column for column in source.header}
        if "id" not in named:
            raise SourceError(f"{path}: its {name} has no column Id.", "Export it again, with all columns.")
        here = {wanted: named[folded(wanted)] for wanted in _OF_ACCOUNTS if folded(wanted) in named}
        columns = ["Id", *(f"Account.{wanted}" for wanted in here)]
        with named_as(source.path, f"{path} ({name})"):
            for frame in source.frames():
                tables.append(frame.cells.select([named["id"], *here.values()]).rename_columns(columns))
                held += tables[-1].nbytes
                if held > MOST_ACCOUNTS:
                    raise SourceError(
                        f"{path}: the accounts in {name} take more than {MOST_ACCOUNTS >> 20} MB, and they are in memory while contacts are read.",
                        "Take Contact.csv out of the ZIP and read it by itself, with kind: salesforce_data_loader; the account's name is not in it.",
                    )
    if not tables:
        return pa.table({"Id": pa.array([], pa.string())})
    return pa.concat_tables(tables, promote_options="default").combine_chunks()


class _Joined:
    """Contacts with the columns of their account; see connectors.base.Source. An account that is not there leaves them blank."""

    def __init__(self, contacts: Source, accounts: pa.Table) -> None:
        self._contacts = contacts
        self._accounts = accounts
        self._added = accounts.column_names[1:]
        self._by = next((name for name in contacts.header if folded(name) == "accountid"), "")
        self.path = contacts.path
        self.header = (*contacts.header, *self._added)
        self.facts: SourceFacts = contacts.facts
        self.oddities: list[Oddity] = contacts.oddities
        self.reading = contacts.reading
        self.size = contacts.size
        self.sha256 = contacts.sha256

    def frames(self) -> Iterator[Frame]:
        """Those of the contacts. Raises SourceError."""
        ids = self._accounts.column(0).combine_chunks()
        lost = 0
        for frame in self._contacts.frames():
            keys = frame.cells.column(self._by) if self._by else pa.nulls(len(frame), pa.string())
            places = pc.index_in(keys, value_set=ids)
            lost += pc.sum(pc.and_(pc.is_null(places), pc.not_equal(keys, ""))).as_py() or 0
            cells = frame.cells
            for name in self._added:
                cells = cells.append_column(name, pc.fill_null(self._accounts.column(name).take(places), ""))
            yield Frame(cells, frame.rows, frame.lines, frame.misread)
        if lost:
            who = "contacts name an account" if lost > 1 else "contact names an account"
            text = f"{lost:,} {who} that this ZIP does not hold, so that its columns are blank there. Where the export came as several ZIPs, put their folders into one."
            self.oddities.append(Oddity("account_not_there", text))
        self.sha256 = self._contacts.sha256
