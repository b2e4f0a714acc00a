"""Thunderbird from Debian, under Xvfb: reading, marking, moving, deleting, searching, sending, IDLE, quota."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.thunderbird.thunderbird import Thunderbird, started
from tests.support import messages
from tests.support.eventually import eventually
from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]
MAILS = [*(messages.plain(number) for number in range(5)), messages.with_attachment(5)]


@pytest.fixture(scope="module")
def user(peer: Peer) -> MailUser:
    return peer.fresh_user()


@pytest.fixture(scope="module")
def control(peer: Peer, user: MailUser) -> Iterator[Control]:
    with Control(peer, user) as control:
        yield control


@pytest.fixture(scope="module")
def thunderbird(
    peer: Peer, user: MailUser, control: Control, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Thunderbird]:
    control.append("INBOX", *MAILS)
    with started(tmp_path_factory.mktemp("thunderbird"), peer, user) as running:
        running.call("connect")
        yield running


def test_the_folders_have_their_uses(thunderbird: Thunderbird) -> None:
    assert thunderbird.call("specialFolders") == {name: name for name in ("Trash", "Sent", "Drafts", "Archive", "Junk")}


def test_the_inbox_is_listed_and_messages_are_read(thunderbird: Thunderbird) -> None:
    listed = thunderbird.call("list", "INBOX")
    assert [one["subject"][:12] for one in listed] == [f"Message {n:04d}" for n in range(5)] + ["Attachment 0"]
    assert listed[0]["author"] == "Béatrice Lefèvre <beatrice@example.org>"
    assert not any(one["read"] for one in listed)
    for number, subject in ((0, "Message 0000"), (5, "Attachment 0005")):
        source = base64.b64decode(thunderbird.call("source", "INBOX", subject))
        assert source.replace(b"\r\n", b"\n") == MAILS[number].replace(b"\r\n", b"\n")


def test_the_window_shows_a_message_and_the_quota(thunderbird: Thunderbird, tmp_path: Path) -> None:
    shown = thunderbird.call("show", "INBOX", "Message 0004")
    assert "From here on, dots and Froms." in shown["text"]
    assert shown["rows"] == len(MAILS)
    assert shown["quota"].endswith("%")
    picture = tmp_path / "window.png"
    thunderbird.marionette.screenshot(picture)
    assert picture.stat().st_size > 20_000
    names = [name for name, _, limit in thunderbird.call("quota", "INBOX") if limit]
    assert any("STORAGE" in name for name in names)


def test_marks_are_kept(thunderbird: Thunderbird, control: Control) -> None:
    def marks() -> set[str]:
        (flags,) = [seen.flags for seen in control.messages() if b"<0.1@" in seen.content]
        return {flag.lower() for flag in flags}

    thunderbird.call("mark", "INBOX", "Message 0001")
    assert eventually(lambda: marks() == {"\\seen", "\\flagged", "$label1"}), marks()
    thunderbird.call("unmark", "INBOX", "Message 0001")
    assert eventually(lambda: marks() == set()), marks()


def test_folders_are_made_and_renamed_and_messages_moved_there(thunderbird: Thunderbird, control: Control) -> None:
    thunderbird.call("createFolder", "", "Été & [100 %] 日本")
    thunderbird.call("createFolder", "Été & [100 %] 日本", "Sous-dossier ✓")
    thunderbird.call("move", "INBOX", "Message 0002", "Été & [100 %] 日本")
    assert control.contents("Été & [100 %] 日本") == [MAILS[2]]
    thunderbird.call("update", "Été & [100 %] 日本")
    assert thunderbird.call("arrival", "Été & [100 %] 日本", "Message 0002")
    thunderbird.call("renameFolder", "Été & [100 %] 日本", "Hiver")
    assert control.contents("Hiver") == [MAILS[2]]
    assert control.contents("Hiver/Sous-dossier ✓") == []
    thunderbird.call("update", "INBOX")
    assert eventually(lambda: not any("Message 0002" in one["subject"] for one in thunderbird.call("list", "INBOX")))
    assert MAILS[2] not in control.contents()


def test_delete_moves_to_the_trash(thunderbird: Thunderbird, control: Control) -> None:
    thunderbird.call("remove", "INBOX", "Message 0003")
    assert MAILS[3] in control.contents("Trash")
    thunderbird.call("update", "INBOX")
    assert eventually(lambda: not any("Message 0003" in one["subject"] for one in thunderbird.call("list", "INBOX")))


def test_search_on_the_server(thunderbird: Thunderbird) -> None:
    assert [subject[:12] for subject in thunderbird.call("search", "INBOX", "Voilà the file")] == ["Attachment 0"]
    assert thunderbird.call("search", "INBOX", "nowhere to be found") == []


def test_sent_mail_arrives_and_is_kept_in_sent(thunderbird: Thunderbird, control: Control, user: MailUser) -> None:
    thunderbird.call("send", user.address, "Envoyé, тест ✓", "Bonjour é\n.\nfin\n")
    (kept,) = control.messages("Sent")
    assert "\\Seen" in kept.flags
    thunderbird.call("arrival", "INBOX", "Envoyé, тест ✓")
    (received,) = [content for content in control.contents() if b"Bonjour" in content]
    assert received.split(b"\r\n\r\n", 1)[1].rstrip() == kept.content.split(b"\r\n\r\n", 1)[1].rstrip()


def test_new_mail_is_noticed_by_idle(thunderbird: Thunderbird, control: Control) -> None:
    control.append("INBOX", messages.plain(76))
    thunderbird.call("update", "INBOX")  # one of its connections may have left the inbox for another folder
    assert thunderbird.call("arrival", "INBOX", "Message 0076")
    control.append("INBOX", messages.plain(77))
    assert thunderbird.call("arrival", "INBOX", "Message 0077")


def test_addresses_are_completed_from_the_companys_address_book(
    thunderbird: Thunderbird, peer: Peer, user: MailUser
) -> None:
    if "ldaps" not in peer.ports:
        pytest.skip("the peer has no LDAP")
    local, _, domain = user.address.partition("@")
    base = ",".join(f"dc={label}" for label in domain.split("."))
    thunderbird.call("addDirectory", peer.host, peer.ports["ldaps"], base, user.login, user.password)
    assert thunderbird.call("completed", local.upper()) == [f"{local} <{user.address}>"]
    assert thunderbird.call("completed", "nobody at all") == []
