"""Autodiscover: the "plain old XML" of [MS-OXDSCLI], and the JSON that leads to it.

XML comes from anybody: a document type, entities and references to elsewhere are refused before they are read.
"""

import json
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from optimails.model.errors import BadSyntax
from webmail.servers import Kind, Offer, Server

_ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
OUTLOOK = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
_TYPES = {Kind.IMAP: "IMAP", Kind.POP3: "POP3", Kind.SUBMISSION: "SMTP"}
JSON_PROTOCOL = "AutodiscoverV1"


def asked_address(body: bytes) -> tuple[str, str]:
    """The address a request asks for, and the schema of the answer it accepts.

    Raises:
        BadSyntax: it is no such request.
    """
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError) as wrong:  # the last two: unknown encodings
        raise BadSyntax("Not the XML of a request") from wrong
    found = {"emailaddress": "", "acceptableresponseschema": OUTLOOK}
    for element in root.iter():
        name = element.tag.rpartition("}")[2].lower()
        if name in found and element.text:
            found[name] = element.text.strip()
    if not found["emailaddress"]:
        raise BadSyntax("No address")
    return found["emailaddress"], found["acceptableresponseschema"]


def settings(address: str, offer: Offer) -> bytes:
    """The document for ``address``."""
    root = Element("Autodiscover", xmlns=_ANSWER)
    response = SubElement(root, "Response", xmlns=OUTLOOK)
    SubElement(SubElement(response, "User"), "DisplayName").text = address
    account = SubElement(response, "Account")
    SubElement(account, "AccountType").text = "email"
    SubElement(account, "Action").text = "settings"
    for server in offer.servers:
        _add(account, server, address)
    return bytes(tostring(root, "utf-8", xml_declaration=True))


def _add(account: Element, server: Server, address: str) -> None:
    protocol = SubElement(account, "Protocol")
    values = [
        ("Type", _TYPES[server.kind]),
        ("Server", server.host),
        ("Port", str(server.port)),
        ("DomainRequired", "off"),
        ("LoginName", address),
        ("SPA", "off"),
        ("SSL", "on" if server.implicit else "off"),
        ("Encryption", "SSL" if server.implicit else "TLS"),  # it overrides SSL; TLS is STARTTLS here
        ("AuthRequired", "on"),
    ]
    if server.kind is Kind.SUBMISSION:
        values += [("UsePOPAuth", "off"), ("SMTPLast", "off")]
    for name, value in values:
        SubElement(protocol, name).text = value


def refusal(code: int, message: str) -> bytes:
    """An error: 600 is a request we do not understand, 601 a schema we do not speak, 500 an address we do not know."""
    root = Element("Autodiscover", xmlns=_ANSWER)
    error = SubElement(SubElement(root, "Response"), "Error")
    SubElement(error, "ErrorCode").text = str(code)
    SubElement(error, "Message").text = message
    return bytes(tostring(root, "utf-8", xml_declaration=True))


def json_answer(protocol: str, offer: Offer) -> tuple[int, bytes]:
    """Where the XML is, for those who ask in JSON; with the status of HTTP."""
    if not protocol:
        return 400, _json(ErrorCode="MandatoryParameterMissing", ErrorMessage="The parameter Protocol is missing.")
    if protocol.lower() != JSON_PROTOCOL.lower():
        text = f"Supported protocols: {JSON_PROTOCOL}"
        return 400, _json(ErrorCode="InvalidProtocol", ErrorMessage=text)
    return 200, _json(Protocol=JSON_PROTOCOL, Url=f"{offer.web}/autodiscover/autodiscover.xml")


def _json(**values: str) -> bytes:
    return json.dumps(values).encode()
