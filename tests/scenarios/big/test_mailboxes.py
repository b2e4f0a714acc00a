"""Names with every odd character, a thousand mailboxes, and an account that is full."""

import smtplib
import unicodedata

import pytest

from tests.support import messages
from tests.support.imap_control import Control, modified_utf7, quoted
from tests.support.peer import MailUser, Peer
from tests.support.service import Service

MAIL = b"From: a@example.org\r\nSubject: here\r\n\r\nhere\r\n"
# Every printable ASCII character; "/" separates, "*" and "%" are wildcards of LIST but legal in names.
ODD_ASCII = [f"a{chr(code)}b" for code in range(0x20, 0x7F) if chr(code) != "/"]
ODD_EDGES = [" leading", "trailing ", ".", "..", ".hidden", "cur", "new", "tmp", "-", "~", "~root", "#news", "&", "&-"]
ODD_UNICODE = [
    "Été", "Entwürfe", "日本語", "עברית", "العربية", "Ωμέγα", "😀 smile", "e\u0301 composed", "ﬁ ligature",
    "\u017ftraße", "a\u00a0b", "\u200bzero", "a\u202eb", "Ж" * 100, "x" * 200, "NUL\u2400", "\uff46\uff55\uff4c\uff4c",
]  # fmt: skip


@pytest.mark.timeout(240)
def test_odd_names(control: Control) -> None:
    names = [*ODD_ASCII, *ODD_EDGES, *ODD_UNICODE]
    for number, name in enumerate(names):
        created = control.imap.create(quoted(name))
        assert created[0] == "OK", (name, created)
        control.append(name, MAIL)
        assert control.select(name) == 1, name
        renamed = f"r{number}/{name}"
        control.ok(control.imap.rename(quoted(name), quoted(renamed)))
        assert control.select(renamed) == 1, name
        assert control.contents(renamed) == [MAIL]
    listed = control.folders()
    expected = {modified_utf7(unicodedata.normalize("NFC", f"r{number}/{name}")) for number, name in enumerate(names)}
    assert expected <= listed, expected - listed
    control.select("INBOX")
    for number, name in enumerate(names):
        control.ok(control.imap.delete(quoted(f"r{number}/{name}")))
    assert not {name for name in control.folders() if name.startswith("r") and "/" in name}


@pytest.mark.parametrize("name", ["", "/", "a//b", "/a", "a\tb", "a\x7fb", "x" * 5000, "/".join("d" * 200)])
def test_names_that_cannot_be_are_refused(control: Control, name: str) -> None:
    status, data = control.imap.create(quoted(name))
    assert status == "NO", data
    assert control.folders() == {"INBOX", "Drafts", "Sent", "Junk", "Trash", "Archive"}


def test_names_that_differ_only_in_case_or_form_are_told_apart_or_refused(control: Control) -> None:
    control.create("Projet")
    control.create("projet")
    control.append("Projet", MAIL)
    assert (control.select("Projet"), control.select("projet")) == (1, 0)
    assert control.imap.create(quoted("E\u0301t"))[0] == "OK"
    status, data = control.imap.create(quoted("Ét"))  # the same name, composed
    assert (status, b"ALREADYEXISTS" in data[0]) == ("NO", True)


@pytest.mark.timeout(240)
def test_a_thousand_mailboxes(control: Control) -> None:
    before = control.folders()
    for number in range(1_000):
        control.create(f"Clients/Group {number // 50:02d}/Client {number:04d}")
    assert len(control.folders() - before) == 1_000 + 20 + 1
    control.append("Clients/Group 07/Client 0377", MAIL)
    status, data = control.imap._simple_command("LIST", '""', '"*"', "RETURN", "(STATUS (MESSAGES UNSEEN))")
    assert status == "OK", data
    lines = [line for line in control.imap.untagged_responses.pop("STATUS") if b"MESSAGES 1" in line]
    assert len(lines) == 1
    assert b"Client 0377" in lines[0]
    control.ok(control.imap.rename('"Clients"', '"Kunden"'))
    assert control.select("Kunden/Group 07/Client 0377") == 1
    assert len(control.folders() - before) == 1_000 + 20 + 1


def test_a_full_account(service: Service, peer: Peer, user: MailUser) -> None:
    service.optimails("account", "set", user.address, "--storage", "1000000")
    with Control(peer, user) as control:
        fill(peer, user, control)


def fill(peer: Peer, user: MailUser, control: Control) -> None:
    mail = messages.with_attachment(1, 100_000)
    taken = 0
    while True:
        status, data = control.imap.append("INBOX", "", None, mail)
        if status == "NO":
            break
        taken += 1
        assert taken < 20
    assert b"OVERQUOTA" in data[0], data
    assert taken == 1_000_000 // len(mail)
    control.select("INBOX")
    status, data = control.imap.copy("1:*", "Archive")
    assert (status, b"OVERQUOTA" in data[0]) == ("NO", True)
    assert control.contents("Archive") == []
    # MOVE within the account needs no room.
    control.select("INBOX")
    assert control.imap._simple_command("MOVE", "1", "Archive")[0] == "OK"
    with smtplib.LMTP("127.0.0.1", peer.ports["lmtp"], timeout=60) as lmtp:
        lmtp.ehlo()
        lmtp.mail("a@example.com")
        code, text = lmtp.rcpt(user.address)
        if code < 400:
            code, text = lmtp.data(mail)
        assert code // 100 == 4, text
        assert text.startswith(b"4.2.2"), text
    mails = [content for content in [*control.contents(), *control.contents("Archive")] if content == mail]
    assert len(mails) == taken
    control.select("Archive")
    control.ok(control.imap.store("1", "+FLAGS.SILENT", "(\\Deleted)"))
    control.ok(control.imap.expunge())
    with smtplib.LMTP("127.0.0.1", peer.ports["lmtp"], timeout=60) as lmtp:  # there is room again
        assert lmtp.sendmail("a@example.com", user.address, MAIL) == {}
