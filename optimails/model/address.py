"""E-mail addresses as the directory compares them (RFC 5321 §4.1.2, RFC 6531)."""

import re
import unicodedata
from dataclasses import dataclass

import idna

from optimails.model.errors import BadSyntax

_DOT_STRING = re.compile(r"[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+(?:\.[^\x00-\x20\x7f()<>\[\]:;@\\,.\"]+)*")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*"')
_ADDRESS_LITERAL = re.compile(r"\[[0-9A-Za-z:.\-]{1,80}\]")
MAX_LOCAL_PART = 64  # octets, RFC 5321 §4.5.3.1.1
MAX_DOMAIN = 255
TAG_SEPARATOR = "+"


def domain_name(text: str) -> str:
    """The domain in lower case, international labels as U-labels in NFC.

    Raises:
        BadSyntax: when it is not a domain name.
    """
    domain = unicodedata.normalize("NFC", text.strip().rstrip(".")).lower()
    if not domain or len(domain) > MAX_DOMAIN:
        raise BadSyntax("Domain name is empty or too long")
    try:
        return idna.decode(idna.encode(domain, uts46=True, std3_rules=True))
    except (idna.IDNAError, UnicodeError) as wrong:
        raise BadSyntax(f"{text!r} is not a domain name") from wrong


@dataclass(frozen=True, slots=True)
class EmailAddress:
    """``local`` as received, ``domain`` normalised; ``key`` is what the directory compares."""

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str) -> "EmailAddress":
        """From ``local@domain``.

        Raises:
            BadSyntax: when it is not an address.
        """
        local, at, domain = text.rpartition("@")
        if not at or not local:
            raise BadSyntax("An address has the form local@domain")
        try:
            length = len(local.encode())
        except UnicodeEncodeError as surrogate:
            raise BadSyntax("The address is not valid Unicode") from surrogate
        if length > MAX_LOCAL_PART:
            raise BadSyntax("The local part of the address is too long")
        if not (_DOT_STRING.fullmatch(local) or _QUOTED.fullmatch(local)):
            raise BadSyntax("The local part of the address is not valid")
        if _ADDRESS_LITERAL.fullmatch(domain):
            return cls(local, domain.lower())
        return cls(local, domain_name(domain))

    @property
    def key(self) -> str:
        """``local@domain`` in lower case and NFC, without needless quotes."""
        local = self.local
        if local.startswith('"'):
            bare = re.sub(r"\\(.)", r"\1", local[1:-1])
            local = bare if _DOT_STRING.fullmatch(bare) else local
        return f"{unicodedata.normalize('NFC', local).lower()}@{self.domain}"

    @property
    def tag(self) -> str:
        """The sub-address after the first ``+`` (RFC 5233), or nothing."""
        return self.local.partition(TAG_SEPARATOR)[2] if not self.local.startswith('"') else ""

    @property
    def base(self) -> "EmailAddress":
        """The address without its sub-address."""
        head, plus, _ = self.local.partition(TAG_SEPARATOR)
        return EmailAddress(head, self.domain) if plus and head and not self.local.startswith('"') else self

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"
