"""Makes the sample files, and counts what a first sync of each has to report.

    python -m sample_data.making

writes the three CSV files, `expected.json` and `README.md` beside this module, each time the same bytes. The totals
are counted here from what was planted; neither the mappings nor the connectors are asked, so that they can be held
against these numbers.

A file is made of stories. A story is what one person looks like in the file: one row, or several with the same
address in a fixed order. A trap is a list of stories with the reason they are there.
"""

from __future__ import annotations

import csv
import io
import json
import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

__all__ = ["OUTCOMES", "made", "main"]

HERE = Path(__file__).parent
OUTCOMES = (
    "created",
    "updated",
    "upserted",
    "unchanged",
    "filtered",
    "duplicate",
    "protected",
    "invalid",
    "refused",
    "failed",
    "unknown",
    "unsent",
)
UNUSABLE_KEY = {"key_blank", "email_syntax", "row_misaligned"}
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad\u202a\u202b\u202c\u202d\u202e\x00"

T = TypeVar("T")
Cells = dict[str, str]
Change = Cells | Callable[[Cells], Cells]


class Dice:
    """Chance that falls the same way on every Python: only `random.random()` promises that."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def below(self, count: int) -> int:
        return int(self._random.random() * count)

    def between(self, low: int, high: int) -> int:
        return low + self.below(high - low + 1)

    def one_of(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def share(self, part: float) -> bool:
        return self._random.random() < part

    def digits(self, pattern: str) -> str:
        return "".join(str(self.below(10)) if sign == "#" else sign for sign in pattern)

    def shuffled(self, things: Sequence[T]) -> list[T]:
        keyed = [(self._random.random(), place) for place in range(len(things))]
        return [things[place] for _, place in sorted(keyed)]


# ----------------------------------------------------------------------------------------------- people


@dataclass(frozen=True)
class Land:
    """Where a person lives, and how people, towns and telephones are called there.

    Names are `written=latin` where an address needs another script than the name. Telephones are from ranges kept
    free for fiction; lands without such a range have none.
    """

    name: str
    codes: tuple[str, str]
    german: str
    language: str
    given: str
    family: str
    places: str
    streets: str
    phones: tuple[str, ...] = ()


LANDS = (
    Land(
        "Germany",
        ("DE", "DEU"),
        "Deutschland",
        "de",
        "Anna, Jörg, Käthe, Björn, Sören, Hans-Jürgen, Anne-Sophie, Lukas, Mareike, Günther, Zoë, Friederike",
        "Müller, Schäfer, Groß, Weiß, von der Heide, zu Löwenstein, Krüger, Meyer-Landrut, Öztürk, Jäger, Vogt, Lange",
        "Dresden/Sachsen/01067, München/Bayern/80331, Köln/Nordrhein-Westfalen/50667, Leipzig/Sachsen/04109, "
        "Görlitz/Sachsen/02826, Lübeck/Schleswig-Holstein/23552",
        "Hauptstraße #1, Mühlenweg 1#, Große Gasse 2#b, Am Alten Markt #",
        ("030 23125 ###", "+49 30 23125 ###", "+49 89 99998###", "0221 4710 ###", "+49 (0)40 66969 ###"),
    ),
    Land(
        "Austria",
        ("AT", "AUT"),
        "Österreich",
        "de",
        "Maximilian, Johanna, Jürgen, Valentina, Leopold, Magdalena",
        "Gruber, Pichler, Höller, Strauß, Mayrhofer, Prinz-Böhm",
        "Wien/Wien/1010, Graz/Steiermark/8010, Sankt Pölten/Niederösterreich/3100",
        "Ringstraße 1#, Schloßallee #/2",
    ),
    Land(
        "Switzerland",
        ("CH", "CHE"),
        "Schweiz",
        "fr",
        "Céline, Reto, François, Beatriz, Urs, Noémie",
        "Zürcher, Rüegg, Favre-Bulle, De Marco, Brünnimann",
        "Zürich/ZH/8001, Genève/GE/1201, Neuchâtel/NE/2000",
        "Rue de l'Hôpital 1#, Bahnhofstrasse 2#",
    ),
    Land(
        "France",
        ("FR", "FRA"),
        "Frankreich",
        "fr",
        "Chloé, Jean-Baptiste, Maëlle, Gaëtan, Noël, Françoise, Loïc, Hélène",
        "Lefèvre, d'Aubigné, de La Fontaine, Dubois, L'Hôte, Bœuf, Garçon, Le Gall",
        "Paris/Île-de-France/75001, Bourg-en-Bresse/Auvergne-Rhône-Alpes/01000, L'Haÿ-les-Roses/Île-de-France/94240",
        "1# rue de l'Église, 2# bis avenue du Général-Leclerc",
        ("+33 1 99 00 ## ##", "+33 (0)1 99 00 ## ##"),
    ),
    Land(
        "United Kingdom",
        ("GB", "GBR"),
        "Großbritannien",
        "en",
        "Siobhán, Oliver, Aoife, Rhys, Imogen, Alasdair, Niamh, George",
        "O'Brien, Smith-Jones, MacDonald, St John, Fitz-Gerald, Llewellyn, Ng, Featherstonehaugh",
        "London/Greater London/SW1A 1AA, Manchester/Greater Manchester/M1 1AE, Llandudno/Conwy/LL30 2AB",
        "1# O'Connell Street, Flat 3/2# High Street",
        ("+44 20 7946 0###", "+44 (0)161 496 0###"),
    ),
    Land(
        "United States",
        ("US", "USA"),
        "Vereinigte Staaten",
        "en",
        "Emma, DeShawn, María José, Tyler, Renée, Mary-Kate, Xavier, Guadalupe",
        "O'Neil, De la Cruz, Washington, Nguyen, Johnson-Reyes, McAllister, Van Buren, Begay",
        "Boston/MA/02108, San José/CA/95113, Winston-Salem/NC/27101, Coeur d'Alene/ID/83814",
        "1#00 Main St Apt #, 4## Martin Luther King Jr. Blvd",
        ("+1 202-555-01##", "+1 (415) 555-01##", "+1.617.555.01##"),
    ),
    Land(
        "Spain",
        ("ES", "ESP"),
        "Spanien",
        "es",
        "Íñigo, María del Mar, José Ángel, Begoña, Núria, Álvaro",
        "Muñoz Pérez, García-Márquez, de los Ríos, Núñez, Ibáñez y Soler, Peña",
        "A Coruña/Galicia/15001, Logroño/La Rioja/26001, Cádiz/Andalucía/11001",
        "Calle Mayor 1# 2.º B, Plaça d'Espanya #",
    ),
    Land(
        "Brazil",
        ("BR", "BRA"),
        "Brasilien",
        "pt",
        "João, Conceição, Antônio, Luíza, Thaís",
        "da Silva, dos Santos Araújo, Gonçalves, Simões, Assunção",
        "São Paulo/SP/01310-100, Brasília/DF/70040-010",
        "Rua São João 1#, Avenida Paulista 9##",
    ),
    Land(
        "Netherlands",
        ("NL", "NLD"),
        "Niederlande",
        "nl",
        "Daniël, Joëlle, Sjoerd, Maaike, Pieter-Jan",
        "van den Berg, 't Hart, de Vries, IJzerman, van 't Hoff",
        "'s-Hertogenbosch/Noord-Brabant/5211 AB, Den Haag/Zuid-Holland/2511 AA",
        "Coöperatiestraat 1#, 't Zand #",
    ),
    Land(
        "Poland",
        ("PL", "POL"),
        "Polen",
        "pl",
        "Łukasz, Małgorzata, Zbigniew, Agnieszka, Grażyna",
        "Wójcik, Szczęsny, Nowak, Krawczyk, Gołąb",
        "Łódź/łódzkie/90-001, Wrocław/dolnośląskie/50-001, Gdańsk/pomorskie/80-001",
        "ul. Świętego Jana 1#, al. Niepodległości 2#/4",
    ),
    Land(
        "Sweden",
        ("SE", "SWE"),
        "Schweden",
        "sv",
        "Åsa, Örjan, Linnéa, Göran, Britt-Marie",
        "Åkesson, Öberg, af Ugglas, Sjöström, von Essen",
        "Malmö/Skåne/211 20, Västerås/Västmanland/722 11",
        "Storgatan 1#, Ängsvägen #B",
        ("+46 8 465 004 ##",),
    ),
    Land(
        "Denmark",
        ("DK", "DNK"),
        "Dänemark",
        "da",
        "Søren, Bjørg, Åse, Kåre, Mette-Marie",
        "Sørensen, Kjær, Østergaard, Bækgaard",
        "København/Hovedstaden/1050, Aarhus/Midtjylland/8000",
        "Nørregade 1#, Ærøvej #",
    ),
    Land(
        "Australia",
        ("AU", "AUS"),
        "Australien",
        "en",
        "Kirra, Lachlan, Matilda, Jarrah",
        "O'Shea, Campbell-Wright, Nguyễn, Papadopoulos",
        "Hobart/TAS/7000, Darwin/NT/0800",
        "Unit #/1# Wattle Crescent",
        ("+61 2 5550 ####", "+61 491 570 156"),
    ),
    Land(
        "Japan",
        ("JP", "JPN"),
        "Japan",
        "ja",
        "翔太=shota, 美咲=misaki, さくら=sakura, 健一=kenichi, ユウキ=yuki",
        "佐藤=sato, 渡邊=watanabe, 髙橋=takahashi, 五十嵐=igarashi",
        "東京/東京都/100-0001, 札幌市/北海道/060-0001",
        "千代田1丁目#番地, 大通西#-1#",
    ),
    Land(
        "China",
        ("CN", "CHN"),
        "China",
        "zh",
        "伟=wei, 秀英=xiuying, 晓明=xiaoming, 雅婷=yating",
        "王=wang, 欧阳=ouyang, 张=zhang, 司马=sima",
        "北京市/北京/100000, 成都市/四川/610000",
        "人民路1#号, 建设大街2#号3单元",
    ),
    Land(
        "South Korea",
        ("KR", "KOR"),
        "Südkorea",
        "ko",
        "민준=minjun, 서연=seoyeon, 지훈=jihun, 하은=haeun",
        "김=kim, 박=park, 남궁=namgung, 최=choi",
        "서울/서울특별시/04524, 부산/부산광역시/48058",
        "세종대로 1#, 해운대로 2##",
    ),
    Land(
        "Egypt",
        ("EG", "EGY"),
        "Ägypten",
        "ar",
        "محمد=mohamed, فاطمة=fatma, أحمد=ahmed, ليلى=layla",
        "حسن=hassan, عبد الرحمن=abdelrahman, السيد=elsayed",
        "القاهرة/القاهرة/11511, الإسكندرية/الإسكندرية/21500",
        "شارع التحرير 1#, ميدان سعد زغلول #",
    ),
    Land(
        "Saudi Arabia",
        ("SA", "SAU"),
        "Saudi-Arabien",
        "ar",
        "نورة=noura, عبد الله=abdullah, خالد=khalid",
        "آل سعيد=alsaid, العتيبي=alotaibi, القحطاني=alqahtani",
        "الرياض/الرياض/11564, جدة/مكة المكرمة/21577",
        "طريق الملك فهد 1#",
    ),
    Land(
        "Israel",
        ("IL", "ISR"),
        "Israel",
        "he",
        "נועה=noa, יוסף=yosef, תמר=tamar",
        "כהן=cohen, בן־דוד=bendavid, פרץ=peretz",
        "תל אביב/תל אביב/6100000, ירושלים/ירושלים/9100000",
        "רחוב הרצל 1#",
    ),
    Land(
        "Ukraine",
        ("UA", "UKR"),
        "Ukraine",
        "uk",
        "Олександр=oleksandr, Наталія=nataliia, Любов=liubov, Дар'я=daria",
        "Шевченко=shevchenko, Кравчук=kravchuk, Їжак=yizhak",
        "Київ/Київ/01001, Львів/Львівська область/79000",
        "вул. Хрещатик 1#, просп. Свободи 2#",
    ),
    Land(
        "Bulgaria",
        ("BG", "BGR"),
        "Bulgarien",
        "bg",
        "Георги=georgi, Стоян=stoyan, Димитър=dimitar",
        "Иванов=ivanov, Щерев=shterev, Жеков=zhekov",
        "София/София-град/1000, Пловдив/Пловдив/4000",
        "бул. Витоша 1#",
    ),
    Land(
        "Greece",
        ("GR", "GRC"),
        "Griechenland",
        "el",
        "Γιώργος=giorgos, Ελένη=eleni, Άννα=anna",
        "Παπαδάκης=papadakis, Οικονόμου=oikonomou",
        "Αθήνα/Αττική/105 57, Ηράκλειο/Κρήτη/712 01",
        "Οδός Ερμού 1#",
    ),
    Land(
        "Vietnam",
        ("VN", "VNM"),
        "Vietnam",
        "vi",
        "Thị Hồng Nhung, Văn Đức, Quỳnh Anh",
        "Nguyễn, Đặng, Trần Lê",
        "Hà Nội/Hà Nội/100000, Đà Nẵng/Đà Nẵng/550000",
        "1# phố Hàng Bạc",
    ),
    Land(
        "India",
        ("IN", "IND"),
        "Indien",
        "hi",
        "अनन्या=ananya, Arjun, प्रिया=priya, Lakshmi",
        "शर्मा=sharma, Venkataraman, Singh-Gill, Iyer",
        "Mumbai/Maharashtra/400001, Bengaluru/Karnataka/560001",
        "1# M.G. Road, 2# Linking Road",
    ),
)
COMPANIES = (
    "Nordwind Logistik GmbH", "Müller & Söhne KG", 'Café "Zum Anker"', "Brontë & Daughters Ltd.", "Acme, Inc.",
    "Société Générale d'Exemple", "3D-Druck Görlitz", "株式会社サンプル", "Łódzka Spółka Przykładowa", "Fjord & Fjell A/S",
    "O'Malley's Garden Centre", "El Niño S.A. de C.V.", "Beispiel AG, Werk 2", "Yoyodyne Propulsion", "",
)  # fmt: skip
TITLES = (
    "Head of Marketing", "Geschäftsführerin", "Chargé d'affaires", "CTO", "Buyer, Europe", "Редактор", "店長",
    "Student", "Owner/Operator", "Sr. Manager – Events", "",
)  # fmt: skip
DOMAINS = (
    "example.com", "example.org", "example.net", "mail.example.com", "post.example.org", "nordwind.example.com",
    "office.example.net",
)  # fmt: skip
LATIN = str.maketrans(
    {"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "æ": "ae", "Æ": "Ae", "œ": "oe"}
)


def latin(name: str) -> str:
    """The part of an address that is made from a name."""
    plain = unicodedata.normalize("NFKD", name.translate(LATIN)).lower()
    return "".join(sign for sign in plain if sign.isascii() and sign.isalnum())


def names(text: str) -> list[tuple[str, str]]:
    """`written=latin, …` as pairs."""
    return [
        (written, spelled or latin(written))
        for written, _, spelled in (n.partition("=") for n in text.split(", "))
    ]


@dataclass(frozen=True)
class Person:
    """Somebody made up, before a file gives them columns."""

    land: Land
    given: str
    family: str
    address: str
    city: str
    region: str
    postcode: str
    street: str
    phone: str
    company: str
    title: str
    born: str


class People:
    """Makes people whose addresses differ from all before."""

    def __init__(self, dice: Dice, lands: Sequence[Land]) -> None:
        self.dice = dice
        self.lands = lands
        self.taken: set[str] = set()

    def next(self) -> Person:
        dice = self.dice
        land = self.lands[0] if dice.share(0.15) else dice.one_of(self.lands)
        given, given_latin = dice.one_of(names(land.given))
        family, family_latin = dice.one_of(names(land.family))
        local = dice.one_of(
            (
                f"{given_latin}.{family_latin}",
                f"{given_latin[0]}.{family_latin}",
                f"{family_latin}_{given_latin}",
            )
        )
        domain = dice.one_of(DOMAINS)
        address, more = f"{local}@{domain}", 1
        while address in self.taken:
            more += 1
            address = f"{local}{more}@{domain}"
        self.taken.add(address)
        city, region, postcode = dice.one_of(land.places.split(", ")).split("/")
        phone = dice.digits(dice.one_of(land.phones)) if land.phones and dice.share(0.7) else ""
        born = f"{dice.between(1948, 2005)}-{dice.between(1, 12):02}-{dice.between(1, 28):02}"
        return Person(
            land, given, family, address, city, region, postcode,
            street=dice.digits(dice.one_of(land.streets.split(", "))),
            phone=phone,
            company=dice.one_of(COMPANIES),
            title=dice.one_of(TITLES),
            born=born if dice.share(0.5) else "",
        )  # fmt: skip


# ---------------------------------------------------------------------------------------------- stories


@dataclass(frozen=True)
class Twist:
    """One row of a story: what is changed in the person's cells, and what has to come of it."""

    change: Change = field(default_factory=dict)
    codes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    filtered: bool = False
    opted_out: bool = False
    shape: str = ""


