"""exports/: what products export of the same few people, each in its own columns and words.

Thirty people; the twelfth has two rows and the later one holds, the fifteenth has a broken address, every fifth wants no mail. `EXPECTED` counts that
from what was planted. An export of a product is a table here: its columns, and how each is written.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sample_data.dice import Dice
from sample_data.lands import LANDS
from sample_data.people import People, Person

__all__ = ["EXPORTS", "Export", "Planted", "expected", "made"]

COUNT, TWICE, BROKEN = 30, 12, 15
_TAGS = (("vip",), ("vip", "partner"), (), ("newsletter 2026",))


@dataclass(frozen=True)
class Somebody:
    """A row: a person, their place in the file from 1, and whether they want no mail."""

    person: Person
    number: int
    out: bool
    tags: tuple[str, ...]

    @property
    def moment(self) -> tuple[str, str]:
        """When they were added: a day (YYYY-MM-DD) and a time (hh:mm)."""
        return (
            f"2025-{self.number % 12 + 1:02}-{self.number % 28 + 1:02}",
            f"{self.number % 24:02}:{self.number % 60:02}",
        )


Cell = Callable[[Somebody], str]


@dataclass(frozen=True)
class Export:
    """A product's file. `columns` are written in their order; `quoting` and the like are those of the product."""

    name: str
    columns: Mapping[str, Cell]
    delimiter: str = ","
    quoting: int = csv.QUOTE_MINIMAL
    line_end: str = "\r\n"
    encoding: str = "utf-8"
    blanks: Sequence[str] = field(default=())
    """Columns that the product always writes, and that say nothing here; after the others."""

    def bytes(self, rows: Sequence[Somebody]) -> bytes:
        text = io.StringIO(newline="")
        writer = csv.writer(
            text, delimiter=self.delimiter, quoting=self.quoting, lineterminator=self.line_end
        )  # type: ignore[arg-type]
        writer.writerow([*self.columns, *self.blanks])
        writer.writerows(
            [*(cell(one) for cell in self.columns.values()), *("" for _ in self.blanks)] for one in rows
        )
        return text.getvalue().encode(self.encoding)


def rows() -> list[Somebody]:
    """The people of every export."""
    dice = Dice("exports")
    people = People(dice, LANDS[:9])
    found = [
        Somebody(people.next(), number, number % 5 == 0, _TAGS[number % len(_TAGS)])
        for number in range(1, COUNT + 1)
    ]
    twice = found[TWICE - 1]
    found[TWICE] = replace(found[TWICE], person=twice.person, out=False)
    broken = found[BROKEN - 1]
    found[BROKEN - 1] = replace(
        broken, person=replace(broken.person, address="nobody.example.com"), out=False
    )
    return found


@dataclass(frozen=True)
class Planted:
    """What is in each export: how many rows, whose addresses opted out, and which rows are duplicates and invalid."""

    rows: int
    opted_out: tuple[str, ...]
    duplicate: tuple[int, ...]
    invalid: tuple[int, ...]


def expected() -> Planted:
    """What was planted, counted without asking muster."""
    everybody = rows()
    out = sorted(one.person.address for one in everybody if one.out)
    return Planted(len(everybody), tuple(out), (TWICE,), (BROKEN,))


def made() -> dict[str, bytes]:
    """Every file's name and bytes."""
    everybody = rows()
    files = {f"exports/{export.name}": export.bytes(everybody) for export in EXPORTS}
    return files | {
        "exports/mailchimp_export.zip": _mailchimp(everybody),
        "exports/salesforce_weekly_export.zip": _salesforce(everybody),
    }


