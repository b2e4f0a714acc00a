"""Each rule of the antispam: what it finds, and what it leaves alone."""

import pytest

from optimails.authentication import Arc, Authentication, Dkim, Dmarc, Policy, Result, Spf
from optimails.model.address import EmailAddress
from optimails.texts import LANGUAGES, text
from securemail.analyser import Analyser
from securemail.antispam.bulk import Bulk
from securemail.antispam.header import Header
from securemail.antispam.impersonation import Impersonation
from securemail.antispam.phrases import Phrases
from securemail.antispam.senders import Checked, Connection
from securemail.antispam.structure import Structure
from securemail.antispam.urls import Urls
from securemail.antispam.weights import WEIGHTS
from securemail.context import Context
from securemail.examined import Examined

FINE = {
    "From": "Ann <ann@example.org>",
    "To": "paul@demo.test",
    "Date": "Mon, 16 Nov 2026 08:00:00 +0000",
    "Message-ID": "<1@example.org>",
    "Subject": "Lunch",
}
NOW = 1794816060.0  # a minute after that date
HOME = Context(
    client="192.0.2.1",
    client_name="mail.example.org",
    helo="mail.example.org",
    sender=EmailAddress("ann", "example.org"),
    recipients=(EmailAddress("paul", "demo.test"),),
    domains=frozenset({"demo.test", "walker-shipping.test"}),
    people={"claire martin": frozenset({"claire.martin@demo.test"})},
    received=NOW,
)


def message(body: str = "Hello Paul\n", **changes: str | None) -> Examined:
    fields = FINE | {name.replace("_", "-"): value for name, value in changes.items()}
    head = "".join(f"{name}: {value}\n" for name, value in fields.items() if value is not None)
    return Examined(f"{head}\n{body}".encode())


def page(html: str, **changes: str | None) -> Examined:
    return message(html, **{"Content_Type": "text/html; charset=utf-8", **changes})


def symbols(analyser: Analyser, examined: Examined, context: Context = HOME) -> set[str]:
    return {fact.symbol for fact in analyser.examine(examined, context)}


def checked(dmarc: Result, policy: Policy = Policy.NONE, spf: Result = Result.PASS, *dkim: Result) -> Authentication:
    return Authentication(
        "192.0.2.1",
        (Spf(spf, "mailfrom", "example.org", "ann@example.org"),),
        tuple(Dkim(one, "example.org") for one in dkim),
        Dmarc(dmarc, "example.org", policy, policy),
        Arc(Result.NONE),
    )


def known(authentication: Authentication) -> Context:
    return Context(
        client="192.0.2.1", recipients=HOME.recipients, domains=HOME.domains, people=HOME.people, vips=HOME.vips,
        authentication=authentication,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, set()),
        ({"From": None}, {"NO_AUTHOR"}),
        ({"From": "nobody"}, {"NO_AUTHOR"}),
        ({"From": "a@x.test, b@y.test"}, {"MANY_AUTHORS"}),
        ({"From": "a@x.test, b@y.test", "Sender": "a@x.test"}, set()),
        ({"Date": None}, {"NO_DATE"}),
        ({"Date": "Wed, 18 Nov 2026 08:00:00 +0000"}, {"DATE_IN_FUTURE"}),
        ({"Date": "Sun, 16 Nov 2025 08:00:00 +0000"}, {"DATE_LONG_AGO"}),
        ({"Message_ID": None}, {"NO_MESSAGE_ID"}),
        ({"Reply_To": "ann.director@gmail.com"}, {"REPLIES_ELSEWHERE"}),
        ({"Reply_To": "sales@example.org"}, set()),
        ({"From": "ann@gmail.com", "Reply_To": "ann@yahoo.fr"}, set()),
        ({"Subject": "MAKE MONEY FAST TODAY"}, {"SUBJECT_SHOUTS"}),
        ({"Subject": "RE: IBM"}, {"FALSE_REPLY"}),
        ({"Subject": "V I A G R A cheap"}, {"SUBJECT_SPACED"}),
        ({"Subject": "Re: lunch"}, {"FALSE_REPLY"}),
        ({"Subject": "Re: lunch", "In_Reply_To": "<0@demo.test>"}, set()),
        ({"To": "undisclosed-recipients:;"}, {"NO_RECIPIENTS_NAMED"}),
        ({"To": None, "Cc": "paul@demo.test"}, set()),
    ],
)
def test_header(changes: dict[str, str | None], found: set[str]) -> None:
    assert symbols(Header(), message(**changes)) == found