@dataclass(frozen=True)
class Trap:
    """Stories with one reason, and what is to be expected of them."""

    title: str
    expect: str
    stories: tuple[tuple[Twist, ...], ...]


@dataclass
class Row:
    """A row as it is written, with what has to become of it."""

    cells: Cells
    twist: Twist
    trap: str
    key: str
    number: int = 0


def each(
    changes: Sequence[Change], codes: str = "", warnings: str = "", **more: Any
) -> tuple[tuple[Twist, ...], ...]:
    """One story of one row for each change."""
    return tuple(
        (Twist(change, tuple(codes.split()), tuple(warnings.split()), **more),) for change in changes
    )


def cell(column: str, *values: str) -> list[Change]:
    """Changes of one column, one for each value."""
    return [{column: value} for value in values]


def key_of(address: str) -> str:
    """The key as two rows are compared by it: visible, trimmed, lower case."""
    seen = "".join(sign for sign in address if sign not in INVISIBLE).replace("\u00a0", " ")
    return seen.strip().lower()


def told(
    dice: Dice, fresh: Callable[[], Cells], traps: Sequence[Trap], count: int, address: str
) -> list[Row]:
    """`count` rows: the traps' stories, mixed with people about whom there is nothing to say."""
    stories: list[list[Row]] = []
    planted = [(trap.title, story) for trap in traps for story in trap.stories]
    plain = count - sum(len(story) for _, story in planted)
    for title, story in [*planted, *[("", (Twist(),))] * plain]:
        cells, rows = fresh(), []
        for twist in story:
            changed = twist.change(cells) if callable(twist.change) else twist.change
            row = cells | changed
            unusable = UNUSABLE_KEY.intersection(twist.codes) or not key_of(row[address])
            rows.append(Row(row, twist, title, "" if unusable else key_of(row[address])))
        stories.append(rows)
    turns = dice.shuffled([place for place, rows in enumerate(stories) for _ in rows])
    waiting = [iter(rows) for rows in stories]
    ordered = [next(waiting[place]) for place in turns]
    for number, drawn in enumerate(ordered, 1):
        drawn.number = number
    return ordered