def _archive(members: Mapping[str, bytes]) -> bytes:
    """A ZIP that is the same bytes each time."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            one = zipfile.ZipInfo(name, (2026, 3, 1, 6, 30, 0))
            one.external_attr = 0o644 << 16
            archive.writestr(one, content)
    return packed.getvalue()


def _mailchimp(everybody: Sequence[Somebody]) -> bytes:
    """Three files, each with the people of one status; the newest to be cleaned is the last who opted out."""
    out = [one for one in everybody if one.out]
    files = {
        "subscribed_email_audience_export_5f1c2a.csv": (MAILCHIMP, [one for one in everybody if not one.out]),
        "unsubscribed_email_audience_export_5f1c2a.csv": (MAILCHIMP | UNSUBSCRIBED, out[:-1]),
        "cleaned_email_audience_export_5f1c2a.csv": (MAILCHIMP | CLEANED, out[-1:]),
    }
    return _archive(
        {name: Export(name, columns, line_end="\n").bytes(rows) for name, (columns, rows) in files.items()}
    )


def _salesforce(everybody: Sequence[Somebody]) -> bytes:
    """Contacts, the last ten people as leads, and the contacts' accounts."""
    contacts, leads = everybody[:-10], everybody[-10:]
    quoted = {"quoting": csv.QUOTE_ALL, "line_end": "\n"}
    return _archive(
        {
            "Account.csv": Export("Account.csv", ACCOUNT, **quoted).bytes(contacts),  # type: ignore[arg-type]
            "Contact.csv": Export("Contact.csv", CONTACT, **quoted).bytes(contacts),  # type: ignore[arg-type]
            "Lead.csv": Export("Lead.csv", LEAD, **quoted).bytes(leads),  # type: ignore[arg-type]
            "Opportunity.csv": b'"Id","IsDeleted","AccountId","Name"\n',
        }
    )


def _first(one: Somebody) -> str:
    return one.person.given


def _last(one: Somebody) -> str:
    return one.person.family


def _whole(one: Somebody) -> str:
    return f"{one.person.given} {one.person.family}"


def _mail(one: Somebody) -> str:
    return one.person.address


def _phone(one: Somebody) -> str:
    return one.person.phone if one.person.phone.startswith("+") else ""


def _company(one: Somebody) -> str:
    return one.person.company


def _title(one: Somebody) -> str:
    return one.person.title


def _street(one: Somebody) -> str:
    return one.person.street


def _city(one: Somebody) -> str:
    return one.person.city


def _region(one: Somebody) -> str:
    return one.person.region


def _zip(one: Somebody) -> str:
    return one.person.postcode


def _country(one: Somebody) -> str:
    return one.person.land.name


def _code(one: Somebody) -> str:
    return one.person.land.codes[0]


def _born(one: Somebody) -> str:
    return one.person.born


def _said(out: str, wanted: str) -> Cell:
    return lambda one: out if one.out else wanted


def _tags(joint: str) -> Cell:
    return lambda one: joint.join(one.tags)


def _number(pattern: str) -> Cell:
    """An id: `%` is a number that each row has for itself."""
    return lambda one: pattern.replace("%", str(4_100_000 + 7 * one.number))


def _moment(pattern: str) -> Cell:
    return lambda one: pattern.replace("D", one.moment[0]).replace("T", one.moment[1])


def _always(text: str) -> Cell:
    return lambda _: text


def _known(one: Somebody) -> str:
    return f"{one.moment[0]} {one.moment[1]}:00"


