"""Answers into bytes: pure functions, lines complete with CRLF.

No text given to them can break out of its place: human text loses CR, LF, NUL and other controls, strings become
literals when they cannot be quoted, and names of protocol words are encoded as ASCII (a bug otherwise).
The pieces of FETCH stand in ``imap.wire.fetch_answers``, strings in ``imap.wire.strings``.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from imap.wire.codes import Code
from imap.wire.commands import StatusItem
from imap.wire.fetch_answers import (
    FETCH_TAIL,
    binary_size_piece,
    body_piece,
    body_structure_piece,
    email_id_piece,
    envelope_piece,
    fetch,
    fetch_head,
    flags_piece,
    internal_date_piece,
    modseq_piece,
    save_date_piece,
    section_label,
    section_piece,
    size_piece,
    thread_id_piece,
    uid_piece,
)
from imap.wire.strings import astring, literal_header, mailbox, nstring, nstring8, quoted, text_line
from optimails.model.mailbox_name import SEPARATOR
from optimails.model.number_set import NumberSet
from optimails.model.rights import Right, letters, obsolete_letters

__all__ = [
    "FETCH_TAIL",
    "Condition",
    "acl",
    "astring",
    "binary_size_piece",
    "body_piece",
    "body_structure_piece",
    "capability",
    "challenge",
    "continuation",
    "email_id_piece",
    "enabled",
    "envelope_piece",
    "esearch",
    "exists",
    "expunge",
    "fetch",
    "fetch_head",
    "flags",
    "flags_piece",
    "ident",
    "internal_date_piece",
    "list_line",
    "list_rights",
    "list_separator",
    "literal_header",
    "mailbox",
    "metadata",
    "metadata_news",
    "modseq_piece",
    "my_rights",
    "namespace",
    "nstring",
    "quota",
    "quota_root",
    "quoted",
    "recent",
    "save_date_piece",
    "search",
    "section_label",
    "section_piece",
    "size_piece",
    "status",
    "tagged",
    "thread_id_piece",
    "uid_piece",
    "untagged",
]


class Condition(Enum):
    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"
    PREAUTH = b"PREAUTH"
    BYE = b"BYE"


# -- status responses (RFC 9051 §7.1) ----------------------------------------------------------------------------------


def tagged(tag: bytes, condition: Condition, text: str, code: Code | None = None) -> bytes:
    """``A1 OK [CODE] text``."""
    if code is None:
        return b"%b %b %b\r\n" % (tag, condition.value, text_line(text))
    return b"%b %b [%b] %b\r\n" % (tag, condition.value, code.data, text_line(text))


def untagged(condition: Condition, text: str, code: Code | None = None) -> bytes:
    """``* OK [CODE] text``; also the greeting and BYE."""
    return tagged(b"*", condition, text, code)


def continuation(text: str = "OK") -> bytes:
    """``+ text`` (a literal may come, IDLE began)."""
    return b"+ %b\r\n" % text_line(text)


def challenge(data: bytes) -> bytes:
    """``+ base64`` (RFC 9051 §6.2.2)."""
    return b"+ %b\r\n" % b64encode(data)


# -- server and mailbox data (RFC 9051 §7.2, §7.3) ---------------------------------------------------------------------


def capability(names: Iterable[str]) -> bytes:
    return b"* CAPABILITY %b\r\n" % " ".join(names).encode("ascii")


def enabled(names: Iterable[str]) -> bytes:
    return b" ".join([b"* ENABLED", *(name.encode("ascii") for name in names)]) + b"\r\n"


def flags(rendered: bytes) -> bytes:
    """``* FLAGS (…)`` from names already joined by spaces (``Keywords.render``)."""
    return b"* FLAGS (%b)\r\n" % rendered


def exists(count: int) -> bytes:
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    """RFC 3501 only."""
    return b"* %d RECENT\r\n" % count


def expunge(number: int) -> bytes:
    return b"* %d EXPUNGE\r\n" % number


def list_line(  # noqa: PLR0913 - the parts of the line are what they are
    name: str,
    attributes: Iterable[str],
    *,
    utf8: bool,
    command: str = "LIST",
    old_name: str | None = None,
    child_info: Sequence[str] = (),
) -> bytes:
    """``* LIST (\\HasNoChildren) "/" name``, with CHILDINFO (RFC 5258 §3.5) and OLDNAME (RFC 9051 §6.3.9.7).

    ``command`` is LIST or LSUB; ``child_info`` holds selection options, usually SUBSCRIBED.
    """
    line = b'* %b (%b) "%b" %b' % (
        command.encode("ascii"),
        " ".join(attributes).encode("ascii"),
        SEPARATOR.encode("ascii"),
        mailbox(name, utf8=utf8),
    )
    extended = []
    if child_info:
        extended.append(b'"CHILDINFO" (%b)' % b" ".join(quoted(option) for option in child_info))
    if old_name is not None:
        extended.append(b'"OLDNAME" (%b)' % mailbox(old_name, utf8=utf8))
    if extended:
        line += b" (%b)" % b" ".join(extended)
    return line + b"\r\n"


def list_separator(command: str = "LIST") -> bytes:
    """``* LIST (\\Noselect) "/" ""``, the answer to an empty pattern."""
    return b'* %b (\\Noselect) "%b" ""\r\n' % (command.encode("ascii"), SEPARATOR.encode("ascii"))


def status(name: str, values: Mapping[StatusItem, int | str | None], *, utf8: bool) -> bytes:
    """``* STATUS name (…)`` in the mapping's order. Strings are object ids; None is NIL (RFC 7889 APPENDLIMIT)."""
    parts = []
    for item, value in values.items():
        if value is None:
            shown = b"NIL"
        elif isinstance(value, str):
            shown = b"(%b)" % value.encode("ascii")  # RFC 8474 §4.3
        else:
            shown = b"%d" % value
        parts.append(item.value.encode("ascii") + b" " + shown)
    return b"* STATUS %b (%b)\r\n" % (mailbox(name, utf8=utf8), b" ".join(parts))


