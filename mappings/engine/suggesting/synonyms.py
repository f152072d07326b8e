"""What columns are called, in English, German, French, Spanish, Portuguese, Dutch and Italian, by what they stand for.

`NAMES` are whole names, folded (no case, accents, blanks or punctuation). `WORDS` are what single words of a name stand for, so that other orders and
combinations are known as well: `Name (First)`, `Adresse e-mail du contact`, `Rechnungsadresse PLZ`.
"""

from __future__ import annotations

__all__ = ["AROUND", "NAMES", "WORDS"]

NAMES = {
    "email_address": "email emails mail emailaddress mailaddress emailadresse mailadresse primaryemail workemail businessemail "
    "personalemail contactemail emailid email1 email1value emailaddress1 useremail customeremail courriel adressemail "
    "adresseemail adressemailelectronique adressedemessagerie adresseelectronique courrielelectronique correo correoelectronico "
    "direccioncorreo direcciondecorreo direcciondecorreoelectronico direccionemail emailpro emailprofessionnel indirizzoemail "
    "indirizzomail indirizzodipostaelettronica postaelettronica epost emailadres mailadres enderecodeemail enderecoemail "
    "correioeletronico endereconletronico enderecoeletronico emailprincipal emailprivat emailgeschaftlich eadresse",
    "first_name": "firstname fname givenname forename vorname rufname prenom nombre nome primeironome voornaam imie "
    "fornavn contactfirstname billingfirstname firstnames primernombre nombredepila nombres nomeproprio primonome nomedibattesimo roepnaam first",
    "last_name": "lastname lname surname familyname nachname familienname zuname nom nomdefamille apellido apellidos "
    "cognome sobrenome achternaam nazwisko efternamn etternavn contactlastname billinglastname secondname primerapellido "
    "ultimonome apelido apelidos nomedefamilia familienaam last",
    "full_name": "fullname name contactname displayname nomcomplet nometprenom nomprenom prenomnom nombrecompleto nombreyapellidos nombreyapellido "
    "vollername vorundnachname namevorname vollstandigername nomecompleto nomeecognome cognomenome nomecognome volledigenaam customername clientname "
    "referente namn imieinazwisko kundenname ansprechpartner personname contact contacto contatto naam",
    "phone": "phonenumber telephone telephonenumber tel telefon telefonnummer telefono telefone mobile mobilephone "
    "mobilephonenumber mobilenumber cell cellphone cellphonenumber handy handynummer mobil mobilnummer mobiltelefon portable "
    "telephoneportable movil celular workphone businessphone homephone primaryphone phone1 phone1value festnetz rufnummer numerodetelephone "
    "numerodetelefono numerotelefono numeroditelefono telefononumero cellulare telefonocellulare telefonomovil telefonofijo telemovel numerodetelefone telefoonnummer telefoon "
    "mobielnummer mobiel gsm gsmnummer telefonmobil telefongeschaftlich telefonprivat defaultaddressphone phoneno telno telnr mobileno handynr "
    "contactnumber daytimephone fixe telfixe telmobile mobieltelefoonnummer ndetelephone ndetel numtelephone",
    "company": "companyname organization organisation organizationname organisationname firma firmenname unternehmen unternehmensname accountname "
    "employer entreprise nomentreprise nomdelentreprise societe raisonsociale nomdelasociete empresa nombredelaempresa nombreempresa nomedaempresa razonsocial razaosocial "
    "azienda nomeazienda nomedellazienda ragionesociale bedrijf bedrijfsnaam organisatie organization1name defaultaddresscompany business businessname "
    "firmanavn foretag foretagsnamn arbeitgeber organismo organizacion organizacao organizzazione",
    "job_title": "jobtitle title position role jobrole jobposition berufsbezeichnung funktion stelle stellenbezeichnung jobbezeichnung beruf poste intituledeposte intituledupostes "
    "fonction puesto cargo cargoqueocupa titulodelpuesto profesion profession qualifica ruolo posizione mansione functie functietitel functienaam cargofuncao funcao "
    "occupation organization1title titreduposte",
    "street": "street address streetaddress address1 addressline1 strasse strassehausnummer strasseundhausnummer strasseundnr strassenr anschrift adresse adresse1 adressepostale rue "
    "ruenumero direccion calle calleynumero domicilio direccion1 morada endereco rua logradouro via indirizzo indirizzo1 straat straatnaam straatenhuisnummer adres mailingstreet billingstreet "
    "adress gata ulica defaultaddressaddress1 streetandnumber addressstreet postaladdress postanschrift",
    "city": "town citytown ort stadt wohnort ville commune ciudad poblacion municipio citta comune cidade localidade localidad localite localita mailingcity billingcity addresscity "
    "gemeente poststed miasto postort defaultaddresscity plaats woonplaats stad suburb",
    "postal_code": "postalcode postcode zip zipcode zippostalcode plz postleitzahl codepostal codigopostal codigozip cap cep codicepostale codicediavviamentopostale postnummer "
    "postnr kodpocztowy mailingzippostalcode mailingpostalcode billingzip billingpostalcode defaultaddresszip codepostale cp",
    "state": "stateregion stateprovince stateorprovince province region bundesland kanton departement provincia estado regione regiao comunidadautonoma provincie mailingstateprovince "
    "mailingstate billingstate defaultaddressprovincecode etat uf county",
    "country": "countryregion countryregionname countryname countrycode landregio paysregion paisregiao paeseregione paeseareageografica land pays pais paese nazione kraj staat nation mailingcountry billingcountry "
    "addresscountry defaultaddresscountrycode landerkennung codepays codigopais codigodepais codicepaese landcode lander landregion paisregion",
    "birthday": "birthdate dateofbirth dob bday geburtstag geburtsdatum gebdatum gebdat datedenaissance datenaissance naissance fechadenacimiento fechanacimiento "
    "cumpleanos datadinascita datanascita compleanno datadenascimento datanascimento aniversario anniversaire geboortedatum verjaardag datadeaniversario dataurodzenia fodelsedatum fodselsdato",
    "joined_at": "joined joinedon joindate createdate createddate createdat created createdon createdtime creationdate dateadded dateadd addedon addedat signupdate signedupat "
    "signedup signupat registeredat registrationdate registeredon registered subscribedat subscribeddate subscribedon subscriptiondate datesubscribed optintime optindate membersince customersince "
    "angemeldetam anmeldedatum anmeldung registriertam registrierungsdatum erstelltam erstelldatum angelegtam kundeseit mitgliedseit "
    "datedinscription dateinscription inscritle datedecreation datecreation creele fechadealta fechaalta fechaderegistro fecharegistro fechadecreacion fechacreacion fechadesuscripcion "
    "datadiiscrizione dataiscrizione datadicreazione datacreazione dataregistrazione datadecadastro datacadastro datadeinscricao datadecriacao datacriacao "
    "userregistered erstellt fertigstellungszeit completiontime heuredefin horadefinalizacion aanmaakdatum opprettet datadodania aangemaaktop datumaangemaakt inschrijfdatum aanmelddatum datumvaninschrijving timestamp zeitstempel horodateur marcatemporal marcadetiempo informazionicronologiche carimbodedatahora tijdstempel",
    "website": "websiteurl web www url homepage webseite webseiteurl internetseite site siteweb siteinternet sitioweb paginaweb website1value sitoweb sitointernet pagineweb webpage webaddress",
    "language": "lang locale preferredlanguage languagecode sprache langue langueparlee idioma idiomapreferido lingua taal korrespondenzsprache bevorzugtesprache",
    "gender": "sex geschlecht genre sexe genero sexo sesso geslacht",
    "salutation": "anrede civilite titredecivilite tratamiento tratamento titolo aanhef prefix honorific nameprefix titel",
    "source": "leadsource originalsource contactsource herkunft quelle leadquelle origine source1 origen fuente fonte bron provenance utmsource",
    "interests": "interest interessen interesse interets centresdinteret intereses interessi topics themen newslettertopics thema temas thematiques",
    "plan": "tier planname subscriptionplan tarif abo abonnement forfait piano plano",
    "score": "leadscore hubspotscore contactscore punktzahl puntuacion punteggio pontuacao",
}  # fmt: skip
"""Whole names, by what they stand for."""

