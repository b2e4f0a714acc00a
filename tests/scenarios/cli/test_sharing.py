"""Access lists, shared folders and delegates from the command line."""

import pytest

from tests.scenarios.cli.conftest import Program

MARIE, JEAN = "marie@example.org", "jean@example.org"


@pytest.fixture
def office(ready: Program) -> Program:
    ready("account", "set", MARIE, "--plan", "premium")
    ready("account", "add", JEAN, "--plan", "premium")
    return ready


def test_a_mailbox_is_shared_and_taken_back(office):
    assert office.json("acl", "get", MARIE) == []
    office("acl", "set", MARIE, "INBOX", JEAN, "lr")
    assert office.json("acl", "set", MARIE, "inbox", "jean", "+sw")["rights"] == "lrsw"
    office("acl", "set", MARIE, "INBOX", "anyone", "w", "--negative")
    assert office.json("acl", "get", MARIE) == [
        {"mailbox": "INBOX", "identifier": "anyone", "rights": "w", "negative": True, "seen": "own"},
        {"mailbox": "INBOX", "identifier": JEAN, "rights": "lrsw", "negative": False, "seen": "own"},
    ]
    assert office.json("acl", "rights", MARIE, "INBOX", JEAN)["rights"] == "lrs"
    (shared,) = office.json("share", "list", JEAN)
    name = f"Other Users/{MARIE}/INBOX"
    assert (shared["mailbox"], shared["answer"], shared["through"]) == (name, "offered", "share")
    office("share", "refuse", JEAN, name)
    assert office.json("share", "list", JEAN)[0]["answer"] == "refused"
    out, _ = office("share", "accept", JEAN, name, language="fr")
    assert out == f"{name} accepté.\n"
    office("acl", "seen", MARIE, "INBOX", "common")
    assert office.json("acl", "get", MARIE, "INBOX")[0]["seen"] == "common"
    office("acl", "delete", MARIE, "INBOX", JEAN)
    assert office.json("share", "list", JEAN) == []
    office("share", "accept", JEAN, name, expect=1)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((MARIE, "INBOX", "nobody", "lr"), "nobody called nobody"),
        ((MARIE, "Nowhere", JEAN, "lr"), "no mailbox Nowhere"),
        ((MARIE, "INBOX", JEAN, "lrq"), "no right 'q'"),
        ((MARIE, "INBOX", MARIE, "lr"), "owner has every right"),
        (("example.org", "INBOX", JEAN, "lr"), "has no shared folders"),
    ],
)
def test_what_cannot_be_shared(office, words, sentence):
    _, error = office("acl", "set", *words, expect=1)
    assert sentence in error


def test_calendars_and_address_books_by_the_same_words(office):
    for kind, group in (("calendar", "calendar"), ("contacts", "contacts")):
        name = office.json(group, "list", MARIE)[0]["name"]
        words = (MARIE, name, JEAN)
        assert office.json("acl", "set", *words, "lr90", "--kind", kind)["rights"] == "lr90"
        assert office.json("acl", "rights", *words, "--kind", kind)["rights"] == "lr9"
        (line,) = office.json("acl", "get", MARIE, "--kind", kind)
        assert (line["mailbox"], line["identifier"]) == (name, JEAN)
        office("acl", "delete", *words, "--kind", kind)
        assert office.json("acl", "get", MARIE, name, "--kind", kind) == []
        _, error = office("acl", "set", MARIE, "Nowhere", JEAN, "lr", "--kind", kind, expect=1)
        assert "Nowhere" in error
    assert office.json("share", "list", JEAN) == []


def test_folders_of_a_domain(office):
    office("account", "set", JEAN, "--plan", "basic")
    made = office.json("share", "create", "example.org", "Projects/2026", "--rights", "editor")
    assert (made["identifier"], made["rights"]) == ("anyone", "lrswite9")
    assert [line["mailbox"] for line in office.json("share", "list", JEAN)] == [
        "Shared Folders/example.org/Projects/2026"
    ]
    office("acl", "set", "example.org", "Projects/2026", JEAN, "full")
    assert office.json("acl", "rights", "example.org", "Projects/2026", JEAN)["rights"] == "lrswipkxtea"
    assert [account["address"] for account in office.json("account", "list")] == [JEAN, MARIE]
    office("share", "delete", "example.org", "Projects/2026")
    assert office.json("share", "list", JEAN) == []
    assert office.json("doctor")["findings"] == []


def test_plans_say_what_may_be_shared(office):
    office("acl", "set", MARIE, "INBOX", JEAN, "lr")
    assert office.json("plan", "set", "premium", "--feature", "none")["features"] == []
    assert office.json("share", "list", JEAN) == []
    changed = office.json("plan", "set", "premium", "--feature", "sharing", "--feature", "free-busy")
    assert changed["features"] == ["free-busy", "sharing"]
    assert len(office.json("share", "list", JEAN)) == 1
    office("account", "set", JEAN, "--plan", "shex")
    for words in (("acl", "set", MARIE, "INBOX", JEAN, "lr"), ("delegate", "add", MARIE, JEAN)):
        _, hint = office(*words)
        assert "plans" in hint


def test_delegates(office):
    made = office.json("delegate", "add", MARIE, JEAN, "--until", "2d")
    assert (made["bundle"], made["send"], made["active"]) == ("assistant", "on-behalf", True)
    (line,) = office.json("delegate", "list", "example.org")
    assert (line["owner"], line["delegate"], line["hide_private"]) == (MARIE, JEAN, True)
    assert len(office.json("share", "list", JEAN)) >= 3
    assert line["invitations"] is False
    office("delegate", "add", MARIE, JEAN, "--bundle", "full", "--send", "no", "--from", "2d", "--invitations")
    (line,) = office.json("delegate", "list", JEAN)
    assert line["invitations"] is True
    assert (line["send"], line["active"], line["hide_private"]) == ("no", False, False)
    assert office.json("share", "list", JEAN) == []
    out, _ = office("delegate", "list", language="fr")
    assert "TITULAIRE" in out
    office("delegate", "remove", MARIE, JEAN)
    office("delegate", "remove", MARIE, JEAN, expect=1)
    office("delegate", "add", MARIE, JEAN, "--until", "yesterday", expect=2)
    acts = [entry["act"] for entry in office.json("log", "--about", MARIE) if entry["act"].startswith("delegate")]
    assert acts == ["delegate add", "delegate add", "delegate remove", "delegate remove"]
