"""Mozilla's autoconfig, which Thunderbird, K-9, Evolution, KMail and others read.

The format is described in draft-ietf-mailmaint-autoconfig and on Mozilla's page "Autoconfiguration in Thunderbird".
"""

from xml.etree.ElementTree import Element, SubElement, tostring

from optimails.dns.records import DAV_PATH
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
    if offer.dav is not None:
        url = f"{offer.web}{DAV_PATH}"
        # On Mozilla's page they belong to the provider, in the draft they stand beside it, each with names of its own.
        for element, kind in (("addressBook", "carddav"), ("calendar", "caldav")):
            _add_dav(SubElement(provider, element, type=kind), "http-basic", "serverURL", url)
        for element, kind in (("addressbook", "carddav"), ("calendar", "caldav")):
            _add_dav(SubElement(root, element, type=kind), "basic", "url", url)
    return bytes(tostring(root, "utf-8", xml_declaration=True))


def _add_dav(element: Element, authentication: str, name: str, url: str) -> None:
    for field, value in (("username", "%EMAILADDRESS%"), ("authentication", authentication), (name, url)):
        SubElement(element, field).text = value


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
