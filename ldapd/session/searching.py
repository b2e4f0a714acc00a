"""Searches (RFC 4511 §4.5), whole or by pages (RFC 2696).

Looking through a book costs time in the event loop: it is done in portions with others' turns between, and ends when
its time is over. What was found is sent as it is rendered, so that a large answer is never in memory as a whole.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

from ldapd.session import about
from ldapd.session.matching import test_of
from ldapd.session.schema import BY_NAME
from ldapd.session.session import MAX_PAGED, Session
from ldapd.session.tree import PHOTOS, Node, path_of
from ldapd.wire import responses
from ldapd.wire.ber import Reader
from ldapd.wire.requests import Message, Scope, Search
from ldapd.wire.responses import PAGES, Attribute, Code
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.photo import Photo

PORTION = 200  # entries looked at between two turns of others
PICTURED = 20  # entries whose photos are in memory together
_SCHEMA = path_of(about.SCHEMA_DN)


async def search(session: Session, message: Message, request: Search) -> None:
    """Answer one. Raises the errors of a door."""
    try:
        base = path_of(request.base)
    except BadSyntax:
        session.done(message.id, message.answer, Code.BAD_NAME, "bad_name")
        return
    if request.scope is Scope.BASE and not base:
        await _root(session, message, request)
        return
    if session.account is None:
        raise Refused(Reason.NO_PERMISSION)
    if base == _SCHEMA:
        _about(session, message, request, about.SCHEMA_DN, about.schema())
        return
    await _book(session, message, request)


async def _root(session: Session, message: Message, request: Search) -> None:
    suffix = ""
    if session.account is not None:
        suffix = (await session.books.of(session.account.address.domain)).suffix
    start_tls = session.peer.can_start_tls and not session.peer.encrypted
    _about(session, message, request, "", about.root(suffix, start_tls=start_tls))


def _about(session: Session, message: Message, request: Search, dn: str, values: about.Values) -> None:
    """One of the entries that have no place in the tree; they have few attributes, so every way to ask gives all."""
    wanted = {name.lower() for name in request.attributes}
    every = not wanted or not wanted.isdisjoint({"*", "+"})
    found = [
        (name, () if request.types_only else [value.encode() for value in own])
        for name, own in values.items()
        if every or name.lower() in wanted
    ]
    session.write(responses.entry(message.id, dn, found))
    session.done(message.id, message.answer, Code.SUCCESS)


async def _book(session: Session, message: Message, request: Search) -> None:
    page = _page(message)
    if page is not None and page[1]:
        kept = session.paged.pop(page[1], None)
        if kept is None:
            raise Refused(Reason.CANNOT)
        await _send(session, message, request, kept, code=Code.SUCCESS, page=page[0])
        return
    assert session.account is not None
    tree = await session.books.of(session.account.address.domain)
    candidates = tree.below(path_of(request.base), request.scope)
    if candidates is None:
        raise Refused(Reason.NON_EXISTENT)
    found, code = await _matching(session, request, candidates)
    if 0 < request.size_limit < len(found):
        found, code = found[: request.size_limit], Code.SIZE_LIMIT
    await _send(session, message, request, tuple(found), code=code, page=page[0] if page is not None else None)


async def _matching(session: Session, request: Search, candidates: tuple[Node, ...]) -> tuple[list[Node], Code]:
    fits = test_of(request.filter)
    clock = asyncio.get_running_loop().time
    most = session.settings.max_seconds
    until = clock() + (min(most, request.time_limit) if request.time_limit else most)
    found: list[Node] = []
    for start in range(0, len(candidates), PORTION):
        found += (node for node in candidates[start : start + PORTION] if fits(node))
        await asyncio.sleep(0)
        if clock() > until:
            return found, Code.TIME_LIMIT
    return found, Code.SUCCESS


async def _send(  # noqa: PLR0913 - the parts of an answer
    session: Session, message: Message, request: Search, found: tuple[Node, ...], *, code: Code, page: int | None
) -> None:
    """What was found, or its next page of that size, and the end."""
    most = session.settings.max_entries
    size = min(page, most) if page is not None else most
    now, later = found[:size], found[size:]
    async for node, photo in _pictured(session, now, request):
        session.write(responses.entry(message.id, node.dn, _attributes(node, request, photo)))
        await session.relieve()
    if page is None:
        session.done(message.id, message.answer, Code.SIZE_LIMIT if later else code)
        return
    cookie = b""
    if later and page:  # a page of none: the client wants no more (RFC 2696 §3)
        cookie = secrets.token_bytes(12)
        session.paged[cookie] = later
        while len(session.paged) > MAX_PAGED:
            del session.paged[next(iter(session.paged))]
    controls = responses.pages(len(found), cookie)
    session.write(responses.result(message.id, message.answer, Code.SUCCESS if cookie else code, controls=controls))


async def _pictured(
    session: Session, nodes: tuple[Node, ...], request: Search
) -> AsyncIterator[tuple[Node, Photo | None]]:
    """Each entry with its photo, when photos are asked for."""
    wanted = {one.lower() for one in request.attributes}
    asked = not wanted or "*" in wanted or any(_canonical(name) in PHOTOS for name in wanted)
    for start in range(0, len(nodes), PICTURED):
        portion = nodes[start : start + PICTURED]
        ids = [node.photo for node in portion if node.photo] if asked and not request.types_only else []
        photos = await session.books.directory.photos(ids) if ids else {}
        for node in portion:
            yield node, photos.get(node.photo)


def _attributes(node: Node, request: Search, photo: Photo | None) -> Iterator[Attribute]:
    """What is asked for, under the name by which it is asked for."""
    wanted: dict[str, str] = {}
    for name in request.attributes or ("*",):
        if name == "*":
            wanted |= {own: own for own in (*node.values, *PHOTOS) if own not in wanted}
        elif (own := _canonical(name)) is not None:
            wanted.setdefault(own, name)
    for own, name in wanted.items():
        if own in PHOTOS:
            # RFC 2798 §2.6: jpegPhoto is a JPEG and nothing else.
            if photo is not None and (own != "jpegPhoto" or photo.kind == "JPEG"):
                yield name, [photo.data]
        elif own in node.values:
            yield name, () if request.types_only else [value.encode() for value in node.values[own]]


def _canonical(name: str) -> str | None:
    known = BY_NAME.get(name.lower())
    return known.name if known is not None else None


def _page(message: Message) -> tuple[int, bytes] | None:
    """Size and cookie of the page that is asked for. Raises ``BadSyntax``."""
    for control in message.controls:
        if control.name == PAGES:
            inside = Reader(control.value).inside()
            return max(inside.integer(), 0), inside.octets()
    return None
