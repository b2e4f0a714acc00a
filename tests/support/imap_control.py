"""The test's own eyes and hands in a mailbox: a few plain operations over the standard library's IMAP client."""

import base64
import contextlib
import imaplib
import re
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.support.peer import MailUser, Peer

imaplib._MAXLINE = 50_000_000  # a header line of 1 MB is one of our tests


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as IMAP shows it."""

    uid: int
    flags: frozenset[str]
    content: bytes


def modified_utf7(name: str) -> str:
    """RFC 3501 §5.1.3."""
    out: list[str] = []
    for run in re.findall(r"[ -~]+|[^ -~]+", name):
        if run.isascii() and run.isprintable():
            out.append(run.replace("&", "&-"))
        else:
            out.append("&" + base64.b64encode(run.encode("utf-16-be")).decode().rstrip("=").replace("/", ",") + "-")
    return "".join(out)


def quoted(name: str) -> str:
    """A mailbox name as imaplib wants it: encoded and quoted."""
    return '"' + modified_utf7(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


class Control:
    """Logged in over TLS; raises AssertionError when the server refuses."""

    def __init__(self, peer: Peer, user: MailUser) -> None:
        context = ssl.create_default_context(cafile=str(peer.ca_file))
        self.imap = imaplib.IMAP4_SSL(peer.host, peer.ports["imaps"], ssl_context=context, timeout=60)
        self.imap.login(user.login, user.password)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError, imaplib.IMAP4.error):
            self.imap.logout()

    @staticmethod
    def ok(answer: tuple[str, list]) -> list:
        assert answer[0] == "OK", answer
        return answer[1]

    def create(self, folder: str) -> None:
        self.ok(self.imap.create(quoted(folder)))

    def folders(self) -> set[str]:
        """The names as LIST gives them (still in modified UTF-7)."""
        found = set()
        for line in self.ok(self.imap.list()):
            if isinstance(line, tuple):  # the name came as a literal
                found.add(line[1].decode())
            elif line and (match := re.search(rb'\) (?:"."|NIL) (?:"((?:[^"\\]|\\.)*)"|(\S+))$', line)):
                name = re.sub(rb"\\(.)", rb"\1", match[1]) if match[1] is not None else match[2]
                found.add(name.decode())
        return found

    def append(self, folder: str, *contents: bytes, flags: Iterable[str] = ()) -> None:
        for content in contents:
            self.ok(self.imap.append(quoted(folder), f"({' '.join(flags)})", None, content))

    def select(self, folder: str, *, read_only: bool = False) -> int:
        """How many messages there are."""
        return int(self.ok(self.imap.select(quoted(folder), read_only))[0] or 0)

    def messages(self, folder: str = "INBOX") -> list[Seen]:
        """All messages with flags (without \\Recent) and whole content, by UID; no flag is changed."""
        if not self.select(folder, read_only=True):
            return []
        found = []
        for part in self.ok(self.imap.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")):
            if isinstance(part, tuple):
                head = part[0]
                uid, flags = re.search(rb"UID (\d+)", head), re.search(rb"FLAGS \(([^)]*)\)", head)
                assert uid, head
                assert flags, head
                names = frozenset(flags[1].decode().split()) - {"\\Recent"}
                found.append(Seen(int(uid[1]), names, part[1]))
        return sorted(found, key=lambda seen: seen.uid)

    def contents(self, folder: str = "INBOX") -> list[bytes]:
        return [seen.content for seen in self.messages(folder)]

    def store(self, folder: str, uid: int | str, flags: str, how: str = "+FLAGS.SILENT") -> None:
        self.select(folder)
        self.ok(self.imap.uid("STORE", str(uid), how, f"({flags})"))

    def expunge(self, folder: str, uid: int | str) -> None:
        self.store(folder, uid, "\\Deleted")
        self.ok(self.imap.expunge())