def settled(rows: Sequence[Row]) -> dict[str, Any]:
    """What a first sync into an empty workspace has to report of these rows.

    Filtered comes before invalid, invalid before duplicate, and the last of several good rows wins. Problems are
    those of invalid rows, warnings those of the rows that arrive. Whoever opted out in any of their rows has.
    """
    winners = {
        row.key: row.number for row in rows if row.key and not row.twist.filtered and not row.twist.codes
    }
    left_out = [row.number for row in rows if row.twist.filtered]
    bad = [row for row in rows if row.twist.codes and not row.twist.filtered]
    good = [row for row in rows if not row.twist.codes and not row.twist.filtered]
    opted = {row.key for row in rows if row.twist.opted_out and row.key}
    outcomes = dict.fromkeys(OUTCOMES, 0) | {
        "created": len(winners),
        "filtered": len(left_out),
        "duplicate": len(good) - len(winners),
        "invalid": len(bad),
    }
    if sum(outcomes.values()) != len(rows):
        raise AssertionError("the planted outcomes do not add up")
    warnings = Counter(code for row in good if winners[row.key] == row.number for code in row.twist.warnings)
    return {
        "rows_read": len(rows),
        "outcomes": outcomes,
        "warnings": dict(sorted(warnings.items())),
        "problems": dict(sorted(Counter(code for row in bad for code in row.twist.codes).items())),
        "opted_out": len(opted & winners.keys()),
        "opted_out_not_sent": len(opted - winners.keys()),
        "rows": {
            "filtered": left_out,
            "duplicate": {
                str(row.number): winners[row.key] for row in good if winners[row.key] != row.number
            },
            "invalid": {str(row.number): sorted(row.twist.codes) for row in bad},
            "warnings": {str(row.number): sorted(row.twist.warnings) for row in good if row.twist.warnings},
            "opted_out": sorted(winners[key] for key in opted & winners.keys()),
        },
    }


