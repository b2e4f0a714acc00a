"""Addresses of header fields and envelopes, and their parts (RFC 5228 §2.7.4, RFC 5233)."""

from optimails.mime import decode_header, parse_addresses
from optimails.model.address import TAG_SEPARATOR

MAX_ADDRESSES = 1_000  # of one field


def addresses(value: bytes) -> list[str]:
    """``local@domain`` of each address of an unfolded field; group names and what is no address are left out."""
    found = []
    for address in parse_addresses(value):
        if address.host and address.mailbox:
            found.append(_decoded(address.mailbox) + "@" + _decoded(address.host))
            if len(found) >= MAX_ADDRESSES:
                break
    return found


def _decoded(text: bytes) -> str:
    return decode_header(text) if b"=?" in text or not text.isascii() else text.decode("ascii")


def part(address: str, which: str) -> str | None:
    """The part that a test asks for; None: the address has no such part."""
    if which == "all":
        return address
    local, _, domain = address.rpartition("@")
    if which == "domain":
        return domain
    if which == "localpart":
        return local
    user, separator, detail = local.partition(TAG_SEPARATOR)
    if which == "user":
        return user
    return detail if separator else None
