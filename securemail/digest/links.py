"""Addresses of web pages that let one person decide about one message, without a log-in.

A token names the message, the recipient and until when it is good, sealed by a key of this service. Nothing happens
when it is opened: mail programs and scanners open every link. The page asks, and a form's POST decides. It works once:
what was released, or deleted, is not kept any more.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from optimails.store.key_file import read_key

_MARK = 16  # bytes
MAX_TOKEN = 1_000  # characters


@dataclass(frozen=True, slots=True)
class Ticket:
    """What its holder may decide about."""

    message: str
    address: str
    until: int  # Unix seconds


class Links:
    def __init__(self, key_file: Path) -> None:
        self._key_file = key_file

    def token(self, ticket: Ticket) -> str:
        """Raises ``OSError`` when there is no key and none can be made."""
        said = json.dumps(asdict(ticket), separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mark(said, make=True) + said).rstrip(b"=").decode()

    def ticket(self, token: str, now: float) -> Ticket | None:
        """None for whatever is not from here, or too old."""
        if len(token) > MAX_TOKEN or not token.isascii():
            return None
        try:
            data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            mark, said = data[:_MARK], data[_MARK:]
            if not hmac.compare_digest(mark, self._mark(said)):
                return None
            found = Ticket(**json.loads(said))
        except (ValueError, TypeError, OSError):
            return None
        return found if found.until >= now else None

    def _mark(self, said: bytes, *, make: bool = False) -> bytes:
        key = read_key(self._key_file, make=make)
        own = hmac.digest(key, b"optimails digest links", hashlib.sha256)  # not the key that seals contents
        return hmac.digest(own, said, hashlib.sha256)[:_MARK]