BROKEN = (
    "plainaddress", "@example.com", "lena.hofer@", "lena@@example.com", "lena hofer@example.com", "lena@example",
    "lena@-example.com", "lena@example..com", ".lena@example.com", "lena.@example.com", "le..na@example.com",
    "lena@example.com; max@example.net", "lena@exam_ple.com", "mailto:lena@example.com",
    "Lena Hofer <lena@example.com>", "lena at example dot com", "lena(at)example.com", "lena@exa mple.com",
    "http://example.com/lena", "n/a",
)  # fmt: skip


def typo(domain: str) -> Change:
    """The person's address at a domain that looks like another one."""
    return lambda cells: {
        name: text.split("@")[0] + "@" + domain for name, text in cells.items() if "@" in text
    }


# ---------------------------------------------------------------------------------- a HubSpot contacts export

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


# ---------------------------------------------------------------------------------------- newsletter signups

SIGNUPS = (
    "Nr", "E-Mail-Adresse", "Vorname", "Nachname", "Firma", "Telefon", "PLZ", "Ort", "Land", "Geburtsdatum",
    "Interessen", "Formular", "Sprache", "Angemeldet am", "Status", "Abgemeldet", "Nachricht",
)  # fmt: skip
WESTERN = tuple(
    land
    for land in LANDS
    if land.name
    in (
        "Germany",
        "Austria",
        "Switzerland",
        "France",
        "United Kingdom",
        "Spain",
        "Netherlands",
        "Sweden",
        "Denmark",
    )
)


def german(date: str) -> str:
    """2024-03-31 as 31.03.2024."""
    return ".".join(reversed(date.split("-"))) if date else ""


