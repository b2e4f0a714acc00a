"""Import, export, quota, doctor: commands on mail."""

import mailbox
from email.message import EmailMessage

import pytest


def message(subject: str) -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "someone@elsewhere.test", "marie@example.org", subject
    mail["Date"] = "Mon, 23 Nov 2026 10:00:00 +0100"
    mail.set_content("Une bonne journée à vous.\n")
    return mail.as_bytes()


@pytest.fixture
def maildir(tmp_path):
    """A Maildir++ with flags and a folder with an accent."""
    root = mailbox.Maildir(tmp_path / "old")
    read = mailbox.MaildirMessage(message("read"))
    read.set_subdir("cur")
    read.set_flags("FS")
    root.add(read)
    root.add(message("new"))
    root.add_folder("Comptabilit&AOk-").add(message("facture"))
    return tmp_path / "old"


def test_import_and_export_are_each_other_s_opposite(ready, maildir, tmp_path):
    answer = ready.json("import", "maildir", maildir, "--account", "marie@example.org")
    assert answer == {"messages": 3, "mailboxes": 2, "skipped": []}
    (usage,) = ready.json("quota", "show", "marie@example.org")
    assert usage["messages"] == 3

    ready("export", tmp_path / "new", "--account", "marie@example.org", "--mailbox", "INBOX")
    exported = {mail["Subject"]: mail for mail in mailbox.Maildir(tmp_path / "new", create=False)}
    assert exported["read"].get_flags() == "FS"
    assert exported["new"].get_flags() == ""

    _, error = ready("export", tmp_path / "new", "--account", "marie@example.org", expect=1)
    assert "not empty" in error


def test_single_files_and_mbox(ready, tmp_path):
    (tmp_path / "one.eml").write_bytes(message("one"))
    box = mailbox.mbox(tmp_path / "box")
    box.add(message("two"))
    box.add(message("three"))
    box.close()
    ready("import", "eml", tmp_path / "one.eml", "--account", "marie@example.org", "--mailbox", "Vieux papiers")
    ready("import", "mbox", tmp_path / "box", "--account", "marie@example.org", "--mailbox", "Vieux papiers")
    ready(
        "export", tmp_path / "out", "--account", "marie@example.org", "--mailbox", "Vieux papiers", "--format", "mbox"
    )
    (written,) = (tmp_path / "out").iterdir()
    assert sorted(mail["Subject"] for mail in mailbox.mbox(written)) == ["one", "three", "two"]


def test_doctor_finds_what_somebody_deleted_by_hand(ready, maildir):
    ready("import", "maildir", maildir, "--account", "marie@example.org")
    assert ready.json("doctor") == {"accounts": 1, "findings": []}
    (victim,) = [path for path in ready.data.rglob("cur/*") if b"Subject: read" in path.read_bytes() and path.is_file()]
    victim.unlink()
    printed, error = ready("doctor", expect=3)
    assert "message file is missing" in printed
    assert error == ""
    answer = ready.json("doctor", "--repair", expect=3)
    assert answer["findings"]
    assert all(finding["address"] == "marie@example.org" for finding in answer["findings"])
    assert ready.json("doctor")["findings"] == []
    (usage,) = ready.json("quota", "recalculate", "marie@example.org")
    assert (usage["messages"], usage["corrected"]) == (2, False)


def test_an_account_that_does_not_exist_is_told(ready, maildir):
    _, error = ready("import", "maildir", maildir, "--account", "nobody@example.org", expect=1)
    assert "nobody@example.org" in error
    _, error = ready("import", "maildir", ready.folder / "nowhere", "--account", "marie@example.org", expect=2)
    assert "nowhere" in error
