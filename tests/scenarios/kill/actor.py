"""One user, busy until told to stop: delivery, APPEND, STORE, MOVE, EXPUNGE; every loss of connection is an audit."""

import contextlib
import imaplib
import random
import re
import smtplib
import threading
import time
import traceback

from tests.scenarios.kill.ledger import GONE, Ledger, Observed
from tests.support.peer import MailUser, Peer

MAILBOXES = ("INBOX", "Work", "Moved")
LOST = (OSError, imaplib.IMAP4.abort, smtplib.SMTPServerDisconnected, EOFError)
UNAVAILABLE = ("UNAVAILABLE", "INUSE")


class Actor(threading.Thread):
    """``failure`` holds what went wrong; ``audits`` counts the comparisons that passed."""

    def __init__(self, peer: Peer, user: MailUser, seed: int) -> None:
        super().__init__(daemon=True, name=user.login)
        self.peer, self.user = peer, user
        self.dice = random.Random(seed)
        self.ledger = Ledger()
        self.ending = threading.Event()
        self.failure: str | None = None
        self.audits = 0
        self.lost = 0  # connections
        self._serial = 0
        self._uids: dict[str, dict[int, str]] = {name: {} for name in MAILBOXES}
        self._validity: dict[str, int] = {}
        self._imap: imaplib.IMAP4 | None = None
        self._lmtp: smtplib.LMTP | None = None

    def run(self) -> None:
        try:
            while not self.ending.is_set():
                try:
                    self._connect()
                    while not self.ending.is_set():
                        self._step()
                except LOST:
                    self.lost += 1
                    self._disconnect()
            self.audit()
        except Exception:  # noqa: BLE001  # told by the test
            self.failure = traceback.format_exc()
        finally:
            self._disconnect()

    # -- connections

    def _connect(self) -> None:
        """Waits until the service is back, then compares everything before going on."""
        until = time.monotonic() + 60
        while True:
            try:
                self._disconnect()
                self.audit()
                self._imap = self._login()
                self._lmtp = smtplib.LMTP("127.0.0.1", self.peer.ports["lmtp"], timeout=60)
                self._lmtp.ehlo_or_helo_if_needed()
                return
            except (*LOST, smtplib.SMTPException, imaplib.IMAP4.error) as wrong:
                if self.ending.is_set() or time.monotonic() > until:
                    raise AssertionError(f"the service did not come back: {wrong!r}") from wrong
                time.sleep(0.05)

    def _login(self) -> imaplib.IMAP4:
        imap = imaplib.IMAP4("127.0.0.1", self.peer.ports["imap"], timeout=60)
        imap.login(self.user.login, self.user.password)
        return imap

    def _disconnect(self) -> None:
        for connection in (self._imap, self._lmtp):
            if connection is not None:
                with contextlib.suppress(OSError, imaplib.IMAP4.error, smtplib.SMTPException):
                    connection.shutdown() if isinstance(connection, imaplib.IMAP4) else connection.close()
        self._imap = self._lmtp = None

    # -- acts

    def _step(self) -> None:
        acts = (self._deliver, self._deliver, self._append, self._append, self._learn, self._move, self._store)
        self.dice.choice((*acts, self._move, self._expunge))()

    def _message(self) -> tuple[str, bytes]:
        self._serial += 1
        token = f"{self.user.login.split('@')[0]}-{self._serial}"
        body = ("x" * 70 + "\r\n") * self.dice.choice((1, 20, 400, 3000))
        return token, f"From: a@example.org\r\nSubject: t\r\nX-Token: {token}\r\n\r\n{body}".encode()

    def _deliver(self) -> None:
        assert self._lmtp
        token, content = self._message()
        self.ledger.arriving(token, "INBOX")
        try:
            self._lmtp.sendmail("a@example.org", [self.user.address], content)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPException as wrong:  # a temporary refusal while workers come and go
            assert "'4" in repr(wrong) or "(4" in repr(wrong), wrong  # noqa: PT017  # the other outcome is fine, too
            self.ledger.refused(token)
            raise OSError(str(wrong)) from wrong
        self.ledger.arrived(token, "INBOX")

    def _append(self) -> None:
        assert self._imap
        token, content = self._message()
        self.ledger.arriving(token, "Work")
        status, data = self._imap.append("Work", "", None, content)  # type: ignore[arg-type]  # no date
        if status != "OK":
            self.ledger.refused(token)
            self._refusal(data)
            return
        self.ledger.arrived(token, "Work")
        told = re.search(rb"APPENDUID (\d+) (\d+)", data[0])
        assert told, data
        self._saw("Work", int(told[1]), int(told[2]), token)

    def _refusal(self, data: list) -> None:
        assert any(word in str(data) for word in UNAVAILABLE), data

    def _saw(self, mailbox: str, validity: int, uid: int, token: str) -> None:
        self.ledger.saw_uid(mailbox, validity, uid, token)
        self._uids[mailbox][uid] = token

    def _select(self, mailbox: str) -> None:
        assert self._imap
        status, data = self._imap.select(mailbox)
        assert status == "OK", data
        self._validity[mailbox] = int(self._imap.response("UIDVALIDITY")[1][0])

    def _learn(self) -> None:
        """Which UIDs delivery gave."""
        assert self._imap
        self._select("INBOX")
        known = max(self._uids["INBOX"], default=0)
        status, data = self._imap.uid("FETCH", f"{known + 1}:*", "(UID BODY.PEEK[HEADER.FIELDS (X-Token)])")
        assert status == "OK", data
        for uid, token, _, _ in _parse(data):
            self._saw("INBOX", self._validity["INBOX"], uid, token)

    def _pick(self) -> tuple[str, int, str] | None:
        mailbox = self.dice.choice(MAILBOXES)
        if not self._uids[mailbox]:
            return None
        uid = self.dice.choice(list(self._uids[mailbox]))
        return mailbox, uid, self._uids[mailbox][uid]

    def _move(self) -> None:
        if (picked := self._pick()) is None or picked[0] == "Moved":
            return
        mailbox, uid, token = picked
        assert self._imap
        self._select(mailbox)
        self.ledger.moving(token, "Moved")
        del self._uids[mailbox][uid]
        status, data = self._imap.uid("MOVE", str(uid), "Moved")
        assert status == "OK", data
        self.ledger.moved(token, "Moved")
        told = re.search(rb"COPYUID (\d+) (\d+) (\d+)", b" ".join(self._imap.response("COPYUID")[1] or []) or data[0])
        if told:
            self._saw("Moved", int(told[1]), int(told[3]), token)

    def _store(self) -> None:
        if (picked := self._pick()) is None:
            return
        mailbox, uid, token = picked
        assert self._imap
        flag = self.dice.choice(("\\Seen", "\\Flagged", "\\Answered", "$Work", "Keyword"))
        self._select(mailbox)
        self.ledger.storing(token, flag)
        status, data = self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", f"({flag})")
        assert status == "OK", data
        self.ledger.stored(token, flag)

    def _expunge(self) -> None:
        if (picked := self._pick()) is None:
            return
        mailbox, uid, token = picked
        assert self._imap
        self._select(mailbox)
        self.ledger.storing(token, "\\Deleted")
        status, data = self._imap.uid("STORE", str(uid), "+FLAGS.SILENT", "(\\Deleted)")
        assert status == "OK", data
        self.ledger.stored(token, "\\Deleted")
        # \Deleted may be left over from a lost connection on others: UID EXPUNGE names the one.
        self.ledger.moving(token, GONE)
        del self._uids[mailbox][uid]
        status, data = self._imap.uid("EXPUNGE", str(uid))
        assert status == "OK", data
        self.ledger.moved(token, GONE)

    # -- audit

    def audit(self) -> None:
        """Everything in the account against the ledger; counters and quota against the messages."""
        imap = self._login()
        try:
            observed: list[Observed] = []
            following: dict[str, tuple[int, int]] = {}
            for mailbox in MAILBOXES:
                imap.create(mailbox)
                status, data = imap.select(mailbox, readonly=True)
                assert status == "OK", data
                validity = int(imap.response("UIDVALIDITY")[1][0])
                here: list[Observed] = []
                if int(data[0]):
                    status, data = imap.uid(
                        "FETCH", "1:*", "(UID FLAGS RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-Token)])"
                    )
                    assert status == "OK", data
                    here = [
                        Observed(mailbox, validity, uid, token, flags, size) for uid, token, flags, size in _parse(data)
                    ]
                following[mailbox] = self._check_counters(imap, mailbox, validity, here)
                self._uids[mailbox] = {message.uid: message.token for message in here}
                self._validity[mailbox] = validity
                observed += here
            self.ledger.audit(observed, following)
            used = sum(message.size for message in observed)
            quota = str(imap.getquotaroot("INBOX")[1])
            told = re.search(r"STORAGE (\d+) (\d+)", quota)
            assert told, quota
            assert int(told[1]) in (used // 1024, -(-used // 1024)), f"quota says {told[1]} KiB, messages {used} bytes"
            self.audits += 1
        finally:
            with contextlib.suppress(*LOST, imaplib.IMAP4.error):
                imap.logout()

    def _check_counters(
        self, imap: imaplib.IMAP4, mailbox: str, validity: int, here: list[Observed]
    ) -> tuple[int, int]:
        status, data = imap.status(mailbox, "(MESSAGES UNSEEN UIDNEXT UIDVALIDITY SIZE)")
        assert status == "OK", data
        told = {name: int(value) for name, value in re.findall(r"([A-Z]+) (\d+)", data[0].decode().rpartition("(")[2])}
        expected = {
            "MESSAGES": len(here),
            "UNSEEN": sum("\\Seen" not in message.flags for message in here),
            "SIZE": sum(message.size for message in here),
            "UIDVALIDITY": validity,
        }
        assert {name: told[name] for name in expected} == expected, mailbox
        return validity, told["UIDNEXT"]


def _parse(data: list) -> list[tuple[int, str, frozenset[str], int]]:
    found = []
    for position, part in enumerate(data):
        if not isinstance(part, tuple):
            continue
        tail = data[position + 1] if position + 1 < len(data) and isinstance(data[position + 1], bytes) else b""
        items = part[0] + b" " + tail
        uid = re.search(rb"UID (\d+)", items)
        token = re.search(rb"X-Token: (\S+)", part[1], re.IGNORECASE)
        assert uid, data
        assert token, part
        flags = re.search(rb"FLAGS \(([^)]*)\)", items)
        size = re.search(rb"RFC822.SIZE (\d+)", items)
        names = frozenset(flags[1].decode().split()) - {"\\Recent"} if flags else frozenset()
        found.append((int(uid[1]), token[1].decode(), names, int(size[1]) if size else 0))
    return found
