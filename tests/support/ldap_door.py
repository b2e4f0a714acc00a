"""LDAP sessions without sockets, and requests as clients write them."""

import asyncio
from dataclasses import dataclass, field

from ldapd.session.books import Books
from ldapd.session.conversation import converse
from ldapd.session.session import Session
from ldapd.wire.ber import BOOLEAN, ENUMERATED, OCTETS, Reader, element, header, integer
from optimails.config.ldapd import LdapdSettings
from optimails.model.company import CompanyEntry
from optimails.model.photo import Photo
from tests.support.memory_peer import MemoryConnection, MemoryPeer, PullDoor

SUFFIX = "dc=demo,dc=test"
SIMPLE, PRESENT = 0x80, 0x87


def octets(text: str | bytes, tag: int = OCTETS) -> bytes:
    return element(tag, text.encode() if isinstance(text, str) else text)


def message(number: int, operation: bytes, *controls: bytes) -> bytes:
    return element(0x30, integer(number), operation, element(0xA0, *controls) if controls else b"")


def bind(number: int, name: str, password: str, version: int = 3) -> bytes:
    return message(number, element(0x60, integer(version), octets(name), octets(password, SIMPLE)))


def equal(attribute: str, value: str) -> bytes:
    return element(0xA3, octets(attribute), octets(value))


def starts(attribute: str, value: str) -> bytes:
    return element(0xA4, octets(attribute), element(0x30, octets(value, 0x80)))


def search(
    number: int, wanted: bytes = octets("objectClass", PRESENT), base: str = SUFFIX, scope: int = 2,
    attributes: tuple[str, ...] = (), size: int = 0, seconds: int = 0, controls: tuple[bytes, ...] = (),
) -> bytes:  # fmt: skip
    listed = element(0x30, *map(octets, attributes))
    parts = (octets(base), integer(scope, ENUMERATED), integer(0, ENUMERATED), integer(size), integer(seconds))
    return message(number, element(0x63, *parts, element(BOOLEAN, b"\0"), wanted, listed), *controls)


def page(size: int, cookie: bytes = b"", *, critical: bool = True) -> bytes:
    value = element(0x30, integer(size), octets(cookie))
    name = octets("1.2.840.113556.1.4.319")
    return element(0x30, name, element(BOOLEAN, b"\xff" if critical else b"\0"), octets(value))


@dataclass
class Answered:
    """What came for one request."""

    code: int = -1
    text: str = ""
    tag: int = 0
    message: int = -1
    entries: dict[str, dict[str, list[str | bytes]]] = field(default_factory=dict)
    cookie: bytes | None = None
    name: str = ""
    value: bytes | None = None


class Directory:
    """What the door asks of the directory: whom a book shows, and photos."""

    def __init__(self, *entries: CompanyEntry, photos: dict[str, Photo] | None = None) -> None:
        self.entries, self.version, self.pictures = entries, 1, photos or {}
        self.asked: list[str] = []

    async def company(self, domain: str, known: int) -> tuple[int, tuple[CompanyEntry, ...] | None]:
        self.asked.append(domain)
        return self.version, None if known == self.version else self.entries

    async def photos(self, ids: list[str]) -> dict[str, Photo]:
        return {one: self.pictures[one] for one in ids if one in self.pictures}


@dataclass
class LdapDoor(PullDoor):
    settings: LdapdSettings = field(default_factory=LdapdSettings)
    directory: Directory = field(default_factory=Directory)
    hidden: tuple[str, ...] = ()

    def start(self, surroundings):
        peer = MemoryPeer(local=not self.far)
        session = Session(surroundings, peer, Books(self.directory, self.hidden))
        return peer, session, converse(session)

    async def login(self, connection: MemoryConnection) -> None:
        assert (await ask(connection, bind(1, "alice@demo.test", "secret"))).code == 0


async def ask(connection: MemoryConnection, request: bytes) -> Answered:
    """Send, and read up to the end of the answer (or of the connection)."""
    await connection.send(request)
    found = Answered()
    while True:
        whole = header(connection.peer.sent, 0)
        if whole is None or whole[1] + whole[2] > len(connection.peer.sent):
            if connection.task.done():
                return found
            await asyncio.sleep(0.0005)
            continue
        end = whole[1] + whole[2]
        content = Reader(bytes(connection.peer.sent[whole[1] : end]))
        del connection.peer.sent[:end]
        found.message = content.integer()
        found.tag, body = content.any()
        inside = Reader(body)
        if found.tag == 0x64:
            _entry(found, inside)
            continue
        found.code = inside.integer(ENUMERATED)
        inside.text()
        found.text = inside.text()
        while inside:
            tag, value = inside.any()
            found.name, found.value = (value.decode(), found.value) if tag == 0x8A else (found.name, value)
        if content:
            control = content.inside(0xA0).inside()
            control.text()
            control.boolean()
            pages = Reader(control.octets()).inside()
            pages.integer()
            found.cookie = pages.octets()
        return found


def _entry(found: Answered, inside: Reader) -> None:
    dn, listed = inside.text(), inside.inside()
    attributes: dict[str, list[str | bytes]] = {}
    while listed:
        one = listed.inside()
        name, values = one.text(), one.inside(0x31)
        attributes[name] = []
        while values:
            value = values.octets()
            try:
                attributes[name].append(value.decode())
            except UnicodeDecodeError:
                attributes[name].append(value)
    found.entries[dn] = attributes
