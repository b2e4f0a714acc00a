"""Mail programs are told what the listeners are, alike for all addresses of a domain; hostile requests nothing."""

import asyncio
import json
import plistlib
import subprocess
from xml.etree import ElementTree as ET

import pytest

from optimails.config import parse
from optimails.config.server import TlsSettings
from optimails.model.errors import Unavailable
from optimails.supervisor.certificate import make_self_signed
from webmail.apple import CannotSign, Signer
from webmail.application import application
from webmail.servers import services_of

LISTENERS = (
    ("imap", 143, "starttls"),
    ("imap", 993, "implicit"),
    ("pop3", 110, "starttls"),
    ("smtp", 25, "starttls"),
    ("submission", 587, "starttls"),
    ("submission", 4465, "implicit"),
    ("submission", 5465, "implicit"),
    ("http", 8443, "implicit"),
    ("ldap", 389, "starttls"),
    ("ldap", 1636, "implicit"),
)
TOLD = {("imap", 993, True), ("pop3", 110, False), ("submission", 4465, True)}


class Domains:
    """The directory, as far as it is asked; anything else would fail."""

    async def is_local(self, domain):
        if domain == "away.example":
            raise Unavailable("the database is away")
        return domain in {"example.org", "müller.example"}


class Answer:
    def __init__(self, messages):
        self.status = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    @property
    def xml(self):
        return ET.fromstring(self.body)


@pytest.fixture
def web(tmp_path):
    return Web(tmp_path)


class Web:
    def __init__(self, folder):
        self.folder = folder
        self.tls = TlsSettings(certificate=folder / "c.pem", key=folder / "k.pem")
        make_self_signed(self.tls.certificate, self.tls.key, ["mail.example.org"])
        self.configure()

    def configure(self, more="", listeners=LISTENERS, *, signed=True):
        text = '[server]\nhostname = "mail.example.org"\n' + more
        for protocol, port, tls in listeners:
            text += f'\n[[listener]]\nprotocol = "{protocol}"\naddress = "127.0.0.1:{port}"\ntls = "{tls}"\n'
        config = parse(text, self.folder / "optimails.toml", {})
        self.app = application(config, Domains(), Signer(self.tls) if signed else None)
        return config

    def get(self, path, query="", *, method="GET", body=b"", headers=(), pieces=1):
        scope = {
            "type": "http", "http_version": "1.1", "method": method, "path": path, "raw_path": path.encode(),
            "query_string": query.encode(), "root_path": "", "scheme": "https", "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 443), "headers": [(name.encode(), value.encode()) for name, value in headers],
        }  # fmt: skip
        sent = []
        waiting = [
            {"type": "http.request", "body": body, "more_body": number < pieces} for number in range(1, pieces + 1)
        ]

        async def receive():
            return waiting.pop(0)

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        return Answer(sent)

    def post(self, body, **options):
        return self.get("/autodiscover/autodiscover.xml", method="POST", body=body, **options)


def told_to_thunderbird(xml):
    kinds = {"smtp": "submission"}
    return {
        (
            kinds.get(server.get("type"), server.get("type")),
            int(server.findtext("port")),
            server.findtext("socketType") == "SSL",
        )
        for server in xml.iter()
        if server.tag in {"incomingServer", "outgoingServer"}
    }


def outlook_request(address, schema="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"):
    return (
        '<?xml version="1.0" encoding="utf-8"?>'
        '<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request>'
        f"<EMailAddress>{address}</EMailAddress><AcceptableResponseSchema>{schema}</AcceptableResponseSchema>"
        "</Request></Autodiscover>"
    ).encode()


