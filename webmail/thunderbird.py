"""Mozilla's autoconfig, which Thunderbird, K-9, Evolution, KMail and others read.

The format is described in draft-ietf-mailmaint-autoconfig and on Mozilla's page "Autoconfiguration in Thunderbird".
"""

from xml.etree.ElementTree import Element, SubElement, tostring

from webmail.servers import Kind, Offer, Server

_TYPES = {Kind.IMAP: "imap", Kind.POP3: "pop3", Kind.SUBMISSION: "smtp"}


def autoconfig(domain: str, offer: Offer) -> bytes:
    """The document for every address of ``domain``; the program puts the address in the place of %EMAILADDRESS%."""
    root = Element("clientConfig", version="1.1")
    provider = SubElement(root, "emailProvider", id=domain)
    for name, value in (("domain", domain), ("displayName", offer.provider), ("displayShortName", offer.provider)):
        SubElement(provider, name).text = value
    for server in offer.servers:
        _add(provider, server)
    return bytes(tostring(root, "utf-8", xml_declaration=True))


def _add(provider: Element, server: Server) -> None:
    outgoing = server.kind is Kind.SUBMISSION
    element = SubElement(provider, "outgoingServer" if outgoing else "incomingServer", type=_TYPES[server.kind])
    for name, value in (
        ("hostname", server.host),
        ("port", str(server.port)),
        ("socketType", "SSL" if server.implicit else "STARTTLS"),
        ("authentication", "password-cleartext"),  # inside TLS
        ("username", "%EMAILADDRESS%"),
    ):
        SubElement(element, name).text = value