def signup_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the form says of somebody about whom there is nothing to say."""
    one = people.next()
    day = f"{dice.between(2023, 2025)}-{dice.between(1, 12):02}-{dice.between(1, 28):02}"
    company = one.company if one.company.isascii() or "ü" in one.company else "Bäckerei „Zur Mühle“ – 2 €"
    topics = [t for t in ("Newsletter", "Veranstaltungen", "Produktneuheiten", "Webinare") if dice.share(0.4)]
    return {
        "Nr": str(next(ids)),
        "E-Mail-Adresse": one.address,
        "Vorname": one.given,
        "Nachname": one.family.replace("'", "’"),
        "Firma": company,
        "Telefon": one.phone if dice.share(0.4) else "",
        "PLZ": one.postcode,
        "Ort": one.city,
        "Land": one.land.german,
        "Geburtsdatum": german(one.born),
        "Interessen": ", ".join(topics),
        "Formular": dice.one_of(("Startseite", "Fußzeile", "Gewinnspiel", "Messe Köln")),
        "Sprache": one.land.language,
        "Angemeldet am": f"{german(day)} {dice.between(7, 22):02}:{dice.between(0, 59):02}",
        "Status": "bestätigt",
        "Abgemeldet": dice.one_of(("", "nein")),
        "Nachricht": dice.one_of(
            (
                "",
                "",
                "",
                "Schöne Grüße!",
                "Bitte nur 1× im Monat; danke.",
                "Erste Zeile\nzweite Zeile",
                "Größe „M“",
            )
        ),
    }


def signup_traps() -> list[Trap]:
    """What is wrong with the signups, and what is only unusual."""
    gone = {"Abgemeldet": "ja"}
    early = {"Formular": "Gewinnspiel", "Angemeldet am": "02.01.2023 09:00"}
    louder: Change = lambda cells: early | {"E-Mail-Adresse": cells["E-Mail-Adresse"].upper()}  # noqa: E731 - as above
    open_ = {"Status": "offen"}
    return [
        Trap("Never confirmed (`offen`)", "filtered", each([open_] * 36, filtered=True)),
        Trap(
            "Never confirmed, and the address is broken",
            "filtered: that comes before invalid, and its problems are not counted",
            each([open_ | {"E-Mail-Adresse": BROKEN[2]}, open_ | {"E-Mail-Adresse": ""}], "email_syntax", filtered=True),
        ),
        Trap(
            "Signed up twice",
            "the earlier row is a duplicate of the later one",
            ((Twist(early), Twist()),) * 8 + ((Twist(louder), Twist()),) * 4,
        ),
        Trap(
            "Unsubscribed the first time, signed up again",
            "the earlier row is a duplicate; the contact is created opted out",
            ((Twist(early | gone, opted_out=True), Twist()),) * 2,
        ),
        Trap(
            "A good row, then an invalid one of the same person",
            "the good row is created, the later one is invalid",
            ((Twist(early), Twist({"Geburtsdatum": "31.02.1988"}, ("date_syntax",))),),
        ),
        Trap("Unsubscribed", "created opted out", each([gone, {"Abgemeldet": " Ja "}] * 2, opted_out=True)),
        Trap(
            "An opt-out nobody understands",
            "created opted out, with the warning consent_not_understood",
            each(cell("Abgemeldet", "vielleicht", "siehe Notiz"), "", "consent_not_understood", opted_out=True),
        ),
        Trap(
            "A misspelled mail provider",
            "created, with the warning email_typo_domain",
            each([typo(d) for d in ("gmial.com", "yaho.com", "hotmial.com")], "", "email_typo_domain"),
        ),
        Trap("No address", "invalid: key_blank", each(cell("E-Mail-Adresse", "", ""), "key_blank")),
        Trap("A broken address", "invalid: email_syntax", each(cell("E-Mail-Adresse", *BROKEN[11:17]), "email_syntax")),
        Trap(
            "A birthday that does not exist, or is written in another way",
            "invalid: date_syntax",
            each(cell("Geburtsdatum", "31.02.1988", "00.00.0000", "1988-05-12", "im Mai"), "date_syntax"),
        ),
        Trap(
            "A country that does not exist",
            "invalid: country_unknown",
            each(cell("Land", "Mittelerde", "Lummerland"), "country_unknown"),
        ),
        Trap(
            "Text where a phone number belongs",
            "invalid: phone_syntax",
            each(cell("Telefon", "keine Angabe", "bitte per Mail"), "phone_syntax"),
        ),
        Trap(
            "An interest that is not in the mapping's table",
            "invalid: value_unknown",
            each(cell("Interessen", "Rezepte", "Newsletter, Rezepte"), "value_unknown"),
        ),
        Trap(
            "Two problems in one row",
            "one invalid row, both problems",
            each([{"E-Mail-Adresse": BROKEN[3], "Land": "Lummerland"}], "email_syntax country_unknown"),
        ),
        Trap("Spaces and capitals around the address", "created", each([lambda cells: {"E-Mail-Adresse": f" {cells['E-Mail-Adresse'].title()}  "}] * 3)),
        Trap(
            "Windows-1252 characters that Latin-1 lacks, and a quoted delimiter",
            "created",
            each(
                [
                    {"Firma": "Žižka & Šimon; Œuvre – „Größe“ 5 €", "Nachname": "D’Angelo"},
                    {"Nachricht": "5 € … “quoted”; 2 ‰"},
                ]
            ),
        ),
        Trap("Interests left blank", "created", each(cell("Interessen", "", "", ""))),
        Trap("A country as a code", "created", each(cell("Land", "DE", "AUT", "ch"))),
    ]  # fmt: skip


def signup_bytes(rows: Sequence[Row]) -> bytes:
    """Semicolons, CRLF, Windows-1252; quotes only where they are needed."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(SIGNUPS)
    writer.writerows([row.cells[name] for name in SIGNUPS] for row in rows)
    return text.getvalue().encode("windows-1252")


# --------------------------------------------------------------------------------------------- a hostile file

