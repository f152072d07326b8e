"""How alike the name of a column and a field are, and the names that people and programs give to the same thing."""

from __future__ import annotations

import difflib
import functools
import unicodedata

from mappings.engine.schema import Field

__all__ = [
    "BY_EXPORT",
    "BY_NAME",
    "BY_SPELLING",
    "BY_SYNONYM",
    "BY_VALUES",
    "USUAL",
    "fold",
    "likeness",
    "meaning",
]

BY_EXPORT, BY_NAME, BY_SYNONYM, BY_VALUES, BY_SPELLING = range(5)
"""What a match rests on, the surest first."""

_NAMES = {
    "email_address": "email mail emailaddress mailaddress emailadresse mailadresse primaryemail workemail businessemail "
    "personalemail contactemail emailid email1 email1value emailaddress1 useremail customeremail courriel adressemail "
    "adresseemail adressemailelectronique correo correoelectronico direcciondecorreo emailpro indirizzoemail epost",
    "first_name": "firstname fname givenname forename vorname rufname prenom nombre nome primeironome voornaam imie "
    "fornavn contactfirstname billingfirstname firstnames",
    "last_name": "lastname lname surname familyname nachname familienname zuname nom nomdefamille apellido apellidos "
    "cognome sobrenome achternaam nazwisko efternamn etternavn contactlastname billinglastname",
    "full_name": "fullname name contactname displayname nomcomplet nombrecompleto vollername vorundnachname",
    "phone": "phonenumber telephone telephonenumber tel telefon telefonnummer telefono telefone mobile mobilephone "
    "mobilephonenumber mobilenumber cell cellphone cellphonenumber handy handynummer mobil mobilnummer mobiltelefon portable "
    "movil celular workphone businessphone homephone primaryphone phone1 phone1value festnetz rufnummer numerodetelephone "
    "defaultaddressphone",
    "company": "companyname organization organisation organizationname firma firmenname unternehmen accountname "
    "employer entreprise societe empresa azienda bedrijf organization1name defaultaddresscompany",
    "job_title": "jobtitle title position role jobrole jobposition berufsbezeichnung funktion stelle poste fonction puesto cargo "
    "organization1title",
    "street": "street address streetaddress address1 addressline1 strasse strassehausnummer anschrift adresse adresse1 rue "
    "direccion mailingstreet billingstreet defaultaddressaddress1",
    "city": "town citytown ort stadt wohnort ville ciudad citta cidade localidad mailingcity billingcity addresscity "
    "defaultaddresscity",
    "postal_code": "postalcode postcode zip zipcode zippostalcode plz postleitzahl codepostal codigopostal cap cep "
    "mailingzippostalcode mailingpostalcode billingzip billingpostalcode defaultaddresszip",
    "state": "stateregion stateprovince province region bundesland kanton departement provincia mailingstateprovince "
    "mailingstate billingstate defaultaddressprovincecode",
    "country": "countryregion countryname countrycode land pays pais paese kraj staat nation mailingcountry billingcountry "
    "addresscountry defaultaddresscountrycode",
    "birthday": "birthdate dateofbirth dob bday geburtstag geburtsdatum gebdatum datedenaissance fechadenacimiento "
    "cumpleanos datadinascita datadenascimento anniversaire geboortedatum",
    "joined_at": "joined joinedon joindate createdate createddate createdat creationdate dateadded dateadd signupdate signedupat "
    "signedup registeredat registrationdate subscribedat subscribeddate optintime angemeldetam anmeldedatum registriertam "
    "erstelltam datedinscription fechadealta",
    "website": "websiteurl web url homepage webseite webseiteurl site siteweb sitioweb",
    "language": "lang locale preferredlanguage sprache langue idioma lingua",
    "gender": "sex geschlecht genre sexe genero",
    "salutation": "anrede civilite tratamiento prefix honorific",
    "source": "leadsource originalsource contactsource herkunft quelle",
    "interests": "interest interessen interets intereses topics themen newslettertopics",
    "plan": "tier planname subscriptionplan tarif abo",
    "score": "leadscore hubspotscore contactscore",
}  # fmt: skip

USUAL = {
    "first_name": "text", "last_name": "text", "phone": "text", "company": "text", "job_title": "text", "street": "text",
    "city": "text", "postal_code": "text", "state": "text", "country": "country", "birthday": "date", "joined_at": "datetime",
    "website": "text", "language": "text",
}  # fmt: skip
"""Fields that many accounts have, with their usual types: guessed where an account cannot be asked."""


@functools.lru_cache(maxsize=20_000)
def fold(name: str) -> str:
    """A name without case, spaces, accents and punctuation.

    >>> fold(" E-Mail Address*"), fold("Prénom"), fold("Straße")
    ('emailaddress', 'prenom', 'strasse')
    """
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())


_MEANINGS = {fold(concept): concept for concept in _NAMES} | {
    name: concept for concept, names in _NAMES.items() for name in names.split()
}


def meaning(name: str) -> str:
    """What a name usually stands for, as a key of the table above, or an empty text.

    >>> meaning("E-Mail-Adresse"), meaning("Vorname"), meaning("Shoe size")
    ('email_address', 'first_name', '')
    """
    return _MEANINGS.get(
        fold(name.removesuffix("__c")), ""
    )  # so end the names of Salesforce's own-made fields


def likeness(column: str, field: Field, known: str = "") -> int | None:
    """What the match of a column's name and a field rests on; None where they are not alike.

    `known` is what the column stands for where the kind of export says so; then no near spelling counts.
    A near spelling is a slip of the keyboard. A longer name is another thing: `Company ID` is no company.
    """
    name = fold(column)
    wanted = [fold(field.name), fold(field.label)]
    if not name:
        return None
    if known and any(_MEANINGS.get(one) == known for one in wanted):
        return BY_EXPORT
    if name in wanted:
        return BY_NAME
    if field.type == "boolean" and name in [one.removeprefix("is") for one in wanted]:
        return BY_SYNONYM
    stands_for = known or meaning(column)
    if stands_for and any(_MEANINGS.get(one) == stands_for for one in wanted):
        return BY_SYNONYM
    if not stands_for and any(_misspelled(name, one) for one in wanted):
        return BY_SPELLING
    return None


def _misspelled(name: str, wanted: str) -> bool:
    if (
        min(len(name), len(wanted)) < 5
        or abs(len(name) - len(wanted)) > 2
        or name in wanted
        or wanted in name
    ):
        return False
    return difflib.SequenceMatcher(None, name, wanted, autojunk=False).ratio() >= 0.85
