"""ENVELOPE (RFC 9051 §7.5.2) from header fields. Values stay raw: the client decodes RFC 2047 words."""

from optimails.mime.addresses import render_addresses
from optimails.mime.header import Fields, unfolded
from optimails.mime.quote import string


def render_envelope(fields: Fields) -> bytes:
    """The ten members in parentheses, ready to send."""
    get = fields.get
    sender_from = render_addresses(get(b"from"))
    # Absent or empty, these default to From (RFC 9051 §7.5.2).
    sender = render_addresses(get(b"sender"))
    reply_to = render_addresses(get(b"reply-to"))
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _text(get(b"date")),
        _text(get(b"subject")),
        sender_from,
        sender_from if sender == b"NIL" else sender,
        sender_from if reply_to == b"NIL" else reply_to,
        render_addresses(get(b"to")),
        render_addresses(get(b"cc")),
        render_addresses(get(b"bcc")),
        _text(get(b"in-reply-to")),
        _text(get(b"message-id")),
    )


def _text(value: bytes | None) -> bytes:
    # Absent is NIL, present and empty is the empty string.
    return b"NIL" if value is None else string(unfolded(value))