HOSTILE = (
    "Email", "First Name", "Last Name", "", "Company", "Notes", "Phone", "City", "Postal Code", "Country", "Birthday",
    "Plan", "Interests", "Score", "Customer", "Opted out", "Tags", "Notes 2",
)  # fmt: skip
WRITTEN = ["Notes" if name == "Notes 2" else name for name in HOSTILE]  # the header repeats a name
PREAMBLE = "\ufeffEvent leads 2026 - exported by the ticket shop\n\n"
TAIL = ("Customer", "Opted out", "Tags", "Notes 2")


def hostile_cells(dice: Dice, people: People, ids: Iterator[int]) -> Cells:
    """What the file says of somebody about whom there is nothing to say."""
    one = people.next()
    return {
        "Email": one.address,
        "First Name": one.given,
        "Last Name": one.family,
        "": dice.one_of(("", "", "x", str(next(ids)))),
        "Company": one.company,
        "Notes": dice.one_of(
            ("", "came with a friend", "vegan, no nuts", 'said "maybe"', "line one\nline two")
        ),
        "Phone": one.phone,
        "City": one.city,
        "Postal Code": one.postcode,
        "Country": dice.one_of((one.land.name, *one.land.codes, one.land.codes[0].lower())),
        "Birthday": one.born,
        "Plan": dice.one_of(("", "Free", "silver", "GOLD")),
        "Interests": dice.one_of(("", "Newsletter", "events|WEBINARS", "Product news | Events")),
        "Score": dice.one_of(("", "0", "7", "-3", "1200")),
        "Customer": dice.one_of(("", "yes", "No", "TRUE", "0")),
        "Opted out": dice.one_of(("", "no")),
        "Tags": dice.one_of(("", "event-2026", "event-2026;partner", "vip")),
        "Notes 2": dice.one_of(("", "", "badge printed")),
    }