@pytest.mark.parametrize(
    ("client", "name", "helo", "found"),
    [
        ("192.0.2.1", "mail.example.org", "mail.example.org", set()),
        ("192.0.2.1", "", "mail.example.org", {"NO_REVERSE_NAME"}),
        ("192.0.2.1", "x.test", "demo.test", {"GREETS_AS_US"}),
        ("192.0.2.1", "x.test", "friend", {"GREETS_WITHOUT_NAME"}),
        ("192.0.2.1", "x.test", "[192.0.2.1]", {"GREETS_WITHOUT_NAME"}),
        ("127.0.0.1", "", "localhost", set()),
        ("", "", "", set()),
    ],
)
def test_connection(client: str, name: str, helo: str, found: set[str]) -> None:
    context = Context(client=client, client_name=name, helo=helo, domains=HOME.domains)
    assert symbols(Connection(), message(), context) == found


@pytest.mark.parametrize(
    ("authentication", "found"),
    [
        (checked(Result.PASS, Policy.REJECT, Result.FAIL), {"AUTHOR_PROVEN"}),
        (checked(Result.FAIL, Policy.REJECT), {"DMARC_REJECTS"}),
        (checked(Result.FAIL, Policy.QUARANTINE), {"DMARC_QUARANTINES"}),
        (checked(Result.FAIL), {"DMARC_FAILS"}),
        (checked(Result.NONE, Policy.NONE, Result.FAIL), {"SPF_FAILS"}),
        (checked(Result.NONE, Policy.NONE, Result.SOFTFAIL), {"SPF_SOFTLY_FAILS"}),
        (checked(Result.NONE, Policy.NONE, Result.NONE, Result.FAIL), {"DKIM_BROKEN"}),
        (checked(Result.NONE, Policy.NONE, Result.NONE, Result.FAIL, Result.PASS), set()),
        (checked(Result.TEMPERROR, Policy.NONE, Result.TEMPERROR, Result.TEMPERROR), set()),
    ],
)
def test_authentication(authentication: Authentication, found: set[str]) -> None:
    assert symbols(Checked(), message(), known(authentication)) == found


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<a href="https://example.org/x">our site</a>', set()),
        ('<a href="http://203.0.113.9/login">log in</a>', {"LINK_TO_NUMBER"}),
        ('<a href="https://www.paypal.com@evil.test/">x</a>', {"LINK_WITH_USER"}),
        ('<a href="https://evil.test/">https://www.bank.example/login</a>', {"LINK_SAYS_OTHER"}),
        ('<a href="https://click.example.org/c?1">www.bank.example</a>', set()),
        ('<a href="https://www.bank.example/x">bank.example</a>', set()),
        ('<a href="https://p\u0430ypal.com/">x</a>', {"LINK_HOMOGRAPH", "LINK_LOOKALIKE"}),
        ('<a href="https://xn--pypal-4ve.com/">x</a>', {"LINK_HOMOGRAPH", "LINK_LOOKALIKE"}),
        ('<a href="https://\u0440\u043e\u0441\u0441\u0438\u044f.test/">x</a>', set()),
        ('<a href="https://münchen.example/">x</a>', set()),
        ('<a href="https://paypa1.com/">x</a>', {"LINK_LOOKALIKE"}),
        ('<a href="https://netflix-paiement.example/">x</a>', {"LINK_LOOKALIKE"}),
        ('<a href="https://www.netflix.com/">x</a>', set()),
        ('<a href="https://wa1ker-shipping.example/">x</a>', {"LINK_LOOKALIKE"}),
        ('<a href="https://walker-shipping.example/">x</a>', set()),
        ('<a href="https://bit.ly/3x">x</a>', {"LINK_SHORTENED"}),
        ('<a href="https://files.test/invoice.pdf.exe">x</a>', {"LINK_TO_PROGRAM"}),
        ('<a href="https://example.com">x</a>', set()),
        ('<img src="http://203.0.113.9/p.gif">', set()),
    ],
)
def test_urls(html: str, found: set[str]) -> None:
    assert symbols(Urls(), page(html)) == found


