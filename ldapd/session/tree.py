"""The entries of a domain's address book as LDAP has them: names, attributes, and what searching compares.

dc=example,dc=org                          the domain
  ou=people       uid=marie                accounts
  ou=resources    uid=room1                rooms and equipment
  ou=lists        cn=team                  distribution lists
  ou=aliases      cn=contact               aliases of several
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from ldapd.session.schema import BY_NAME
from ldapd.wire import names
from ldapd.wire.names import Part
from ldapd.wire.requests import Scope
from optimails.mailbox.folding import fold
from optimails.model.company import CompanyEntry, EntryKind
from optimails.model.dns_name import ascii_name

_BRANCH = {
    EntryKind.PERSON: ("people", "uid"),
    EntryKind.ROOM: ("resources", "uid"),
    EntryKind.EQUIPMENT: ("resources", "uid"),
    EntryKind.LIST: ("lists", "cn"),
    EntryKind.ALIAS: ("aliases", "cn"),
}
_PERSON = ("top", "person", "organizationalPerson", "inetOrgPerson")
_GROUP = ("top", "groupOfNames")
PHOTOS = ("jpegPhoto", "thumbnailPhoto")


@dataclass(frozen=True, slots=True)
class Node:
    """One entry."""

    dn: str
    path: tuple[Part, ...]  # its name, for comparing
    values: dict[str, tuple[str, ...]]
    compared: dict[str, tuple[str, ...]]  # the values as searching sees them
    photo: str = ""  # id by which the directory gives its photo; empty: none


class Tree:
    """Of one domain; the containers first, then everybody by name."""

    def __init__(self, domain: str, entries: Iterable[CompanyEntry]) -> None:
        entries = tuple(entries)
        labels = ascii_name(domain).split(".")
        self.suffix = ",".join(f"dc={label}" for label in labels)
        people = {one.addresses[0].lower(): one for one in entries if one.kind is EntryKind.PERSON}
        top = {"objectClass": ("top", "dcObject", "organization"), "dc": (labels[0],), "o": (domain,)}
        nodes = [_node(self.suffix, top)]
        for branch in dict.fromkeys(branch for branch, _ in _BRANCH.values()):
            dn = f"ou={branch},{self.suffix}"
            nodes.append(_node(dn, {"objectClass": ("top", "organizationalUnit"), "ou": (branch,)}))
        for one in sorted(entries, key=lambda entry: (fold(entry.name), entry.id)):
            manager = people.get(one.contact.manager)
            known = values(one, self._dn(manager) if manager else "")
            nodes.append(_node(self._dn(one), known, one.id if one.photo else ""))
        self.nodes = tuple(nodes)
        self._root = path_of(self.suffix)
        self._by_path = {node.path: node for node in self.nodes}

    def _dn(self, entry: CompanyEntry) -> str:
        branch, attribute = _BRANCH[entry.kind]
        local = entry.addresses[0].rpartition("@")[0].lower()
        return f"{attribute}={names.escaped(local)},ou={branch},{self.suffix}"

    def below(self, base: tuple[Part, ...], scope: Scope) -> tuple[Node, ...] | None:
        """The entries in the scope; None when the base is not there.

        The empty name is above everything, of which a client sees its own domain alone.
        """
        if not base:
            return {Scope.BASE: (), Scope.ONE: self.nodes[:1], Scope.SUB: self.nodes}[scope]
        node = self._by_path.get(base)
        if node is None:
            return None
        if scope is Scope.BASE:
            return (node,)
        if scope is Scope.ONE:
            return tuple(one for one in self.nodes if one.path[1:] == base)
        if base == self._root:
            return self.nodes
        return tuple(one for one in self.nodes if one.path[-len(base) :] == base)


def _node(dn: str, known: dict[str, tuple[str, ...]], photo: str = "") -> Node:
    compared = {name: tuple(comparable(name, value) for value in own) for name, own in known.items()}
    return Node(dn, path_of(dn), known, compared | (dict.fromkeys(PHOTOS, ("",)) if photo else {}), photo)


def path_of(dn: str) -> tuple[Part, ...]:
    """A name as it is compared: accents count here, or two people could have one. Raises ``BadSyntax``."""
    return tuple((name, " ".join(value.casefold().split())) for name, value in names.parse(dn))


@lru_cache(maxsize=5_000)
def comparable(attribute: str, value: str) -> str:
    """A value of that attribute as it is compared: case and accents do not count (RFC 4518 is stricter)."""
    folded = fold(value)
    if BY_NAME[attribute.lower()].number:
        return "".join(character for character in folded if character.isalnum() or character in "+*#")
    return folded


def values(entry: CompanyEntry, manager: str) -> dict[str, tuple[str, ...]]:
    """What is known, by attribute; ``manager`` is a name."""
    known = entry.contact
    given, _, family = entry.name.rpartition(" ") if entry.kind is EntryKind.PERSON else ("", "", entry.name)
    if known.given_name or known.family_name:
        given, family = known.given_name, known.family_name
    found = {
        "cn": entry.name,
        "displayName": entry.name,
        "description": entry.note,
    }
    if entry.kind is not EntryKind.LIST:
        found |= {"sn": family or entry.name, "givenName": given}
        found |= {"uid": entry.addresses[0].rpartition("@")[0], "title": known.title, "ou": known.department}
        found |= {"o": known.company, "physicalDeliveryOfficeName": known.office, "l": known.location}
        found |= {"telephoneNumber": known.phone, "mobile": known.mobile, "facsimileTelephoneNumber": known.fax}
        found["manager"] = manager
    classes = _GROUP if entry.kind is EntryKind.LIST else _PERSON
    return {"objectClass": classes, "mail": entry.addresses} | {
        name: (value,) for name, value in found.items() if value
    }