def hostile_traps() -> list[Trap]:
    """What is wrong with the file, and what only looks so."""
    short: Cells = dict.fromkeys(TAIL, "")
    out = {"Opted out": "yes"}
    upper: Change = lambda cells: {"Email": cells["Email"].upper(), "Notes": "first visit"}  # noqa: E731 - as above
    title: Change = lambda cells: {"Email": cells["Email"].title()}  # noqa: E731 - as above
    hidden: Change = lambda cells: {"Email": "\u200b" + cells["Email"].replace("@", "\u200b@")}  # noqa: E731 - as above
    nobreak: Change = lambda cells: {"Email": f"\u00a0{cells['Email']}\u00a0"}  # noqa: E731 - as above
    bare = {"Notes": "", "Company": "", "First Name": "Jo", "Last Name": "Ek", "City": "Umea", "Notes 2": ""}
    lone = [
        bare | {"Company": '5" nail'},
        bare | {"Last Name": 'O"Brien'},
        bare | {"Company": 'Bolt 3/8" - 1/2"'},
    ]
    return [
        Trap("Shorter than the header, by blanks only", "created", each([short] * 8, shape="short")),
        Trap("Longer than the header, by blanks only", "created", each([{}] * 3, shape="blank cells more")),
        Trap(
            "A cell too many: an unquoted comma in the company's name",
            "invalid: row_misaligned, and nothing else about the row",
            each([{"Company": "Schmidt, Partner", "Notes 2": "badge printed"}] * 5, "row_misaligned", shape="unquoted comma"),
        ),
        Trap("Ends in CRLF while others end in LF", "created", each([{}] * 5, shape="crlf")),
        Trap("A lone quote inside an unquoted cell", "created, the quote is text", each(lone, shape="lone quote")),
        Trap(
            "Line ends inside quoted cells",
            "created",
            each([{"Notes": "one\ntwo\n\nfour"}, {"First Name": "Jean\nPierre"}, {"Company": 'The "Big,\nBad" Co'}]),
        ),
        Trap(
            "A NUL byte in a cell",
            "created without it",
            each([{"First Name": "An\x00na"}, {"Company": "Null\x00 Byte Ltd"}, {"Notes": "\x00"}]),
        ),
        Trap(
            "Zero-width characters, soft hyphens and no-break spaces in the address and the name",
            "created without them",
            each([hidden, hidden, nobreak, nobreak, {"First Name": "Ma\u00adrie\u200b"}, {"Last Name": "van\u00a0Dyk\ufeff"}]),
        ),
        Trap(
            "Decomposed Unicode",
            "created, composed",
            each([{"First Name": unicodedata.normalize("NFD", n)} for n in ("José", "Zoë", "Åsa", "Đặng")]),
        ),
        Trap(
            "Formulas as names",
            "created, as the text they are",
            each(
                [
                    {"First Name": '=HYPERLINK("http://example.com","click")'},
                    {"First Name": "+1"},
                    {"Last Name": "@SUM(A1:A9)"},
                    {"Company": "-2+3"},
                    {"Last Name": "=cmd|' /C calc'!A0"},
                ]
            ),
        ),
        Trap(
            "Scripts as names",
            "created, as the text they are",
            each([{"First Name": "<script>alert(1)</script>"}, {"Last Name": "<img src=x onerror=alert(1)>"}, {"Company": "{{ 7*7 }} ${HOME}"}]),
        ),
        Trap("Database commands as names", "created, as the text they are", each([{"Last Name": "Robert'); DROP TABLE contacts;--"}])),
        Trap("A right-to-left override in a name", "created without it", each([{"First Name": "\u202eannA"}, {"Company": "exe\u202etxt.gpj"}])),
        Trap(
            "Emoji and other four-byte characters",
            "created",
            each([{"First Name": "Zoë 🦄"}, {"Company": "🍕🍕🍕"}, {"Last Name": "𠮷野"}, {"City": "𝔅erlin"}]),
        ),
        Trap(
            "`NA`, `null`, `01234` and `1E5` as real values",
            "created, as they are",
            each(
                [
                    {"Last Name": "null"},
                    {"Last Name": "NA", "Company": "None"},
                    {"Country": "NA"},
                    {"Postal Code": "01234"},
                    {"Postal Code": "1E5", "Company": "1E5"},
                    {"First Name": "nan", "Company": "NULL"},
                    {"First Name": "true", "Last Name": "False"},
                ]
            ),
        ),
        Trap("Exactly as long as allowed", "created", each([{"Company": "x" * 100}])),
        Trap("A very long note in a column that is not sent", "created", each([{"Notes": "blah, " * 800}])),
        Trap(
            "The same address in different case",
            "the earlier rows are duplicates of the last",
            ((Twist(upper), Twist()),) * 8 + ((Twist(upper), Twist(title), Twist({}), Twist(title)),),
        ),
        Trap(
            "Opted out only in the row that loses",
            "the earlier row is a duplicate; the contact is created opted out",
            ((Twist(out, opted_out=True), Twist(title)),) * 2,
        ),
        Trap(
            "A good row, then an invalid one in different case",
            "the good row is created, the later one is invalid",
            ((Twist(), Twist(lambda cells: {"Email": cells["Email"].upper(), "Country": "Neverland"}, ("country_unknown",))),) * 2,
        ),
        Trap("Opted out", "created opted out", each([out, {"Opted out": "TRUE"}, {"Opted out": " Yes "}], opted_out=True)),
        Trap(
            "An opt-out nobody understands",
            "created opted out, with the warning consent_not_understood",
            each(cell("Opted out", "do not mail", "???", "later"), "", "consent_not_understood", opted_out=True),
        ),
        Trap(
            "A misspelled mail provider",
            "created, with the warning email_typo_domain",
            each([typo(d) for d in ("gmial.com", "hotmial.com", "gmail.con", "yaho.com")], "", "email_typo_domain"),
        ),
        Trap("A broken address", "invalid: email_syntax", each(cell("Email", *BROKEN[:6], *BROKEN[11:16], BROKEN[18]), "email_syntax")),
        Trap("No address, or one of spaces or invisible characters", "invalid: key_blank", each(cell("Email", "", " \u00a0 ", "\u200b"), "key_blank")),
        Trap("A country that does not exist", "invalid: country_unknown", each(cell("Country", "Atlantis", "ZZ"), "country_unknown")),
        Trap(
            "A date that does not exist, or is written in another way",
            "invalid: date_syntax",
            each(cell("Birthday", "1990-02-30", "2001-13-01", "31/12/1985", "yesterday"), "date_syntax"),
        ),
        Trap("Longer than the mapping allows", "invalid: too_long", each(cell("Company", "x" * 101, "long " * 200), "too_long")),
        Trap("No last name", "invalid: required_blank", each(cell("Last Name", "", "\u200b "), "required_blank")),
        Trap("Neither yes nor no", "invalid: boolean_unknown", each(cell("Customer", "maybe", "soon"), "boolean_unknown")),
        Trap(
            "Not one of the destination's options",
            "invalid: choice_unknown",
            each([{"Plan": "Platinum"}, {"Plan": "<b>Gold</b>"}, {"Interests": "Newsletter|Karaoke"}], "choice_unknown"),
        ),
        Trap("A score in words", "invalid: integer_syntax", each(cell("Score", "twelve", "n/a"), "integer_syntax")),
        Trap("Text where a phone number belongs", "invalid: phone_syntax", each(cell("Phone", "on request", "12345678901234567890"), "phone_syntax")),
        Trap("A tag that CampaignLark does not have", "invalid: tag_unknown", each(cell("Tags", "vip;blocked", "=1+1"), "tag_unknown")),
        Trap(
            "Several problems in one row",
            "one invalid row, all of its problems",
            (
                *each([{"Email": BROKEN[4], "Birthday": "1990-02-30"}], "email_syntax date_syntax"),
                *each([{"Email": "", "Last Name": "", "Country": "Atlantis"}], "key_blank required_blank country_unknown"),
                *each(
                    [{"Email": BROKEN[8], "Country": "ZZ", "Birthday": "never", "Plan": "Platinum", "Score": "twelve"}],
                    "email_syntax country_unknown date_syntax choice_unknown integer_syntax",
                ),
            ),
        ),
        Trap(
            "An invalid row that opts out, with no other row",
            "invalid; the opt-out is known, but there is no contact to tell it",
            each([out | {"Score": "many"}], "integer_syntax", opted_out=True),
        ),
    ]  # fmt: skip


def hostile_line(row: Row) -> str:
    """One row, in the shape its trap asks for."""
    cells = [row.cells[name] for name in HOSTILE]
    shape = row.twist.shape
    raw = shape in ("lone quote", "unquoted comma")
    if shape == "short":
        cells = cells[: -len(TAIL)]
    if shape == "unquoted comma":
        cells[HOSTILE.index("Notes")] = ""
    written = [
        text
        if not any(sign in text for sign in ',"\n') or (raw and name in ("Company", "Last Name"))
        else '"' + text.replace('"', '""') + '"'
        for name, text in zip(HOSTILE, cells, strict=False)
    ]
    if shape == "blank cells more":
        written += ["", "", ""]
    return ",".join(written) + ("\r\n" if shape == "crlf" else "\n")


def hostile_bytes(rows: Sequence[Row]) -> bytes:
    """A title, a blank line, the header, the rows, and blank lines at the end."""
    header = ",".join(WRITTEN) + "\n"
    return (PREAMBLE + header + "".join(hostile_line(row) for row in rows) + "\n\n").encode()


# ------------------------------------------------------------------------------------------------ the files


