"""The running service with its mail filter: what policies say becomes of mail, and administrators find it."""

import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.eventually import eventually
from tests.support.service import PASSWORD, Service

FILTER = """
[securemail]
enabled = true

[delivery]
memory = 65536
"""
POLICY = """
[[footer]]
name = "legal"
directions = ["internal"]
text = "Sent by {email} of the example company"

[[rule]]
name = "secret-words"
when = { words = ["projet cygne", "swan"] }
then = { action = "quarantine", zone = "secrets", notify = ["recipient"] }

[[rule]]
name = "external"
directions = ["inbound"]
when = {}
then = { action = "tag", subject = "[EXTERNAL]" }

[[rule]]
name = "enemies"
when = { senders = ["@enemy.example"] }
then = { action = "reject" }

[[rule]]
name = "trash"
when = { senders = ["@trash.example"] }
then = { action = "destroy" }

[[rule]]
name = "elsewhere"
when = { senders = ["@redirect.example"] }
then = { action = "redirect", to = "user02@example.org" }

[[rule]]
name = "wait"
when = { larger_than = "300 kB" }
then = { action = "hold" }
"""
USER0, USER1, USER2 = (f"user{number:02d}@example.org" for number in range(3))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("filter"), users=3, settings=FILTER)
    service.start()
    try:
        policy = service.directory / "policy.toml"
        policy.write_text(POLICY)
        service.optimails("policy", "put", "example.org", str(policy), "--comment", "first")
        yield service
    finally:
        service.stop()


def message(subject: str, body: str = "Hello.", sender: str = "friend@friend.example") -> bytes:
    head = f"From: <{sender}>\r\nTo: <{USER0}>\r\nSubject: {subject}\r\nMessage-ID: <{subject}@test>\r\n"
    return f"{head}Date: Mon, 2 Mar 2026 10:00:00 +0000\r\n\r\n{body}\r\n".encode()


def receive(
    service: Service, subject: str, body: str = "Hello.", *, sender: str = "friend@friend.example", to: Any = USER0
) -> None:
    """As a stranger on port 25."""
    with smtplib.SMTP("127.0.0.1", service.peer.ports["smtp"], timeout=60) as client:
        client.sendmail(sender, to, message(subject, body, sender))


def states(service: Service, subject: str) -> dict[str, str]:
    rows = service.optimails("track", "find", "--subject", subject)
    assert isinstance(rows, list)
    return {row["address"]: row["state"] for row in rows}


def kept(service: Service, subject: str) -> dict[str, Any]:
    """The one message in quarantine with that subject."""

    def found() -> Any:
        return service.optimails("quarantine", "list", "--subject", subject)

    rows = eventually(found)
    (row,) = rows
    assert isinstance(row, dict)
    return row


def mails(service: Service, user: str) -> list[bytes]:
    with smtplib_imap(service, user) as client:
        _, data = client.search(None, "ALL")
        return [client.fetch(number.decode(), "(BODY.PEEK[])")[1][0][1] for number in data[0].split()]


def smtplib_imap(service: Service, user: str) -> Any:
    import imaplib

    context = ssl.create_default_context(cafile=service.peer.ca_file)
    client = imaplib.IMAP4_SSL(service.peer.host, service.peer.ports["imaps"], ssl_context=context, timeout=30)
    client.login(user, PASSWORD)
    client.select("INBOX")
    return client


def has(service: Service, user: str, *wanted: str) -> bool:
    return any(all(one.encode() in mail for one in wanted) for mail in mails(service, user))


def test_what_may_pass_is_delivered_and_marked_and_found_again(service: Service) -> None:
    receive(service, "plain")
    assert has(service, USER0, "Subject: [EXTERNAL] plain", "X-Optimails-Filter:")
    (row,) = service.optimails("track", "find", "--message-id", "<plain@test>")  # type: ignore[misc]
    assert (row["state"], row["rule"], row["sender"]) == (
        "delivered",
        "domain:example.org external",
        "friend@friend.example",
    )
    shown = service.optimails("track", "show", row["message"])
    assert isinstance(shown, dict)
    assert [step["act"] for step in shown["steps"]] == ["received", "delivered"]


def test_quarantine_is_told_shown_encrypted_and_released_once(service: Service) -> None:
    receive(service, "bird", "Le Projet\r\n  Cygne commence.")
    row = kept(service, "bird")
    assert (row["zone"], row["rule"], row["state"]) == ("secrets", "domain:example.org secret-words", "quarantined")
    assert eventually(lambda: has(service, USER0, "Reference: " + row["message"]))
    assert not has(service, USER0, "<bird@test>")
    files = list(Path(service.data, "securemail").rglob(row["message"]))
    assert len(files) == 1
    assert b"Cygne" not in files[0].read_bytes()
    assert service.optimails("quarantine", "release", row["message"]) == {"count": 1}
    assert eventually(lambda: has(service, USER0, "<bird@test>"))
    assert service.optimails("quarantine", "release", row["message"]) == {"count": 0}
    assert eventually(lambda: states(service, "bird") == {USER0: "released"})
    assert not files[0].exists()
    assert sum(b"<bird@test>" in one for one in mails(service, USER0)) == 1