def acl(name: str, lines: Iterable[tuple[str, Right]], *, utf8: bool) -> bytes:
    """``* ACL name identifier rights …`` (RFC 4314 §3.6)."""
    pairs = [b" %b %b" % (astring(identifier), _rights(rights)) for identifier, rights in lines]
    return b"* ACL %b%b\r\n" % (mailbox(name, utf8=utf8), b"".join(pairs))


def list_rights(name: str, identifier: str, always: Right, optional: Right, *, utf8: bool) -> bytes:
    """``* LISTRIGHTS name identifier always each …`` (RFC 4314 §3.7); none of the optional ones depends on another."""
    each = "".join(f" {letter}" for letter in letters(optional) + obsolete_letters(optional))
    head = (mailbox(name, utf8=utf8), astring(identifier), _rights(always), each.encode("ascii"))
    return b"* LISTRIGHTS %b %b %b%b\r\n" % head


def my_rights(name: str, rights: Right, *, utf8: bool) -> bytes:
    """RFC 4314 §3.8."""
    return b"* MYRIGHTS %b %b\r\n" % (mailbox(name, utf8=utf8), _rights(rights))


def _rights(rights: Right) -> bytes:
    return astring(letters(rights) + obsolete_letters(rights))


def namespace(
    personal: Sequence[tuple[str, str]],
    others: Sequence[tuple[str, str]] = (),
    shared: Sequence[tuple[str, str]] = (),
    *,
    utf8: bool = False,
) -> bytes:
    """Pairs of prefix and separator (RFC 2342)."""

    def one(spaces: Sequence[tuple[str, str]]) -> bytes:
        if not spaces:
            return b"NIL"
        pairs = (b"(%b %b)" % (mailbox(prefix, utf8=utf8), quoted(separator)) for prefix, separator in spaces)
        return b"(%b)" % b"".join(pairs)

    return b"* NAMESPACE %b %b %b\r\n" % (one(personal), one(others), one(shared))


def ident(fields: Mapping[str, str | None] | None) -> bytes:
    """``* ID (…)`` or NIL (RFC 2971)."""
    if not fields:
        return b"* ID NIL\r\n"
    pairs = (b"%b %b" % (quoted(name), nstring(value)) for name, value in fields.items())
    return b"* ID (%b)\r\n" % b" ".join(pairs)


# -- quota (RFC 9208 §4.2) ---------------------------------------------------------------------------------------------


def quota(root: str, resources: Iterable[tuple[str, int, int]]) -> bytes:
    """``* QUOTA root (STORAGE used limit)``: name, usage, limit, in the resource's unit (KiB for STORAGE)."""
    parts = (b"%b %d %d" % (name.encode("ascii"), used, limit) for name, used, limit in resources)
    return b"* QUOTA %b (%b)\r\n" % (astring(root), b" ".join(parts))


def quota_root(name: str, roots: Iterable[str], *, utf8: bool) -> bytes:
    return b" ".join([b"* QUOTAROOT", mailbox(name, utf8=utf8), *(astring(root) for root in roots)]) + b"\r\n"


# -- metadata (RFC 5464 §4.4) ------------------------------------------------------------------------------------------


def metadata(name: str, values: Iterable[tuple[str, bytes | None]], *, utf8: bool) -> bytes:
    """``* METADATA name (entry value …)``; None is NIL, the empty name the server."""
    pairs = (b"%b %b" % (astring(entry), nstring8(value)) for entry, value in values)
    return b"* METADATA %b (%b)\r\n" % (mailbox(name, utf8=utf8), b" ".join(pairs))


def metadata_news(name: str, entries: Iterable[str], *, utf8: bool) -> bytes:
    """``* METADATA name entry …``: these have changed."""
    return b"* METADATA %b %b\r\n" % (mailbox(name, utf8=utf8), b" ".join(astring(entry) for entry in entries))


# -- search ------------------------------------------------------------------------------------------------------------


def search(numbers: Iterable[int], modseq: int | None = None) -> bytes:
    """``* SEARCH 2 5 (MODSEQ 9)`` (RFC 3501 §7.2.5, RFC 7162 §3.1.5)."""
    line = " ".join(["* SEARCH", *map(str, numbers)]).encode("ascii")
    if modseq is not None:
        line += b" (MODSEQ %d)" % modseq
    return line + b"\r\n"


def esearch(  # noqa: PLR0913 - the parts of the line are what they are
    tag: bytes,
    *,
    by_uid: bool,
    minimum: int | None = None,
    maximum: int | None = None,
    count: int | None = None,
    numbers: NumberSet | None = None,
    modseq: int | None = None,
) -> bytes:
    """``* ESEARCH (TAG "a") UID …``; an empty ``numbers`` is left out (RFC 9051 §7.3.4)."""
    line = b"* ESEARCH (TAG %b)" % quoted(tag)
    if by_uid:
        line += b" UID"
    for name, value in ((b"MIN", minimum), (b"MAX", maximum), (b"COUNT", count)):
        if value is not None:
            line += b" %b %d" % (name, value)
    if numbers:
        line += b" ALL " + str(numbers).encode("ascii")
    if modseq is not None:
        line += b" MODSEQ %d" % modseq
    return line + b"\r\n"
