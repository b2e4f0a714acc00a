"""What a script may ask of the world outside its message."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sieve.language.tree import Script


class ScriptFailed(Exception):
    """The script cannot go on; what it wanted so far is not done, the message is kept (RFC 5228 §2.10.6)."""

    def __init__(self, text: str, line: int = 0) -> None:
        super().__init__(f"line {line}: {text}" if line else text)
        self.text = text
        self.line = line


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: str  # empty: the null sender
    recipient: str


class Environment(Protocol):
    """All calls may block: a script runs in a thread. None of them raises."""

    envelope: Envelope
    user: str  # the account: prefix of what ``duplicate`` remembers

    def now(self) -> datetime:
        """Aware, in the zone of the server."""

    def item(self, name: str) -> str | None:
        """Of the test ``environment`` (RFC 5183 §4); ``name`` in lower case."""

    def mailbox_exists(self, name: str) -> bool: ...
    def mailbox_id_exists(self, identity: str) -> bool: ...
    def special_use_exists(self, use: str, mailbox: str | None) -> bool:
        """Whether a mailbox, or this one, has that use (RFC 8579 §3)."""

    def annotation(self, mailbox: str | None, entry: str) -> str | None:
        """What METADATA keeps of the mailbox, or of the server (None); ``entry`` in any case (RFC 5490 §3.3)."""

    def included(self, name: str, *, everybodys: bool) -> Script | None:
        """Another script of the account, or one for everybody (RFC 6609); None: there is none, or it is wrong."""

    def seen(self, key: bytes) -> bool:
        """Whether this was remembered and has not expired (RFC 7352 §3)."""
