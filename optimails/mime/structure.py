"""BODY and BODYSTRUCTURE (RFC 9051 §7.5.2) from the tree of parts."""

from optimails.mime.buffer import Buffer
from optimails.mime.envelope import render_envelope
from optimails.mime.header import read_fields
from optimails.mime.params import Params
from optimails.mime.part import Part
from optimails.mime.quote import nstring, string


def full_structure(part: Part, message: Buffer) -> bytes:
    """BODYSTRUCTURE, with extension data, in parentheses."""
    return _render(part, message, extended=True)


def basic_structure(part: Part, message: Buffer) -> bytes:
    """BODY, without extension data, in parentheses."""
    return _render(part, message, extended=False)


def _render(part: Part, message: Buffer, *, extended: bool) -> bytes:
    if part.children:
        inner = b"".join([_render(child, message, extended=extended) for child in part.children])
        if not extended:
            return b"(%b %b)" % (inner, string(part.subtype))
        return b"(%b %b %b%b)" % (inner, string(part.subtype), render_params(part.params), _extension(part))
    pieces = [
        string(part.type),
        string(part.subtype),
        render_params(part.params),
        nstring(part.id),
        nstring(part.description),
        string(part.encoding),
        b"%d" % part.size,
    ]
    if part.message is not None:
        embedded = part.message
        fields = read_fields(message, embedded.header_start, embedded.body_start)
        pieces += [render_envelope(fields), _render(embedded, message, extended=extended), b"%d" % part.lines]
    elif part.type == b"text":
        pieces.append(b"%d" % part.lines)
    if extended:
        return b"(%b %b%b)" % (b" ".join(pieces), nstring(part.md5), _extension(part))
    return b"(%b)" % b" ".join(pieces)


def _extension(part: Part) -> bytes:
    """Disposition, language and location, each with a space before it."""
    if part.disposition is None and not part.language and part.location is None:
        return b" NIL NIL NIL"
    shown = b"NIL"
    if part.disposition is not None:
        shown = b"(%b %b)" % (string(part.disposition), render_params(part.disposition_params))
    language = b"NIL"
    if len(part.language) == 1:
        language = string(part.language[0])
    elif part.language:
        language = b"(%b)" % b" ".join(map(string, part.language))
    return b" %b %b %b" % (shown, language, nstring(part.location))


def render_params(params: Params) -> bytes:
    """Name and value pairs in parentheses, or NIL."""
    if not params:
        return b"NIL"
    return b"(%b)" % b" ".join([b"%b %b" % (string(name), string(value)) for name, value in params])