_EMAIL = "email mail emails emailaddress courriel correo mailadresse emailadresse"
_PHONE = "phone telephone tel telefon telefono telefone telefoon mobile mobil mobiel handy cell cellphone movil celular portable cellulare gsm rufnummer telefonnummer"
_FIRST = "first given vorname prenom voornaam firstname forename"
_LAST = "last family surname nachname familienname achternaam cognome apellido apellidos sobrenome lastname"
WORDS = {
    "email_address": _EMAIL,
    "first_name": _FIRST,
    "last_name": _LAST,
    "phone": _PHONE,
    "company": "company firma unternehmen entreprise societe empresa azienda bedrijf organization organisation",
    "street": "street address1 addressline1 strasse rue calle straat via",
    "city": "city stadt ort ville ciudad citta cidade plaats woonplaats town",
    "postal_code": "zip postal plz postcode postleitzahl zipcode",
    "state": "state province bundesland provincia province region",
    "country": "country pays pais paese land",
    "birthday": "birthday birthdate geburtsdatum geburtstag dob geboortedatum naissance",
    "job_title": "jobtitle",
    "website": "website webseite homepage",
    "language": "language sprache langue idioma lingua taal",
}
"""What a single word stands for, where the others of a name are among `AROUND`."""

_AROUND_TEXT = (
    "name names nom nombre nome naam address adresse adress adres direccion direcci indirizzo endereco number nummer nr no numero num code "
    "contact contacts kontakt contacto contatto contato customer client kunde kunden cliente klant user benutzer utilisateur usuario utente person personne persona lead member mitglied "
    "primary main default principal haupt preferred business work geschaftlich professionnel profesional dienstlich office buro company mailing shipping billing rechnung rechnungsadresse rechnungs lieferung lieferadresse invoice "
    "home private privat personal your ihre ihr votre su tu seu sua the de du des d la le les l del della di da do dos der die das des van het een of a an und et y e and i "
    "value 1 one electronique electronico elettronica e recipient subscriber participant teilnehmer teilnehmerin attendee buyer kaufer acheteur comprador guest gast "
    "payeur payer adherent acquereur line please enter bitte eingeben field required pflicht pflichtfeld obligatoire optional"
)
AROUND = frozenset(_AROUND_TEXT.split())
"""Words that change nothing of what the others stand for."""
