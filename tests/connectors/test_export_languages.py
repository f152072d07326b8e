"""Exports in other languages than English: their headers, as they stand in public importers of them, are recognised and known."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connectors.errors import SourceError
from connectors.kinds import source_module
from connectors.sources.export import Export, folded
from connectors.sources.recognising import facts_of, open_recognised, recognised
from tests.connectors.test_export_kinds import EVERY


@dataclass(frozen=True)
class Translated:
    """A header with `|` between its columns; `meanings` are some of them, `person` and `consents` all."""

    kind: str
    header: str
    meanings: dict[str, str]
    person: str = ""
    consents: dict[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        return self.header.split("|")


HEADERS = {
    "Outlook in German": Translated(
        "outlook_export",
        "Anrede|Vorname|Weitere Vornamen|Nachname|Suffix|Firma|Abteilung|Position|Straße geschäftlich|Ort geschäftlich|Region geschäftlich|Postleitzahl geschäftlich|Land/Region geschäftlich|"
        "Telefon geschäftlich|Mobiltelefon|E-Mail-Adresse|E-Mail-Typ|E-Mail: Angezeigter Name|E-Mail 2: Adresse|Geburtstag|Kategorien|Notizen|Webseite",
        {"E-Mail-Adresse": "email_address", "Vorname": "first_name", "Ort geschäftlich": "city", "Telefon geschäftlich": "phone", "Region geschäftlich": "state"},
    ),
    "Outlook in French": Translated(
        "outlook_export",
        "Titre|Prénom|Deuxième prénom|Nom|Suffixe|Surnom|Société |Service |Titre|Rue (bureau)|Rue (bureau) 2|Ville (bureau)|Dép/Région (bureau)|Code postal (bureau)|Pays (bureau)|"
        "Téléphone (bureau)|Tél. mobile|Adresse de messagerie|Type de messagerie|Nom complet de l'adresse de messagerie|Adresse de messagerie 2|Anniversaire|Catégories|Langue|Page Web",
        {"Adresse de messagerie": "email_address", "Nom": "last_name", "Rue (bureau)": "street", "Pays (bureau)": "country", "Anniversaire": "birthday", "Société ": "company"},
    ),
    "Outlook in Spanish": Translated(
        "outlook_export",
        "Title|Nombre|Segundo nombre|Apellidos|Suffix|Organización|Department|Puesto|Calle del trabajo|Ciudad de trabajo|Provincia o estado de trabajo|Código postal del trabajo|"
        "País o región del trabajo|Home Street|Home City|Teléfono del trabajo|Particular|Mobile Phone|E-mail Address|E-mail Type|Dirección de correo electrónico 2|Categorías|Página web",
        {"E-mail Address": "email_address", "Nombre": "first_name", "Organización": "company", "Puesto": "job_title", "Ciudad de trabajo": "city", "Particular": "phone"},
    ),
    "Outlook in Brazilian Portuguese": Translated(
        "outlook_export",
        "Tratamento|Primeiro nome|Segundo nome|Sobrenome|Sufixo|Empresa|Departamento|Cargo|Business Street|Business City|País/Região da Empresa|Endereço residencial|Telefone comercial|"
        "Telefone celular|E-mail Address|Tipo de email|Endereço de email 2|Categorias|Página da Web",
        {"E-mail Address": "email_address", "Sobrenome": "last_name", "Tratamento": "salutation", "Telefone celular": "phone", "País/Região da Empresa": "country"},
    ),
    "Outlook in European Portuguese": Translated(
        "outlook_export",
        "Título|Primeiro nome|Outros nomes/apelidos|Apelido|Sufixo|Empresa|Departamento|Cargo|Rua da empresa|Localidade da empresa|Distrito da empresa|Código postal da empresa|Telemóvel|"
        "Endereço de correio electrónico|Tipo de correio electrónico|Data de nascimento|Página na Web",
        {"Endereço de correio electrónico": "email_address", "Apelido": "last_name", "Localidade da empresa": "city", "Data de nascimento": "birthday"},
    ),
    "Outlook in Dutch": Translated(
        "outlook_export",
        "Titel|Voornaam|Middelste naam|Achternaam|Achtervoegsel|Bedrijf|Afdeling|Functie|Werkadres, straat|Werkadres, plaats|Werkadres, provincie|Werkadres, postcode|Land/regio (werk)|"
        "Telefoon op werk|Mobiele telefoon|E-mailadres|E-mailtype|E-mailadres 2|Verjaardag|Webpagina",
        {"E-mailadres": "email_address", "Functie": "job_title", "Werkadres, postcode": "postal_code", "Verjaardag": "birthday", "Mobiele telefoon": "phone"},
    ),
    "Outlook in Italian": Translated(
        "outlook_export",
        "Titolo|Nome|Secondo nome|Cognome|Titolo straniero|Società|Reparto|Posizione|Via (uff.)|Città (uff.)|Provincia (uff.)|CAP (uff.)|Paese (uff.)|Ufficio|Abitazione|Cellulare|Compleanno|"
        "Lingua|Pagina Web|Indirizzo posta elettronica|Tipo posta elettronica|Indirizzo posta elettronica 2",
        {"Indirizzo posta elettronica": "email_address", "Nome": "first_name", "Posizione": "job_title", "CAP (uff.)": "postal_code", "Lingua": "language"},
    ),
    "HubSpot in German": Translated(
        "hubspot_export",
        "Datensatz-ID|Vorname|Nachname|E-Mail|Telefonnummer|Unternehmensname|Erstellungsdatum|Von allen E-Mails abgemeldet",
        {"E-Mail": "email_address", "Unternehmensname": "company", "Erstellungsdatum": "joined_at"},
        "Datensatz-ID", {"Von allen E-Mails abgemeldet": "out"},
    ),
    "HubSpot in French": Translated(
        "hubspot_export",
        "ID de fiche d’informations|Prénom|Nom|E-mail|Numéro de téléphone|Numéro de téléphone portable|Nom de l’entreprise|Intitulé du poste|Adresse postale|Ville|Code postal|Pays/Région|"
        "URL du site web|Statut du prospect|Propriétaire du contact|Date de création",
        {"E-mail": "email_address", "Nom": "last_name", "Nom de l’entreprise": "company", "Intitulé du poste": "job_title", "Ville": "city", "Pays/Région": "country"},
        "ID de fiche d’informations",
    ),
    "HubSpot in Spanish": Translated(
        "hubspot_export",
        "ID de registro - Contact|Nombre|Apellidos|Correo|Número de teléfono|Nombre de la empresa|Código postal|Ciudad|Etapa del ciclo de vida|Estado del lead|Fecha de creación|"
        "Cancelación de suscripción a todos los correos",
        {"Correo": "email_address", "Apellidos": "last_name", "Nombre de la empresa": "company", "Código postal": "postal_code"},
        "ID de registro - Contact", {"Cancelación de suscripción a todos los correos": "out"},
    ),
    "Pipedrive in German": Translated(
        "pipedrive_export",
        "Person - Geschlecht|Person - Vorname|Person - Nachname|Person - Position|Person - Organisation|Person - Telefon - Büro|Person - Telefon - Mobil|Person - E-Mail-Adresse - Büro|"
        "Person - E-Mail-Adresse - Privat|Person - E-Mail-Adresse - Sonstiger|Person - ID",
        {"Person - E-Mail-Adresse - Büro": "email_address", "Person - Vorname": "first_name", "Person - Organisation": "company", "Person - Telefon - Mobil": "phone"},
        "Person - ID",
    ),
    "Pipedrive in French": Translated(
        "pipedrive_export",
        "Personne - Civilité|Personne - Prénom|Personne - Nom de famille|Personne - E-mail - Travail|Personne - E-mail - Domicile|Personne - Téléphone - Mobile|Personne - Téléphone - Travail",
        {"Personne - E-mail - Travail": "email_address", "Personne - Nom de famille": "last_name", "Personne - Téléphone - Mobile": "phone"},
    ),
    "Pipedrive in Spanish": Translated(
        "pipedrive_export",
        "Persona - Nombre|Persona - Correo electrónico - Trabajo|Persona - Teléfono - Otro|Persona - Código postal",
        {"Persona - Nombre": "full_name", "Persona - Correo electrónico - Trabajo": "email_address", "Persona - Teléfono - Otro": "phone"},
    ),
    "Pipedrive in Portuguese": Translated(
        "pipedrive_export",
        "Pessoa - Nome|Pessoa - Etiquetas|Pessoa - Organização|Pessoa - E-mail - Trabalho|Pessoa - E-mail - Residencial|Pessoa - E-mail - Outros|Pessoa - Telefone - Trabalho|"
        "Pessoa - Telefone - Celular|Pessoa - Negócios fechados|Pessoa - Proprietário|Pessoa - Pessoa criada",
        {"Pessoa - Nome": "full_name", "Pessoa - E-mail - Trabalho": "email_address", "Pessoa - Organização": "company", "Pessoa - Pessoa criada": "joined_at"},
    ),
    "Dynamics in Spanish": Translated(
        "dynamics_export",
        "(No modificar) Contacto|(No modificar) Suma de comprobación de fila|(No modificar) Fecha de modificación|Nombre de pila|Apellidos|Puesto|Email|Teléfono|Teléfono móvil|"
        "Nombre de la compañía|Calle|Razón para el estado|No permitir correo elec. en masa|No permitir correo electrónico|Fecha de creación",
        {"Email": "email_address", "Nombre de pila": "first_name", "Nombre de la compañía": "company", "Teléfono móvil": "phone"},
        "(No modificar) Contacto",
        {"No permitir correo elec. en masa": "out", "No permitir correo electrónico": "out"},
    ),
    "Zoho CRM where the record is called a contact": Translated(
        "zoho_export",
        "Contact Id|Contact Owner.id|Contact Owner|First Name|Last Name|Email|Date of Birth|Mobile|Phone|Email Opt Out|Tag|Created Time|Unsubscribed Mode|Unsubscribed Time",
        {"Email": "email_address", "Date of Birth": "birthday", "Created Time": "joined_at"},
        "Contact Id", {"Email Opt Out": "out"},
    ),
    "Brevo with every column of its own": Translated(
        "brevo_export",
        "CONTACT ID|EMAIL|LASTNAME|FIRSTNAME|WHATSAPP|SMS|DOUBLE_OPT-IN|OPT_IN|LANDLINE_NUMBER|EXT_ID|CONTACT_TIMEZONE|JOB_TITLE|LINKEDIN|ADDED_TIME|MODIFIED_TIME",
        {"EMAIL": "email_address", "SMS": "phone", "JOB_TITLE": "job_title", "ADDED_TIME": "joined_at"},
        "CONTACT ID",
    ),
}  # fmt: skip


@pytest.mark.parametrize("whose", HEADERS)
def test_an_export_in_another_language_is_recognised_and_its_columns_are_known(
    whose: str, tmp_path: Path
) -> None:
    one = HEADERS[whose]
    path = tmp_path / "export.csv"
    row = ["ann@example.com" if one.meanings.get(name) == "email_address" else "" for name in one.columns]
    path.write_text("\n".join(",".join(f'"{cell}"' for cell in cells) for cells in (one.columns, row)))
    found, source = open_recognised(path, {})
    assert found.kind == one.kind
    assert {name: source.facts.meanings.get(name.strip(), "") for name in one.meanings} == one.meanings
    assert (source.facts.person_column, source.facts.consents) == (one.person, one.consents)


def test_the_french_titre_is_two_things_and_none_is_guessed() -> None:
    one = HEADERS["Outlook in French"]
    assert not {"Titre", "Titre 2"} & set(facts_of(one.kind, one.columns).meanings)


@pytest.mark.parametrize("kind", EVERY)
def test_a_name_stands_for_one_thing(kind: str) -> None:
    export: Export = source_module(kind).EXPORT
    counts = Counter(name for names in export.columns.values() for name in {folded(name) for name in names})
    assert [name for name, count in counts.items() if count > 1] == []


def test_names_that_many_products_share_tell_nothing() -> None:
    for header in (
        ["Vorname", "Nachname", "E-Mail"],
        ["Prénom", "Nom", "E-mail", "Ville"],
        ["Nombre", "Apellidos", "Correo"],
        ["Nome", "Cognome", "E-mail"],
        ["Voornaam", "Achternaam", "E-mailadres"],
    ):
        assert recognised(header) is None


def test_a_salesforce_report_whose_language_is_not_recognised_is_known_by_its_kind(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_text(
        "Nombre de la cuenta,Nome da conta,Nom du compte,Email\nExample Ltd,,,ann@example.com\n", "utf-8"
    )
    module = source_module("salesforce_report")
    assert set(module.open_source(path, {}).facts.meanings.values()) == {"company", "email_address"}
    path.write_text("Schuhgröße\n42\n", "utf-8")
    with pytest.raises(SourceError, match="is no export from Salesforce"):
        module.open_source(path, {})
