"""Where made-up people live, and how people, towns, streets and telephones are called there."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LANDS", "Land"]


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