def test_a_stranger_is_refused_only_when_everybody_refuses(service: Service) -> None:
    with pytest.raises(smtplib.SMTPDataError) as refused:
        receive(service, "hostile", sender="spy@enemy.example", to=[USER0, USER1])
    assert refused.value.smtp_code == 550
    assert states(service, "hostile") == {USER0: "rejected", USER1: "rejected"}
    friendly = service.directory / "friendly.toml"
    friendly.write_text(
        '[[rule]]\nname = "friend"\nwhen = { senders = ["@enemy.example"] }\nthen = { action = "deliver" }'
    )
    service.optimails("policy", "put", USER1, str(friendly))
    receive(service, "half", sender="spy@enemy.example", to=[USER0, USER1])
    assert has(service, USER1, "Subject: half")
    assert kept(service, "half")["address"] == USER0


def test_mail_goes_elsewhere_or_nowhere_or_waits(service: Service) -> None:
    receive(service, "onwards", sender="a@redirect.example")
    receive(service, "gone", sender="a@trash.example")
    receive(service, "heavy", "x" * 70 + ("\r\n" + "y" * 70) * 6000)
    assert eventually(lambda: has(service, USER2, "Subject: onwards"))
    assert eventually(lambda: states(service, "onwards") == {USER0: "redirected"})
    assert eventually(lambda: states(service, "gone") == {USER0: "destroyed"})
    row = kept(service, "heavy")
    assert row["state"] == "held"
    service.optimails("quarantine", "delete", row["message"])
    assert states(service, "heavy") == {USER0: "deleted"}


def test_our_own_users_are_told_who_refused(service: Service) -> None:
    policy = service.directory / "deaf.toml"
    policy.write_text(
        '[[rule]]\nname = "no-user0"\nwhen = { senders = ["user00@example.org"] }\nthen = { action = "reject" }'
    )
    service.optimails("policy", "put", USER1, str(policy))
    context = ssl.create_default_context(cafile=service.peer.ca_file)
    with smtplib.SMTP(service.peer.host, service.peer.ports["submission"], timeout=60) as client:
        client.starttls(context=context)
        client.login(USER0, PASSWORD)
        client.sendmail(USER0, [USER1, USER2], message("inhouse", sender=USER0))
    assert has(service, USER2, "Subject: inhouse", f"Sent by {USER0} of the example company")
    assert eventually(lambda: has(service, USER0, "multipart/report", USER1))
    assert states(service, "inhouse") == {USER1: "rejected", USER2: "delivered"}


def test_a_policy_with_a_mistake_changes_nothing_and_versions_stay(service: Service) -> None:
    wrong = service.directory / "wrong.toml"
    wrong.write_text('[[rule]]\nname = "x"\nwhen = { colour = "red" }\nthen = { action = "burn" }')
    service.optimails("policy", "put", "example.org", str(wrong), expect=(1,))
    service.optimails("policy", "put", "nowhere.example", str(wrong), expect=(1,))
    before = service.optimails("policy", "history", "example.org")
    assert isinstance(before, list)
    service.optimails("policy", "restore", "example.org", "--version", "1")
    after = service.optimails("policy", "history", "example.org")
    assert isinstance(after, list)
    assert [one["version"] for one in after] == [len(before) + 1, *(one["version"] for one in before)]


def test_a_dry_run_says_what_would_have_been_otherwise(service: Service) -> None:
    receive(service, "rehearsal", sender="someone@rehearsal.example")
    strict = service.directory / "strict.toml"
    strict.write_text('[[rule]]\nname = "r"\nwhen = { senders = ["@rehearsal.example"] }\nthen = { action = "reject" }')
    found = service.optimails("policy", "dry-run", "example.org", str(strict))
    assert isinstance(found, dict)
    assert {(one["subject"], one["after"]) for one in found["changes"]} >= {("rehearsal", "reject")}
    assert has(service, USER0, "Subject: [EXTERNAL] rehearsal")


def test_a_domain_teaches_its_filter_and_takes_it_back(service: Service) -> None:
    paths = []
    for number in range(2):
        path = service.directory / f"taught{number}.eml"
        path.write_bytes(message(f"taught {number}", "V I A G R A without prescription, cheap viagra"))
        paths.append(str(path))
    learn = ("spam", "learn", *paths, "--domain", "example.org", "--as", "spam")
    numbers = service.optimails(*learn)["reports"]  # type: ignore[index]
    assert len(numbers) == 2
    listed = service.optimails("spam", "reports", "--domain", "example.org")
    assert [(row["id"], row["learnt_as"], row["subject"]) for row in listed] == [
        (numbers[1], "spam", "taught 1"),
        (numbers[0], "spam", "taught 0"),
    ]
    judged = service.optimails("spam", "judge", paths[0], "--domain", "example.org")
    assert 0 < judged["probability"] < 1
    assert "PHRASES_PHARMACY" in {fact["symbol"] for fact in judged["facts"]}
    assert set(judged["positions"]) == set("12345")
    service.optimails("spam", "unlearn", *map(str, numbers), "--domain", "example.org")
    assert service.optimails("spam", "reports", "--domain", "example.org") == []