@dataclass(frozen=True)
class Sample:
    """One sample file: how it is made, and what a person should know of it."""

    name: str
    mapping: str
    count: int
    first_id: int
    address: str
    about: str
    lands: Sequence[Land]
    cells: Callable[[Dice, People, Iterator[int]], Cells]
    traps: Callable[[], list[Trap]]
    bytes: Callable[[Sequence[Row]], bytes]

    def rows(self) -> list[Row]:
        dice = Dice(self.name)
        people = People(dice, self.lands)
        ids = iter(range(self.first_id, self.first_id + 37 * self.count * 2, 37))
        return told(dice, lambda: self.cells(dice, people, ids), self.traps(), self.count, self.address)


SAMPLES = (
    Sample(
        "hubspot_contacts.csv", "hubspot_to_campaignlark.yml", 1200, 84_120_553_201, "Email",
        "A contacts export from HubSpot with the columns and values it writes: UTF-8, commas, every cell in quotes, "
        "line ends inside addresses and messages, and no line end after the last row.",
        LANDS, hubspot_cells, hubspot_traps, hubspot_bytes,
    ),
    Sample(
        "newsletter_signups.csv", "signups_to_campaignlark.yml", 400, 1001, "E-Mail-Adresse",
        "What a German signup form writes: Windows-1252, semicolons, CRLF, dates as 31.12.2025.",
        WESTERN, signup_cells, signup_traps, signup_bytes,
    ),
    Sample(
        "hostile.csv", "hostile_to_campaignlark.yml", 300, 7, "Email",
        "Everything that goes wrong with files, in one file: a byte order mark, a report's title and a blank line "
        "before the header (which is line 3), a column without a name, a name that comes twice (`Notes`), ragged rows, "
        "mixed line ends, and blank lines at the end.",
        LANDS, hostile_cells, hostile_traps, hostile_bytes,
    ),
)  # fmt: skip


def made() -> dict[str, bytes]:
    """Every file's name and bytes."""
    files: dict[str, bytes] = {}
    expected: dict[str, dict[str, Any]] = {}
    rows: dict[str, list[Row]] = {}
    for sample in SAMPLES:
        rows[sample.name] = sample.rows()
        files[sample.name] = sample.bytes(rows[sample.name])
        expected[sample.name] = settled(rows[sample.name])
    files["expected.json"] = expected_text(expected).encode()
    files["README.md"] = readme(expected, rows).encode()
    return files


def expected_text(expected: dict[str, dict[str, Any]]) -> str:
    """JSON with one line for each number or list, so that a change can be read."""

    def told_of(totals: dict[str, Any]) -> str:
        lines = [
            f"    {json.dumps(name)}: {json.dumps(value)}" for name, value in totals.items() if name != "rows"
        ]
        rows = [f"      {json.dumps(name)}: {json.dumps(value)}" for name, value in totals["rows"].items()]
        return "{\n" + ",\n".join([*lines, '    "rows": {\n' + ",\n".join(rows) + "\n    }"]) + "\n  }"

    return (
        "{\n"
        + ",\n".join(f"  {json.dumps(name)}: {told_of(totals)}" for name, totals in expected.items())
        + "\n}\n"
    )


def readme(expected: dict[str, dict[str, Any]], rows: dict[str, list[Row]]) -> str:
    """README.md: the totals of each file, then its traps with their rows."""
    shown = ("created", "filtered", "duplicate", "invalid")
    lines = [
        "# Sample data",
        "",
        "Three files to try muster with. All people in them are made up: the addresses are at example.com, .org and .net",
        "(four misspelled mail providers apart), the telephone numbers from ranges kept free for fiction.",
        "",
        "This page, the files and `expected.json` are written by `python -m sample_data.making`. Change that, not these.",
        "",
        "## Expected totals",
        "",
        "Of a first sync into an empty workspace. All other outcomes are 0.",
        "",
        "| file | mapping | rows read | " + " | ".join(shown) + " | warnings | opted out |",
        "|---|---|---|" + "---|" * (len(shown) + 2),
    ]
    for sample in SAMPLES:
        totals = expected[sample.name]
        counts = [totals["outcomes"][name] for name in shown]
        numbers = [totals["rows_read"], *counts, sum(totals["warnings"].values()), totals["opted_out"]]
        lines.append(f"| `{sample.name}` | `{sample.mapping}` | " + " | ".join(map(str, numbers)) + " |")
    lines += [
        "",
        "How they are counted, also in `expected.json`:",
        "",
        "- Filtered comes before invalid, invalid before duplicate. Of several good rows with one address the last wins.",
        "- `problems` are the errors of invalid rows, `warnings` those of rows that are created. A row may have several.",
        "- `opted_out` counts contacts that are created as opted out, because any row with their address says so;",
        "  `opted_out_not_sent` counts addresses that opted out and have no row that could be sent.",
        "- `rows` has the numbers of the rows: from 1, without the header and what stands before it. Under `duplicate`",
        "  each has the row that won.",
        "- The totals are counted from what was planted, without asking muster.",
        "",
    ]
    for sample in SAMPLES:
        totals = expected[sample.name]
        lines += [f"## {sample.name}", "", sample.about, "", "| trap | expected | rows |", "|---|---|---|"]
        for trap in sample.traps():
            numbers = [row.number for row in rows[sample.name] if row.trap == trap.title]
            first = ", ".join(map(str, numbers[:16])) + (
                f" … ({len(numbers)} in all)" if len(numbers) > 16 else ""
            )
            lines.append(f"| {trap.title} | {trap.expect} | {first} |")
        for word in ("problems", "warnings"):
            lines += ["", f"| {word} | count |", "|---|---|"]
            lines += [f"| `{code}` | {count} |" for code, count in totals[word].items()]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Writes the files beside this module."""
    for name, content in made().items():
        (HERE / name).write_bytes(content)
        print(f"{name}: {len(content):,} bytes")


if __name__ == "__main__":
    main()
