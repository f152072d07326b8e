"""hubspot_contacts.csv: a contacts export as HubSpot writes it, and what is planted in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from sample_data.dice import Dice
from sample_data.lands import LANDS
from sample_data.people import People, latin
from sample_data.sample import Sample
from sample_data.stories import BROKEN, Cells, Change, Row, Trap, Twist, cell, each, typo

__all__ = ["SAMPLE"]

HUBSPOT = (
    "Record ID", "First Name", "Last Name", "Email", "Phone Number", "Mobile Phone Number", "Job Title",
    "Company Name", "Associated Company", "Street Address", "City", "State/Region", "Postal Code", "Country/Region",
    "Website URL", "Preferred language", "Date of birth", "Lifecycle Stage", "Lead Status", "Contact owner",
    "Create Date", "Last Activity Date", "Last Modified Date", "Original Source", "Number of Employees",
    "HubSpot Score", "Marketing contact status", "Unsubscribed from all email", "Opted out of email: Newsletter",
    "Legal basis for processing contact's data", "Newsletter topics", "Plan", "Email tags", "Message",
    "Associated Company IDs", "hs_email_domain", "hs_analytics_num_page_views", "hs_latest_source",
)  # fmt: skip
STAGES = (
    "Subscriber",
    "Lead",
    "Lead",
    "Marketing Qualified Lead",
    "Sales Qualified Lead",
    "Opportunity",
    "Customer",
)
OWNERS = ("Inès Moreau", "Tomás Ó Briain", "Jan-Ole Petersen", "")
MESSAGES = (
    "", "", "", "Call back after the fair.\nPrefers mornings.", 'Says: "send me the brochure"',
    "Met at booth 12;\r\nwants the price list, please.", "Ligne 1\n\nLigne 3",
)  # fmt: skip


def hubspot_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the export says of somebody about whom there is nothing to say."""
    one = people.next()
    number = next(ids)
    year, month, day = dice.between(2019, 2025), dice.between(1, 12), dice.between(1, 28)
    at = f"{year}-{month:02}-{day:02} {dice.between(8, 19):02}:{dice.between(0, 59):02}"
    source = dice.one_of(("Organic Search", "Direct Traffic", "Offline Sources", "Paid Social", "Referrals"))
    company = one.company
    topics = [t for t in ("Newsletter", "Events", "Product updates", "Webinars") if dice.share(0.35)]
    street = one.street + (
        dice.one_of(("\nHinterhaus", "\nc/o Nordwind", "\n2nd floor")) if dice.share(0.08) else ""
    )
    mobile = bool(one.phone) and dice.share(0.2)
    return {
        "Record ID": str(number),
        "First Name": one.given,
        "Last Name": one.family,
        "Email": one.address,
        "Phone Number": "" if mobile else one.phone,
        "Mobile Phone Number": one.phone if mobile else "",
        "Job Title": one.title,
        "Company Name": company,
        "Associated Company": company,
        "Street Address": street,
        "City": one.city,
        "State/Region": one.region,
        "Postal Code": one.postcode,
        "Country/Region": one.land.name if dice.share(0.8) else dice.one_of(one.land.codes),
        "Website URL": f"https://www.example.com/{latin(company)}"
        if latin(company) and dice.share(0.5)
        else "",
        "Preferred language": one.land.language if dice.share(0.7) else "",
        "Date of birth": one.born,
        "Lifecycle Stage": dice.one_of(STAGES),
        "Lead Status": dice.one_of(("New", "Open", "In Progress", "Connected", "")),
        "Contact owner": dice.one_of(OWNERS),
        "Create Date": at,
        "Last Activity Date": f"2026-0{dice.between(1, 3)}-{dice.between(1, 28):02} 10:{dice.between(10, 59)}",
        "Last Modified Date": f"2026-04-{dice.between(1, 28):02} 11:{dice.between(10, 59)}",
        "Original Source": source,
        "Number of Employees": dice.one_of(("", "1", "12", "250", "10000")),
        "HubSpot Score": dice.one_of(("", str(dice.between(0, 100)))),
        "Marketing contact status": "Marketing contact",
        "Unsubscribed from all email": dice.one_of(("", "false")),
        "Opted out of email: Newsletter": dice.one_of(("", "", "false")),
        "Legal basis for processing contact's data": dice.one_of(("Legitimate interest – prospect/lead", "")),
        "Newsletter topics": ";".join(topics),
        "Plan": dice.one_of(("", "", "Starter", "Team", "Business")),
        "Email tags": dice.one_of(("", "", "partner", "vip", "webinar;press")),
        "Message": dice.one_of(MESSAGES),
        "Associated Company IDs": str(dice.between(10**9, 10**10)),
        "hs_email_domain": one.address.split("@")[1],
        "hs_analytics_num_page_views": str(dice.below(40)),
        "hs_latest_source": source.upper().replace(" ", "_"),
    }


