"""Salesforce's weekly export ("Data Export"): a ZIP with a CSV file for each object, of which Contact, Lead and Account are read.

Contacts come first, with the columns of their account as `Account.Name` and so on; leads follow. `Object` says which a row is. Accounts are kept in memory while
contacts are read (their id and the columns named here), some 100 bytes each. Check boxes are 1 and 0, moments `YYYY-MM-DD hh:mm:ss` in UTC. A converted lead
is in it as well (`IsConverted`), and whoever is in the recycle bin (`IsDeleted`).
Source: help.salesforce.com, "Export Backup Data from Salesforce"; developer.salesforce.com, Object Reference, Contact, Lead and Account.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
_OF_ACCOUNTS = ("Name", "Type", "Industry", "Website", "BillingCountry", "NumberOfEmployees")
_OBJECTS = ("contact.csv", "lead.csv")


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
        by_name = {plain_name(name).lower(): table for name, table in tables.items()}
        contacts, accounts = by_name.get("contact.csv"), by_name.get("account.csv")
        ones = []
        if contacts is not None:
            whole = contacts if accounts is None else _Joined(contacts, _accounts(path, accounts))
            ones.append(One("Contact.csv", whole, {"Object": "Contact"}))
        if "lead.csv" in by_name:
            ones.append(One("Lead.csv", by_name["lead.csv"], {"Object": "Lead"}))
        if not ones:
            raise SourceError(
                f"{path} holds neither contacts nor leads.", "Export it again, with both objects."
            )
        return ones

    return together(path, settings, "[acl]*.csv", EXPORT, chosen)


def _accounts(path: Path, source: Source) -> pa.Table:
    """The columns of accounts that contacts get, under the names that they have there, with `Id`."""
    named = {folded(name): name for name in source.header}
    if "id" not in named:
        raise SourceError(f"{path}: its Account.csv has no column Id.", "Export it again, with all columns.")
    wanted = [named["id"], *(named[folded(name)] for name in _OF_ACCOUNTS if folded(name) in named)]
    with named_as(source.path, f"{path} (Account.csv)"):
        frames = [frame.cells.select(wanted) for frame in source.frames()]
    table = (
        pa.concat_tables(frames) if frames else pa.table({name: pa.array([], pa.string()) for name in wanted})
    )
    return table.rename_columns(["Id", *(f"Account.{name}" for name in wanted[1:])]).combine_chunks()


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
        for frame in self._contacts.frames():
            keys = frame.cells.column(self._by) if self._by else pa.nulls(len(frame), pa.string())
            places = pc.index_in(keys, value_set=ids)
            cells = frame.cells
            for name in self._added:
                cells = cells.append_column(name, pc.fill_null(self._accounts.column(name).take(places), ""))
            yield Frame(cells, frame.rows, frame.lines, frame.misread)
        self.sha256 = self._contacts.sha256
