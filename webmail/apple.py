"""Configuration profiles for Apple's devices ("Configuration Profile Reference", com.apple.mail.managed)."""

import plistlib
import uuid
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from optimails.config.server import TlsSettings
from optimails.model.dns_name import ascii_name
from optimails.texts import text
from webmail.servers import Kind, Offer


def profile(address: str, domain: str, offer: Offer, language: str) -> bytes | None:
    """The account as an XML property list, without password (the device asks); None without servers to name.

    The same address gets the same identifiers, so that a second installation replaces the first.
    """
    incoming = offer.first(Kind.IMAP) or offer.first(Kind.POP3)
    outgoing = offer.first(Kind.SUBMISSION)
    if incoming is None or outgoing is None:
        return None
    own = uuid.uuid5(uuid.NAMESPACE_URL, f"{offer.web}/mobileconfig?email={address}")
    identifier = ".".join([*reversed(domain.split(".")), "optimails", str(own)])
    account = {
        "PayloadType": "com.apple.mail.managed",
        "PayloadVersion": 1,
        "PayloadIdentifier": f"{identifier}.mail",
        "PayloadUUID": str(uuid.uuid5(own, "mail")),
        "PayloadDisplayName": address,
        "EmailAccountDescription": address,
        "EmailAddress": address,
        "EmailAccountType": "EmailTypeIMAP" if incoming.kind is Kind.IMAP else "EmailTypePOP",
        "IncomingMailServerHostName": incoming.host,
        "IncomingMailServerPortNumber": incoming.port,
        "IncomingMailServerUseSSL": True,
        "IncomingMailServerAuthentication": "EmailAuthPassword",
        "IncomingMailServerUsername": address,
        "OutgoingMailServerHostName": outgoing.host,
        "OutgoingMailServerPortNumber": outgoing.port,
        "OutgoingMailServerUseSSL": True,
        "OutgoingMailServerAuthentication": "EmailAuthPassword",
        "OutgoingMailServerUsername": address,
        "OutgoingPasswordSameAsIncomingPassword": True,
    }
    return plistlib.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": identifier,
            "PayloadUUID": str(own),
            "PayloadDisplayName": text("web.profile.name", language, address=address),
            "PayloadDescription": text("web.profile.description", language, provider=offer.provider),
            "PayloadOrganization": offer.provider,
            "PayloadRemovalDisallowed": False,
            "PayloadContent": [
                account,
                *_dav(address, identifier, own, offer),
                *_ldap(address, identifier, own, offer),
            ],
        }
    )


def _dav(address: str, identifier: str, own: uuid.UUID, offer: Offer) -> list[dict[str, object]]:
    """Calendars and contacts ("com.apple.caldav.account", "com.apple.carddav.account")."""
    if offer.dav is None:
        return []
    host, port = offer.dav
    return [
        {
            "PayloadType": f"com.apple.{kind.lower()}.account",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"{identifier}.{kind.lower()}",
            "PayloadUUID": str(uuid.uuid5(own, kind.lower())),
            "PayloadDisplayName": address,
            f"{kind}AccountDescription": address,
            f"{kind}HostName": host,
            f"{kind}Port": port,
            f"{kind}UseSSL": True,
            f"{kind}Username": address,
            f"{kind}PrincipalURL": f"/dav/{address}/",
        }
        for kind in ("CalDAV", "CardDAV")
    ]


def _ldap(address: str, identifier: str, own: uuid.UUID, offer: Offer) -> list[dict[str, object]]:
    """The company's address book ("com.apple.ldap.account"); the device asks for the password."""
    if offer.ldap is None:
        return []
    host, port = offer.ldap
    base = ",".join(f"dc={label}" for label in ascii_name(address.rpartition("@")[2]).split("."))
    return [
        {
            "PayloadType": "com.apple.ldap.account",
            "PayloadVersion": 1,
            "PayloadIdentifier": f"{identifier}.ldap",
            "PayloadUUID": str(uuid.uuid5(own, "ldap")),
            "PayloadDisplayName": address,
            "LDAPAccountDescription": address,
            "LDAPAccountHostName": f"{host}:{port}" if port != 636 else host,
            "LDAPAccountUseSSL": True,
            "LDAPAccountUserName": address,
            "LDAPSearchSettings": [
                {
                    "LDAPSearchSettingDescription": base,
                    "LDAPSearchSettingSearchBase": base,
                    "LDAPSearchSettingScope": "LDAPSearchSettingScopeSubtree",
                }
            ],
        }
    ]


class CannotSign(ValueError):
    """Certificate and key cannot sign profiles; the text says why."""


class Signer:
    """Signs with the certificate of the server, so that a device shows who made the profile."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises ``CannotSign``."""
        try:
            certificates = x509.load_pem_x509_certificates(Path(settings.certificate).read_bytes())
            key = serialization.load_pem_private_key(Path(settings.key).read_bytes(), None)
        except (OSError, ValueError, TypeError) as wrong:
            raise CannotSign(str(wrong)) from wrong
        if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
            raise CannotSign("only RSA and ECDSA keys sign profiles")
        self._key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = key
        self._own: x509.Certificate = certificates[0]
        self._chain: Sequence[x509.Certificate] = certificates[1:]

    def sign(self, content: bytes) -> bytes:
        """The content inside its signature (PKCS #7, DER)."""
        builder = pkcs7.PKCS7SignatureBuilder().set_data(content).add_signer(self._own, self._key, hashes.SHA256())
        for certificate in self._chain:
            builder = builder.add_certificate(certificate)
        return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