def hubspot_traps() -> list[Trap]:
    """What is wrong with the export, and what is only unusual."""
    all_mail, news = "Unsubscribed from all email", "Opted out of email: Newsletter"
    older = {"Last Modified Date": "2025-11-30 08:00", "Job Title": "Intern"}
    out = {all_mail: "true"}
    other = {"Lifecycle Stage": "Other"}
    cold = {"Marketing contact status": "Non-marketing contact"}
    louder: Change = lambda cells: {"Email": cells["Email"].title()} | older  # noqa: E731 - a table of changes
    return [
        Trap("Lifecycle stage `Other`", "filtered", each([other] * 52, filtered=True)),
        Trap("Non-marketing contact", "filtered", each([cold] * 60, filtered=True)),
        Trap("Blank lifecycle stage", "filtered", each(cell("Lifecycle Stage", "", *["  "] * 9), filtered=True)),
        Trap(
            "Left out, and its address is blank or broken",
            "filtered: that comes before invalid, and its problems are not counted",
            each([cold | {"Email": a} for a in ("", "", "", "", BROKEN[0], BROKEN[5])], "email_syntax", filtered=True),
        ),
        Trap(
            "Left out, and opted out, with no other row",
            "filtered; the opt-out is known, but there is no contact to tell it",
            each([cold | out] * 3, filtered=True, opted_out=True),
        ),
        Trap(
            "The same person twice, from two exports put together",
            "the earlier row is a duplicate of the later one",
            ((Twist(older), Twist()),) * 10,
        ),
        Trap(
            "The same person twice, the address once in another case",
            "the earlier row is a duplicate of the later one",
            ((Twist(louder), Twist()),) * 5,
        ),
        Trap("The same person three times", "two duplicates of the last", ((Twist(older), Twist(louder), Twist()),) * 3),
        Trap(
            "Opted out only in the row that loses",
            "the earlier row is a duplicate; the contact is created opted out",
            ((Twist(older | out, opted_out=True), Twist()),) * 3,
        ),
        Trap(
            "A good row, then an invalid one of the same person",
            "the good row is created, the later one is invalid",
            ((Twist(), Twist(older | {"Country/Region": "Narnia"}, ("country_unknown",))),) * 2,
        ),
        Trap(
            "A good row, then an invalid one that opts out",
            "the good row is created opted out, the later one is invalid",
            ((Twist(), Twist(out | {"Date of birth": "1990-02-30"}, ("date_syntax",), opted_out=True)),),
        ),
        Trap(
            "A good row, and a filtered one of the same person",
            "one created, one filtered, no duplicate",
            ((Twist(cold, filtered=True), Twist()), (Twist(), Twist(cold, filtered=True))),
        ),
        Trap(
            "A good row, and a filtered one that opts out",
            "the good row is created opted out, the other is filtered",
            ((Twist(), Twist(cold | out, filtered=True, opted_out=True)),) * 2,
        ),
        Trap("Unsubscribed from all email", "created opted out", each([out, {all_mail: "TRUE"}] * 2, opted_out=True)),
        Trap("Unsubscribed from the newsletter only", "created opted out", each([{news: "true"}] * 2, opted_out=True)),
        Trap(
            "An opt-out nobody understands",
            "created opted out, with the warning consent_not_understood",
            each(cell(all_mail, "pending", "ask again"), "", "consent_not_understood", opted_out=True),
        ),
        Trap(
            "A misspelled mail provider",
            "created, with the warning email_typo_domain",
            each([typo(d) for d in ("gmial.com", "hotmial.com", "gmail.con", "yaho.com")], "", "email_typo_domain"),
        ),
        Trap("No address", "invalid: key_blank", each(cell("Email", *[""] * 6, "   "), "key_blank")),
        Trap("A broken address", "invalid: email_syntax", each(cell("Email", *BROKEN[:9]), "email_syntax")),
        Trap(
            "Text where a phone number belongs",
            "invalid: phone_syntax",
            each(
                [
                    {"Phone Number": text, "Mobile Phone Number": ""}
                    for text in ("call the office", "ask Sandra", "unknown", "12345678901234567890")
                ],
                "phone_syntax",
            ),
        ),
        Trap(
            "A country that does not exist",
            "invalid: country_unknown",
            each(cell("Country/Region", "Atlantis", "Narnia", "Westeros"), "country_unknown"),
        ),
        Trap(
            "A birthday that does not exist, or is written in another way",
            "invalid: date_syntax",
            each(cell("Date of birth", "1990-02-30", "0000-00-00", "31/12/1985", "unknown"), "date_syntax"),
        ),
        Trap(
            "A creation time written in another way",
            "invalid: datetime_syntax",
            each(cell("Create Date", "03/14/2024 9:05 AM", "last spring"), "datetime_syntax"),
        ),
        Trap(
            "Created in the hour that comes twice when summer time ends in Berlin",
            "invalid: datetime_ambiguous",
            each(cell("Create Date", "2023-10-29 02:30"), "datetime_ambiguous"),
        ),
        Trap("A score that is no number", "invalid: number_syntax", each(cell("HubSpot Score", "hot", "n/a"), "number_syntax")),
        Trap(
            "A plan that is not in the mapping's table",
            "invalid: value_unknown",
            each(cell("Plan", "Enterprise trial", "Legacy", "Legacy"), "value_unknown"),
        ),
        Trap(
            "A topic that CampaignLark does not have",
            "invalid: choice_unknown",
            each(cell("Newsletter topics", "Podcast", "Newsletter;Podcast", "Events;Merch"), "choice_unknown"),
        ),
        Trap(
            "A tag that CampaignLark does not have",
            "invalid: tag_unknown",
            each(cell("Email tags", "influencer", "partner;influencer"), "tag_unknown"),
        ),
        Trap(
            "A website that is none",
            "invalid: url_syntax",
            each(cell("Website URL", "not a website", "we have none"), "url_syntax"),
        ),
        Trap(
            "Two problems in one row",
            "one invalid row, both problems",
            (
                *each([{"Email": BROKEN[10], "Country/Region": "Atlantis"}], "email_syntax country_unknown"),
                *each([{"Email": "", "Plan": "Legacy"}], "key_blank value_unknown"),
                *each([{"Date of birth": "1985-13-01", "HubSpot Score": "hot"}], "date_syntax number_syntax"),
            ),
        ),
        Trap(
            "Four problems in one row",
            "one invalid row, four problems",
            each(
                [
                    {
                        "Email": BROKEN[12],
                        "Country/Region": "Narnia",
                        "Phone Number": "none at all",
                        "Mobile Phone Number": "",
                        "Plan": "Enterprise trial",
                    }
                ],
                "email_syntax country_unknown phone_syntax value_unknown",
            ),
        ),
        Trap(
            "Spaces and capitals around the address",
            "created",
            each([lambda cells: {"Email": f"  {cells['Email'].upper()} "}] * 4),
        ),
        Trap(
            "Addresses with a plus, an apostrophe or an international domain",
            "created",
            each(cell("Email", "renee+news@example.com", "s.o'brien@example.org", "gruss@münchen.example.com")),
        ),
        Trap(
            "No-break spaces in a phone number",
            "created",
            each(
                [
                    {"Phone Number": text, "Mobile Phone Number": ""}
                    for text in ("+33\u00a01\u00a099\u00a000\u00a012\u00a034", "+44\u00a020\u00a07946\u00a00123")
                ]
            ),
        ),
        Trap(
            "Capitals in values that the mapping compares",
            "created",
            each(
                [
                    {"Lifecycle Stage": "CUSTOMER", "Plan": "business"},
                    {"Lifecycle Stage": " lead ", "Marketing contact status": "MARKETING CONTACT"},
                    {"Newsletter topics": "newsletter;EVENTS;product news"},
                ]
            ),
        ),
        Trap(
            "Names that look like nothing at all",
            "created",
            each([{"First Name": "Null"}, {"Last Name": "NA"}, {"Last Name": "None"}, {"First Name": "True"}]),
        ),
        Trap("Namibia's code", "created in NA", each([{"Country/Region": "NA"}])),
        Trap(
            "A person of whom only the address is known",
            "created",
            each(
                [
                    dict.fromkeys(
                        (
                            "First Name", "Last Name", "Phone Number", "Mobile Phone Number", "City", "Postal Code",
                            "Country/Region", "Date of birth", "Newsletter topics", "Plan", "Email tags",
                        ),
                        "",
                    )
                ]
                * 3
            ),
        ),
    ]  # fmt: skip


def hubspot_bytes(rows: Sequence[Row]) -> bytes:
    """Every cell in quotes, as HubSpot writes them; the last line has no end."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(HUBSPOT)
    writer.writerows([row.cells[name] for name in HUBSPOT] for row in rows)
    return text.getvalue().rstrip("\n").encode()


SAMPLE = Sample(
    "hubspot_contacts.csv", "hubspot_to_campaignlark.yml", 1200, 84_120_553_201, "Email",
    "A contacts export from HubSpot with the columns and values it writes: UTF-8, commas, every cell in quotes, "
    "line ends inside addresses and messages, and no line end after the last row.",
    LANDS, hubspot_cells, hubspot_traps, hubspot_bytes,
)  # fmt: skip