@pytest.mark.parametrize(
    ("author", "found"),
    [
        ("Ann <ann@example.org>", set()),
        ('"service@bank.example" <x@evil.test>', {"NAME_HAS_OTHER_ADDRESS"}),
        ('"ann@example.org" <ann@mail.example.org>', set()),
        ("Claire Martin <claire.martin.ceo@gmail.com>", {"NAME_OF_COLLEAGUE"}),
        ('"MARTIN, Claire" <c@evil.test>', {"NAME_OF_COLLEAGUE"}),
        ("Claire <c@friend.test>", set()),
        ("PayPal Service <x@evil.test>", {"NAME_OF_BRAND"}),
        ("Crédit Agricole <info@evil.test>", {"NAME_OF_BRAND"}),
        ("PayPal <service@mail.paypal.com>", set()),
        ("x <x@walker-sh1pping.test>", {"AUTHOR_LOOKALIKE"}),
        ("x <x@wlaker-shipping.test>", {"AUTHOR_LOOKALIKE"}),
        ("x <x@walker-shiping.test>", {"AUTHOR_LOOKALIKE"}),
        ("x <x@walkers.test>", set()),
        ("Claire Martin <claire.martin@demo.test>", set()),
    ],
)
def test_impersonation(author: str, found: set[str]) -> None:
    assert symbols(Impersonation(), message(From=author)) == found


def test_our_name_from_outside() -> None:
    ours = message(From="Claire Martin <claire.martin@demo.test>")
    assert symbols(Impersonation(), ours, known(checked(Result.NONE))) == {"AUTHOR_CLAIMS_US"}
    assert symbols(Impersonation(), ours, known(checked(Result.PASS))) == set()


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>hello, this is a letter with enough words to read</p>", set()),
        (
            f'<p>Some words that everybody sees here.</p><div style="font-size:0">{"hidden words " * 20}</div>',
            {"HIDDEN_TEXT"},
        ),
        ('<p>Some words that everybody sees here, too.</p><div style="font-size:0px">preview</div>', set()),
        ('<a href="https://x.test"><img src="https://x.test/a.png"></a>', {"ONLY_AN_IMAGE"}),
        ("<p>Please confirm that you are the one</p><form><input name=p type=password></form>", {"HTML_WITH_FORM"}),
    ],
)
def test_structure(html: str, found: set[str]) -> None:
    assert symbols(Structure(), page(html)) == found


def test_a_page_as_a_file() -> None:
    body = '--b\n\nhi\n--b\nContent-Type: application/octet-stream; name="Facture.HTML"\n\nx\n--b--\n'
    assert symbols(Structure(), message(body, Content_Type="multipart/mixed; boundary=b")) == {"HTML_FILE_ATTACHED"}


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("Vérifiez votre compte sous 24 heures, sinon il sera fermé.", {"PHRASES_CREDENTIALS"}),
        ("Please verify your account.", set()),
        ("Votre colis est en attente. Merci de régler les frais de livraison (1,99 €).", {"PHRASES_PARCEL"}),
        ("I am the next of kin; five million dollars, strictly confidential.", {"PHRASES_ADVANCE_FEE"}),
        ("I recorded you with your webcam. Send it to my bitcoin wallet.", {"PHRASES_EXTORTION"}),
        ("Vos droits CPF : formation gratuite, ne les laissez pas filer", {"PHRASES_TRAINING_ACCOUNT"}),
        ("Are you available? I am in a meeting and need gift cards.", {"PHRASES_TRANSFER"}),
        ("Le colis est arrivé, merci.", set()),
    ],
)
def test_phrases(body: str, found: set[str]) -> None:
    assert symbols(Phrases(), message(body)) == found


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, set()),
        ({"List_Unsubscribe": "<https://x.test/u>"}, {"BULK"}),
        ({"Precedence": "bulk"}, {"BULK"}),
        ({"List_Id": "<l.x.test>", "List_Post": "<mailto:l@x.test>", "List_Unsubscribe": "<x>"}, {"MAILING_LIST"}),
        ({"Auto_Submitted": "auto-generated"}, {"AUTOMATIC"}),
        ({"Auto_Submitted": "no"}, set()),
    ],
)
def test_bulk(changes: dict[str, str | None], found: set[str]) -> None:
    assert symbols(Bulk(), message(**changes)) == found


def test_bulk_of_a_sender_who_shows_himself_weighs_for_him() -> None:
    newsletter = message(List_Unsubscribe="<https://x.test/u>")
    context = Context(authentication=checked(Result.PASS))
    assert sum(fact.weight for fact in Bulk().examine(newsletter, context)) < 0


def test_evidence_is_short_and_printable() -> None:
    evil = message(Subject="RE: \x1b[31m" + "A" * 900)
    facts = [*Header().examine(evil, HOME)]
    assert facts
    assert all(len(one) <= 120 and one.isprintable() for fact in facts for one in fact.evidence)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_symbol_has_a_text(language: str) -> None:
    for symbol in [*WEIGHTS, "LEARNED_SPAM", "LEARNED_HAM"]:
        assert text(f"filter.symbol.{symbol.lower()}", language)