@pytest.mark.parametrize(
    ("path", "query", "host"),
    [
        ("/mail/config-v1.1.xml", "emailaddress=ann%40example.org", "autoconfig.example.org"),
        ("/mail/config-v1.1.xml", "", "autoconfig.example.org"),
        ("/.well-known/autoconfig/mail/config-v1.1.xml", "", "EXAMPLE.org:443"),
        ("/.well-known/autoconfig/mail/config-v1.1.xml", "emailaddress=ann%40Example.ORG", "elsewhere.test"),
    ],
)
def test_thunderbird(web, path, query, host):
    answer = web.get(path, query, headers=[("host", host)])
    assert (answer.status, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert told_to_thunderbird(answer.xml) == TOLD
    assert answer.xml.findtext("emailProvider/domain") == "example.org"
    assert {one.text for one in answer.xml.iter("hostname")} == {"mail.example.org"}
    assert {one.text for one in answer.xml.iter("username")} == {"%EMAILADDRESS%"}


def test_thunderbird_hears_of_calendars_and_contacts(web):
    """By the names of Mozilla's page, and by those of the draft."""
    root = web.get("/mail/config-v1.1.xml", "emailaddress=ann%40example.org").xml
    url = "https://mail.example.org:8443/dav/"
    mozilla = [(one.tag, one.get("type"), one.findtext("serverURL"), one.findtext("authentication"))
               for one in root.find("emailProvider") if one.find("serverURL") is not None]  # fmt: skip
    assert mozilla == [("addressBook", "carddav", url, "http-basic"), ("calendar", "caldav", url, "http-basic")]
    draft = [(one.tag, one.get("type"), one.findtext("url"), one.findtext("authentication")) for one in root[1:]]
    assert draft == [("addressbook", "carddav", url, "basic"), ("calendar", "caldav", url, "basic")]
    web.configure("[dav]\nenabled = false\n")
    assert b"carddav" not in web.get("/mail/config-v1.1.xml", "emailaddress=ann%40example.org").body


def test_srv_records_say_what_the_listeners_are(web):
    def told(more=""):
        return [(one.name.removesuffix("._tcp"), one.port, one.host) for one in services_of(web.configure(more))]

    host = "mail.example.org"
    assert told() == [
        ("_imaps", 993, host), ("_imap", 143, host), ("_pop3", 110, host), ("_submissions", 4465, host),
        ("_submission", 587, host), ("_caldavs", 8443, host), ("_carddavs", 8443, host), ("_autodiscover", 8443, host),
    ]  # fmt: skip
    public = told('[web]\nhost = "web.example.org"\nport = 443\nimap_host = "imap.example.org"\nimap_port = 9993\n')
    assert public[0] == ("_imaps", 9993, "imap.example.org")
    assert public[-1] == ("_autodiscover", 443, "web.example.org")
    assert told("[dav]\nenabled = false\n")[-2:] == [("_submission", 587, host), ("_autodiscover", 8443, host)]


def test_an_international_domain(web):
    answer = web.get("/mail/config-v1.1.xml", headers=[("host", "autoconfig.xn--mller-kva.example")])
    assert answer.xml.findtext("emailProvider/domain") == "xn--mller-kva.example"


@pytest.mark.parametrize("path", ["/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml"])
def test_outlook(web, path):
    answer = web.get(path, method="POST", body=outlook_request("Ann@example.org"))
    assert answer.status == 200
    space = "{http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a}"
    kinds = {"IMAP": "imap", "POP3": "pop3", "SMTP": "submission"}
    protocols = list(answer.xml.iter(f"{space}Protocol"))
    told = {
        (
            kinds[one.findtext(f"{space}Type")],
            int(one.findtext(f"{space}Port")),
            one.findtext(f"{space}Encryption") == "SSL",
        )
        for one in protocols
    }
    assert told == TOLD
    assert {one.findtext(f"{space}LoginName") for one in protocols} == {"Ann@example.org"}


def test_outlook_is_told_what_we_do_not_speak(web):
    answer = web.post(outlook_request("ann@example.org", "http://schemas.microsoft.com/mobilesync/2006"))
    assert b"<ErrorCode>601</ErrorCode>" in answer.body


@pytest.mark.parametrize(
    "path", ["/autodiscover/autodiscover.json", "/autodiscover/autodiscover.json/v1.0/ann@example.org"]
)
def test_outlook_in_json(web, path):
    answer = web.get(path, "Email=ann@example.org&Protocol=Autodiscoverv1", headers=[("host", "evil.test")])
    url = "https://mail.example.org:8443/autodiscover/autodiscover.xml"
    assert json.loads(answer.body) == {"Protocol": "AutodiscoverV1", "Url": url}
    other = web.get(path, "Email=ann@example.org&Protocol=ActiveSync")
    assert (other.status, json.loads(other.body)["ErrorCode"]) == (400, "InvalidProtocol")
    assert json.loads(web.get(path, "Email=ann@example.org").body)["ErrorCode"] == "MandatoryParameterMissing"


def test_apple(web):
    web.configure(signed=False)
    answer = web.get("/mobileconfig", "email=ann%40example.org", headers=[("accept-language", "de, fr;q=0.8")])
    assert answer.headers["content-type"] == "application/x-apple-aspen-config"
    profile = plistlib.loads(answer.body)
    account = profile["PayloadContent"][0]
    assert (account["IncomingMailServerHostName"], account["IncomingMailServerPortNumber"]) == ("mail.example.org", 993)
    assert (account["OutgoingMailServerHostName"], account["OutgoingMailServerPortNumber"]) == (
        "mail.example.org",
        4465,
    )
    assert account["EmailAddress"] == account["IncomingMailServerUsername"] == "ann@example.org"
    assert profile["PayloadDisplayName"].startswith("Messagerie")
    calendars, contacts, company = profile["PayloadContent"][1:]
    assert (calendars["PayloadType"], calendars["CalDAVHostName"]) == ("com.apple.caldav.account", "mail.example.org")
    assert (contacts["CardDAVUsername"], contacts["CardDAVUseSSL"]) == ("ann@example.org", True)
    assert (company["LDAPAccountHostName"], company["LDAPAccountUserName"]) == (
        "mail.example.org:1636",
        "ann@example.org",
    )
    (search,) = company["LDAPSearchSettings"]
    assert search["LDAPSearchSettingSearchBase"] == "dc=example,dc=org"
    assert calendars["CalDAVPrincipalURL"] == contacts["CardDAVPrincipalURL"] == "/dav/ann@example.org/"
    assert web.get("/mobileconfig", "email=ann%40example.org", headers=[("accept-language", "fr")]).body == answer.body


def test_apples_profile_is_signed_by_the_server(web):
    signed = web.folder / "signed"
    signed.write_bytes(web.get("/mobileconfig", "email=ann%40example.org").body)
    done = subprocess.run(
        [
            "openssl",
            "smime",
            "-verify",
            "-inform",
            "DER",
            "-in",
            signed,
            "-CAfile",
            web.tls.certificate,
            "-purpose",
            "any",
        ],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert plistlib.loads(done.stdout)["PayloadContent"][0]["EmailAddress"] == "ann@example.org"


def test_a_key_that_cannot_sign_is_told(web):
    with pytest.raises(CannotSign):
        Signer(web.tls.model_copy(update={"key": web.folder / "none"}))


def test_the_policy_of_mta_sts(web):
    answer = web.get("/.well-known/mta-sts.txt", headers=[("host", "mta-sts.example.org")])
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.body.split(b"\r\n")[:3] == [b"version: STSv1", b"mode: enforce", b"mx: mail.example.org"]


@pytest.mark.parametrize("host", ["example.org", "mta-sts.elsewhere.test", "mta-sts.mta-sts.example.org"])
def test_no_policy_for_others(web, host):
    assert web.get("/.well-known/mta-sts.txt", headers=[("host", host)]).status == 404


def test_public_names_are_told_instead_of_listeners(web):
    web.configure(
        '[web]\nimap_host = "imap.example.net"\nimap_port = 1993\nhost = "web.example.net"\nport = 443\n'
        'provider = "A & B"\n'
    )
    answer = web.get("/mail/config-v1.1.xml", "emailaddress=a@example.org").xml
    assert told_to_thunderbird(answer) == (TOLD - {("imap", 993, True)}) | {("imap", 1993, True)}
    assert answer.findtext("emailProvider/displayName") == "A & B"
    assert answer.findtext("emailProvider/incomingServer/hostname") == "imap.example.net"
    url = json.loads(web.get("/autodiscover/autodiscover.json", "Email=a@example.org&Protocol=autodiscoverv1").body)[
        "Url"
    ]
    assert url == "https://web.example.net/autodiscover/autodiscover.xml"


def test_what_has_no_tls_is_not_told(web):
    web.configure(listeners=[("imap", 143, "none"), ("submission", 587, "starttls")])
    assert told_to_thunderbird(web.get("/mail/config-v1.1.xml", "emailaddress=a@example.org").xml) == {
        ("submission", 587, False)
    }
    assert web.get("/mobileconfig", "email=a@example.org").status == 404


def all_pages(web, address):
    return [
        web.get("/mail/config-v1.1.xml", f"emailaddress={address}"),
        web.post(outlook_request(address)),
        web.get("/autodiscover/autodiscover.json", f"Email={address}&Protocol=AutodiscoverV1"),
        web.get("/mobileconfig", f"email={address}"),
    ]


def test_foreign_domains_are_not_found(web):
    assert [answer.status for answer in all_pages(web, "ann@elsewhere.test")] == [404] * 4


def test_without_the_directory_they_are_asked_to_come_again(web):
    assert [answer.status for answer in all_pages(web, "ann@away.example")] == [503] * 4


def test_every_local_part_gets_the_same(web):
    web.configure(signed=False)
    first, second = (
        [answer.body.replace(name, b"") for answer in all_pages(web, f"{name.decode()}@example.org")[:3]]
        for name in (b"ann", b"nobody")
    )
    assert first == second


def test_headers_of_every_answer(web):
    for answer in [*all_pages(web, "ann@example.org"), *all_pages(web, "x@elsewhere.test"), web.get("/none")]:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert "set-cookie" not in answer.headers


HOSTILE_XML = {
    "nothing": b"",
    "no XML": b"hello",
    "entities": b'<!DOCTYPE a [<!ENTITY a "a"><!ENTITY b "&a;&a;">]><a><EMailAddress>&b;@example.io</EMailAddress></a>',
    "a file": b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a><EMailAddress>&x;@example.org</EMailAddress></a>',
    "a DTD": b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/"><a><EMailAddress>ann@example.org</EMailAddress></a>',
    "an encoding": b'<?xml version="1.0" encoding="none"?><a><EMailAddress>ann@example.org</EMailAddress></a>',
    "bytes of two": b'<?xml version="1.0" encoding="shift_jis"?><a><EMailAddress>ann@example.org</EMailAddress></a>',
    "deep": b"<a>" * 5_000,
    "no address": b"<Request/>",
    "two lines": outlook_request("ann&#10;@example.org"),
    "a tag": outlook_request("&lt;x&gt;@example.org"),
    "zeros": bytes(1_000),
}


@pytest.mark.parametrize("name", HOSTILE_XML)
def test_hostile_xml(web, name):
    answer = web.post(HOSTILE_XML[name])
    assert answer.status == 400
    assert b"<ErrorCode>600</ErrorCode>" in answer.body


def test_a_body_without_end(web):
    assert web.post(b"<a>" * 1_000, pieces=50).status == 413


def test_a_body_that_never_comes(web):
    web.configure("[web]\nanswer_timeout = 0.05\n")
    forever = asyncio.Event

    async def ask():
        sent = []

        async def receive():
            await forever().wait()

        async def send(message):
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": "/autodiscover/autodiscover.xml",
            "headers": [],
            "query_string": b"",
            "root_path": "",
        }
        await web.app(scope, receive, send)
        return Answer(sent)

    assert asyncio.run(ask()).status == 408


@pytest.mark.parametrize(
    "address",
    ["", "@", "ann", "ann@", "a" * 1_000 + "@example.org", "ann@%00", "ann@%ff", "ann@..", "ann@" + "a." * 120],
)
def test_hostile_addresses(web, address):
    for path, name in (
        ("/mail/config-v1.1.xml", "emailaddress"),
        ("/mobileconfig", "email"),
        ("/autodiscover/autodiscover.json", "Email"),
    ):
        assert web.get(path, f"{name}={address}").status in {400, 404}


@pytest.mark.parametrize("host", ["", "[::1]:443", "a" * 10_000, "\xff", "..", "autoconfig.", "mta-sts."])
def test_hostile_hosts(web, host):
    for path in ("/mail/config-v1.1.xml", "/.well-known/mta-sts.txt"):
        assert web.get(path, headers=[("host", host)]).status in {400, 404}


@pytest.mark.parametrize(
    "path", ["/", "/../etc/passwd", "/mail/", "/autodiscover/", "/AUTODISCOVER/../x", "/mobileconfig/"]
)
def test_other_pages_are_not_there(web, path):
    assert web.get(path).status == 404


def test_an_error_of_ours_gives_a_number_only(web, caplog):
    web.configure()

    async def broken(domain):
        raise RuntimeError("secret detail")

    Domains.is_local, before = broken, Domains.is_local
    try:
        answer = web.get("/mobileconfig", "email=ann@example.org")
    finally:
        Domains.is_local = before
    assert answer.status == 500
    noted = next(record for record in caplog.records if record.message == "internal_error")
    assert answer.body == f"internal error {noted.fields['id']}\n".encode()
