"""What the entries of an LDAP server mean: filters for an address or a login, and the person or group in an entry."""

import logging
import re
from dataclasses import dataclass

import idna
from ldap3.utils.conv import escape_filter_chars

from optimails.config.directory import LdapSettings
from optimails.directory.ldap.server import Entry
from optimails.model.address import EmailAddress
from optimails.model.contact import Contact
from optimails.model.errors import BadSyntax

log = logging.getLogger(__name__)

_SIZE = re.compile(r"(\d{1,15})\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_RANGE = re.compile(r"([^;]+);range=\d{1,9}-(\d{1,9}|\*)")
_UNITS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}
_PROXY = "proxyaddresses"  # Active Directory: "SMTP:" the primary address, "smtp:" others, "x500:" and more
_SCHEME = re.compile(r"([A-Za-z0-9]+):(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Person:
    dn: str
    address: EmailAddress
    aliases: frozenset[str]  # keys
    name: str
    plan: str  # empty: not said
    storage: int | None  # bytes; None: not said
    contact: Contact | None = None  # without manager; None: the server is not asked
    photos: tuple[bytes, ...] = ()  # whatever the server calls so


# How to reach somebody, as inetOrgPerson (RFC 2798, RFC 4519) and Active Directory name it; the first that is there.
CONTACT = {
    "given_name": ("givenName",),
    "family_name": ("sn",),
    "title": ("title",),
    "department": ("department", "departmentNumber", "ou"),
    "company": ("company", "o"),
    "office": ("physicalDeliveryOfficeName", "roomNumber"),
    "location": ("l",),
    "phone": ("telephoneNumber",),
    "mobile": ("mobile",),
    "fax": ("facsimileTelephoneNumber",),
}
PHOTOS = ("thumbnailPhoto", "jpegPhoto")  # the smaller one first


def attributes(settings: LdapSettings, *, photos: bool = False) -> list[str]:
    """All that we ever read of a person; ``photos``, which are large, only when asked for."""
    wanted = (
        settings.address_attribute,
        settings.name_attribute,
        "cn",
        settings.plan_attribute,
        settings.quota_attribute,
        *settings.alias_attributes,
        *settings.login_attributes,
        *(name for names in CONTACT.values() for name in names if settings.contacts),
        *(PHOTOS if settings.contacts and photos else ()),
    )
    return list(dict.fromkeys(attribute for attribute in wanted if attribute))


def address_filter(settings: LdapSettings, address: EmailAddress) -> str:
    """People whose primary or further address it is."""
    return holder_filter(settings.user_filter, (settings.address_attribute, *settings.alias_attributes), address)


def holder_filter(query: str, names: tuple[str, ...], address: EmailAddress) -> str:
    """Entries of ``query`` that hold the address in one of these attributes."""
    return f"(&{_bracketed(query)}(|{_terms(names, address)}))"


def login_filter(settings: LdapSettings, address: EmailAddress) -> str:
    """People who log in under that name: one of their addresses, or the part before the ``@`` alone (uid)."""
    names = (settings.address_attribute, *settings.alias_attributes)
    values = [*_spellings(address), address.local]
    logins = "".join(f"({name}={_escaped(value)})" for name in settings.login_attributes for value in values)
    return f"(&{_bracketed(settings.user_filter)}(|{_terms(names, address)}{logins}))"


def group_filter(settings: LdapSettings, address: EmailAddress) -> str:
    """Groups that receive mail under that address."""
    return holder_filter(settings.group_filter, (settings.group_address_attribute,), address)


def person(settings: LdapSettings, entry: Entry) -> Person | None:
    """The person of an entry; None when it has no address in the domains of this server."""
    address = parse(entry.first(settings.address_attribute))
    if address is None or address.domain not in settings.domains:
        return None
    aliases = {found.key for name in settings.alias_attributes for found in _addresses(entry, name)}
    return Person(
        dn=entry.dn,
        address=address,
        aliases=frozenset(aliases - {address.key}),
        name=_line(entry, settings.name_attribute) or _line(entry, "cn"),
        plan=entry.first(settings.plan_attribute).strip().lower(),
        storage=size(entry.first(settings.quota_attribute)),
        contact=_contact(entry) if settings.contacts else None,
        photos=tuple(value for name in PHOTOS for value in entry.octets.get(name.lower(), ())[:1]),
    )


def _contact(entry: Entry) -> Contact:
    return Contact(
        **{field: next(filter(None, (_line(entry, name) for name in names)), "") for field, names in CONTACT.items()}
    )


def _line(entry: Entry, attribute: str) -> str:
    """Its first value as one line that can be shown."""
    words = " ".join(entry.first(attribute).split())[:250]
    return "".join(character for character in words if character.isprintable())


def ranged(entry: Entry, attribute: str) -> tuple[list[str], int | None]:
    """The values of an attribute, and where to go on when the server sent only some of them.

    Active Directory gives at most 1,500 at a time, as ``member;range=0-1499``; the last part ends in ``*``
    ([MS-ADTS] §3.1.1.3.1.3.3).
    """
    for name, values in entry.attributes.items():
        part = _RANGE.fullmatch(name)
        if part is not None and part[1] == attribute.lower():
            return values, None if part[2] == "*" else int(part[2]) + 1
    return entry.all(attribute), None


def parse(text: str) -> EmailAddress | None:
    """The address, or None."""
    try:
        return EmailAddress.parse(text.strip())
    except BadSyntax:
        return None


def size(text: str) -> int | None:
    """Bytes of ``1073741824``, ``500M`` or ``2 GB``; None for nothing, zero or nonsense."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        if text.strip():
            log.warning("ldap_quota_not_understood", extra={"fields": {"value": text[:50]}})
        return None
    return int(match[1]) * 1024 ** _UNITS[match[2].upper()] or None


def _addresses(entry: Entry, attribute: str) -> list[EmailAddress]:
    found = []
    for value in entry.all(attribute):
        scheme = _SCHEME.fullmatch(value)
        if scheme is not None and scheme[1].lower() != "smtp":
            continue
        address = parse(scheme[2] if scheme is not None else value)
        if address is not None:
            found.append(address)
    return found


def _terms(names: tuple[str, ...], address: EmailAddress) -> str:
    return "".join(
        f"({name}={'smtp:' if name.lower() == _PROXY else ''}{_escaped(spelling)})"
        for name in dict.fromkeys(names)
        for spelling in _spellings(address)
    )


def _spellings(address: EmailAddress) -> list[str]:
    """An international domain as people write it and as the wire does."""
    spellings = [address.key]
    if not address.domain.isascii():
        spellings.append(f"{address.key.rpartition('@')[0]}@{idna.encode(address.domain).decode()}")
    return spellings


def _escaped(value: str) -> str:
    """RFC 4515 §3: nothing that a client sends can become part of the filter's own grammar."""
    return str(escape_filter_chars(value))


def _bracketed(query: str) -> str:
    return query if query.startswith("(") else f"({query})"