MAILCHIMP: Mapping[str, Cell] = {
    "Email Address": _mail, "First Name": _first, "Last Name": _last, "Address": lambda one: f"{one.person.street}  {one.person.city}  {one.person.postcode}  {one.person.land.codes[0]}",
    "Phone Number": _phone, "Birthday": lambda one: one.person.born[5:].replace("-", "/"), "Company": _company, "MEMBER_RATING": _always("2"),
    "OPTIN_TIME": _known, "OPTIN_IP": _always("127.0.0.1"), "CONFIRM_TIME": _known, "CONFIRM_IP": _always("127.0.0.1"), "LATITUDE": _always(""),
    "LONGITUDE": _always(""), "GMTOFF": _always(""), "DSTOFF": _always(""), "TIMEZONE": _always(""), "CC": _code, "REGION": _always(""),
    "LAST_CHANGED": _known, "LEID": _number("%"), "EUID": _number("a9%fe"), "NOTES": _always(""),
    "TAGS": lambda one: ",".join(f'"{tag}"' for tag in one.tags),
}  # fmt: skip
UNSUBSCRIBED: Mapping[str, Cell] = {
    "UNSUB_TIME": _known, "UNSUB_CAMPAIGN_TITLE": _always("March"), "UNSUB_CAMPAIGN_ID": _always("18c2"), "UNSUB_REASON": _always("NO_LONGER_INTERESTED"),
    "UNSUB_REASON_OTHER": _always(""),
}  # fmt: skip
CLEANED: Mapping[str, Cell] = {
    "CLEAN_TIME": _known, "CLEAN_CAMPAIGN_TITLE": _always("March"), "CLEAN_CAMPAIGN_ID": _always("18c2"),
}  # fmt: skip
ACCOUNT: Mapping[str, Cell] = {
    "Id": _number("001Qx0000%AAB"), "IsDeleted": _always("0"), "Name": lambda one: one.person.company or "Household",
    "Type": _always("Customer"), "BillingCountry": _country, "Website": _always("https://example.com"), "Industry": _always("Retail"),
}  # fmt: skip
CONTACT: Mapping[str, Cell] = {
    "Id": _number("003Qx0000%AAA"), "IsDeleted": _always("0"), "AccountId": _number("001Qx0000%AAB"), "LastName": _last, "FirstName": _first,
    "Salutation": _always(""), "MailingStreet": _street, "MailingCity": _city, "MailingState": _region, "MailingPostalCode": _zip,
    "MailingCountry": _country, "Phone": _phone, "MobilePhone": _always(""), "Email": _mail, "Title": _title, "LeadSource": _always("Web"),
    "Birthdate": _born, "HasOptedOutOfEmail": _said("1", "0"), "CreatedDate": _known, "LastModifiedDate": _known,
}  # fmt: skip
LEAD: Mapping[str, Cell] = {
    "Id": _number("00QQx0000%AAC"), "IsDeleted": _always("0"), "LastName": _last, "FirstName": _first, "Salutation": _always(""), "Title": _title,
    "Company": lambda one: one.person.company or "None", "Street": _street, "City": _city, "State": _region, "PostalCode": _zip, "Country": _country,
    "Phone": _phone, "MobilePhone": _always(""), "Email": _mail, "LeadSource": _always("Web"), "Status": _always("Open - Not Contacted"),
    "IsConverted": _always("0"), "HasOptedOutOfEmail": _said("1", "0"), "CreatedDate": _known, "LastModifiedDate": _known,
}  # fmt: skip
EXPORTS = (
    Export(
        "salesforce_report.csv",
        {
            "Salutation": _always(""), "First Name": _first, "Last Name": _last, "Title": _title, "Account Name": _company,
            "Mailing Street": _street, "Mailing City": _city, "Mailing State/Province": _region, "Mailing Zip/Postal Code": _zip,
            "Mailing Country": _country, "Phone": _phone, "Mobile": _always(""), "Email": _mail, "Email Opt Out": _said("1", "0"),
            "Birthdate": _born, "Lead Source": _always("Web"), "Account Owner": _always("Dana Owner"), "Contact ID": _number("003Qx0000%AAA"),
        },
        quoting=csv.QUOTE_ALL, line_end="\n",
    ),
    Export(
        "salesforce_data_loader.csv",
        {
            "ID": _number("003Qx0000%AAA"), "ISDELETED": _always("false"), "ACCOUNTID": _number("001Qx0000%AAB"), "LASTNAME": _last,
            "FIRSTNAME": _first, "SALUTATION": _always(""), "MAILINGSTREET": _street, "MAILINGCITY": _city, "MAILINGSTATE": _region,
            "MAILINGPOSTALCODE": _zip, "MAILINGCOUNTRY": _country, "PHONE": _phone, "MOBILEPHONE": _always(""), "EMAIL": _mail,
            "TITLE": _title, "LEADSOURCE": _always("Web"), "BIRTHDATE": _born, "HASOPTEDOUTOFEMAIL": _said("true", "false"),
            "CREATEDDATE": lambda one: f"{one.moment[0]}T{one.moment[1]}:00.000Z",
        },
        quoting=csv.QUOTE_ALL, line_end="\n",
    ),
    Export(
        "pipedrive_export.csv",
        {
            "Person - ID": _number("%"), "Person - Name": _whole, "Person - First name": _first, "Person - Last name": _last,
            "Person - Organization": _company, "Person - Job title": _title, "Person - Email - Work": _mail, "Person - Email - Home": _always(""),
            "Person - Email - Other": _always(""), "Person - Phone - Work": _phone, "Person - Phone - Mobile": _always(""),
            "Person - Marketing status": _said("Unsubscribed", "Subscribed"), "Person - Labels": _tags(", "),
            "Person - Birthday": _born, "Person - Person created": _moment("D T:00"), "Person - Owner": _always("Dana Owner"),
        },
        line_end="\n",
    ),
    Export(
        "zoho_export.csv",
        {
            "Record Id": _number("zcrm_57%000001"), "Contact Owner.id": _always("zcrm_5700001"), "Contact Owner": _always("Dana Owner"),
            "Lead Source": _always("Web"), "First Name": _first, "Last Name": _last, "Account Name.id": _number("zcrm_58%000001"),
            "Account Name": _company, "Email": _mail, "Title": _title, "Phone": _phone, "Mobile": _always(""), "Date of Birth": _born,
            "Email Opt Out": _said("true", "false"), "Mailing Street": _street, "Mailing City": _city, "Mailing State": _region,
            "Mailing Zip": _zip, "Mailing Country": _country, "Tag": _tags(";"), "Created Time": _moment("D T:00"),
        },
        line_end="\n",
    ),
    Export(
        "dynamics_export.csv",
        {
            "(Do Not Modify) Contact": _number("7d2b2f8e-6a53-ef11-a317-00%d0a1b"), "(Do Not Modify) Row Checksum": _number("q3/%=="),
            "(Do Not Modify) Modified On": _moment("D T"), "Full Name": _whole, "First Name": _first, "Last Name": _last, "Email": _mail,
            "Company Name": _company, "Job Title": _title, "Business Phone": _phone, "Mobile Phone": _always(""),
            "Address 1: Street 1": _street, "Address 1: City": _city, "Address 1: State/Province": _region,
            "Address 1: ZIP/Postal Code": _zip, "Address 1: Country/Region": _country, "Birthday": _born,
            "Do not allow Bulk Emails": _said("Do Not Allow", "Allow"), "Do not allow Emails": _always("Allow"), "Status": _always("Active"),
        },
    ),
    Export(
        "klaviyo_export.csv",
        {
            "Email": _mail, "Klaviyo ID": _number("01J%QZ"), "First Name": _first, "Last Name": _last, "Organization": _company, "Title": _title,
            "Phone Number": _phone, "Address": _street, "Address 2": _always(""), "City": _city, "State / Region": _region,
            "Country": _country, "Zip Code": _zip, "Source": _always("Sign-up form"), "Email Marketing Consent": _said("UNSUBSCRIBED", "SUBSCRIBED"),
            "Email Marketing Consent Timestamp": _moment("D T:00"), "Email Suppressions": _said("UNSUBSCRIBE", ""),
            "Historic Number Of Orders": _always("0"), "First Active": _moment("D T:00"), "Last Active": _moment("D T:00"),
            "Profile Created On": _moment("D T:00"),
        },
        line_end="\n",
    ),
    Export(
        "activecampaign_export.csv",
        {
            "Contact ID": _number("%"), "Email": _mail, "First Name": _first, "Last Name": _last, "Phone": _phone, "Account": _company,
            "Job Title": _title, "Date Created": _moment("D T:00"), "IP Address": _always("127.0.0.1"), "Tags": _tags(","),
            "Status": _said("Unsubscribed", "Active"),
        },
        quoting=csv.QUOTE_ALL, line_end="\n",
    ),
    Export(
        "brevo_export.csv",
        {
            "CONTACT ID": _number("%"), "EMAIL": _mail, "FIRSTNAME": _first, "LASTNAME": _last, "SMS": _phone, "JOB_TITLE": _title,
            "_SUBSCRIBED": _said("", "email_marketing"), "_BLOCKLISTED": _said("email_marketing", ""),
            "ADDED_TIME": lambda one: "-".join(reversed(one.moment[0].split("-"))),
            "MODIFIED_TIME": lambda one: "-".join(reversed(one.moment[0].split("-"))),
        },
        delimiter=";", line_end="\n", encoding="utf-8-sig",
    ),
    Export(
        "loops_export.csv",
        {
            "email": _mail, "firstName": _first, "lastName": _last, "source": _always("Form"), "userGroup": _always("customers"),
            "userId": _number("u_%"), "subscribed": _said("false", "true"),
            "createdAt": lambda one: f"{one.moment[0]}T{one.moment[1]}:00.000Z",
        },
        line_end="\n",
    ),
    Export(
        "google_contacts.csv",
        {
            "First Name": _first, "Middle Name": _always(""), "Last Name": _last, "Name Prefix": _always(""), "Nickname": _always(""),
            "File As": _always(""), "Organization Name": _company, "Organization Title": _title, "Birthday": _born, "Notes": _always(""),
            "Labels": lambda one: " ::: ".join((*one.tags, "* myContacts")), "E-mail 1 - Label": _always("* Work"), "E-mail 1 - Value": _mail,
            "Phone 1 - Label": _always("Work"), "Phone 1 - Value": _phone, "Address 1 - Label": _always("Work"),
            "Address 1 - Formatted": lambda one: f"{one.person.street}\n{one.person.postcode} {one.person.city}\n{one.person.land.name}",
            "Address 1 - Street": _street, "Address 1 - City": _city, "Address 1 - Region": _region, "Address 1 - Postal Code": _zip,
            "Address 1 - Country": _country,
        },
        line_end="\n",
    ),
    Export(
        "outlook_export.csv",
        {
            "First Name": _first, "Middle Name": _always(""), "Last Name": _last, "Title": _always(""), "E-mail Address": _mail,
            "E-mail 2 Address": _always(""), "E-mail 3 Address": _always(""), "Mobile Phone": _always(""), "Business Phone": _phone,
            "Company": _company, "Job Title": _title, "Business Street": _street, "Business City": _city, "Business State": _region,
            "Business Postal Code": _zip, "Business Country/Region": _country, "Birthday": _always(""), "Categories": _tags(";"),
        },
        quoting=csv.QUOTE_ALL, encoding="utf-8-sig",
        blanks=("Suffix", "Nickname", "Web Page", "Home Street", "Home City", "Home Postal Code", "Notes", "Priority"),
    ),
    Export(
        "shopify_customers.csv",
        {
            "Customer ID": _number("'6%"), "First Name": _first, "Last Name": _last, "Email": _mail, "Accepts Email Marketing": _said("no", "yes"),
            "Default Address Company": _company, "Default Address Address1": _street, "Default Address Address2": _always(""),
            "Default Address City": _city, "Default Address Province Code": _always(""), "Default Address Country Code": _code,
            "Default Address Zip": lambda one: f"'{one.person.postcode}", "Default Address Phone": _phone, "Phone": _phone,
            "Accepts SMS Marketing": _always("no"), "Total Spent": _always("0.00"), "Total Orders": _always("0"), "Note": _always(""),
            "Tax Exempt": _always("no"), "Tags": _tags(", "),
        },
        line_end="\n",
    ),
    Export(
        "stripe_customers.csv",
        {
            "id": _number("cus_P%"), "Description": _always(""), "Email": _mail, "Name": _whole, "Created (UTC)": _moment("D T"),
            "Delinquent": _always("false"), "Address Line1": _street, "Address City": _city, "Address State": _region,
            "Address Postal Code": _zip, "Address Country": _code, "Total Spend": _always("12.50"), "Payment Count": _always("1"),
            "Refunded Volume": _always("0.00"), "Dispute Losses": _always("0.00"),
        },
        line_end="\n",
    ),
)  # fmt: skip
