"""``optimails queue``: what an administrator sees of mail on its way, and does to it."""

import asyncio

from optimails.config import load
from optimails.model.address import EmailAddress
from optimails.queue.api import Origin, Outbound, QueuedRecipient
from optimails.queue.store import Queue


def put(program, *recipients, account=""):
    config = load(program.config, {})
    queue = Queue(config.server.data, config.queue)
    message = Outbound(
        EmailAddress.parse("marie@example.org"),
        tuple(QueuedRecipient(EmailAddress.parse(one)) for one in recipients),
        Origin.SUBMISSION,
        account=account,
    )
    try:
        return asyncio.run(queue.accept(message, [b"Subject: x\r\n\r\ntext\r\n"]))
    finally:
        queue.close()


def test_a_message_from_list_to_delete(ready):
    assert ready.json("queue", "list") == []
    first = put(ready, "a@one.test", "b@two.test")
    second = put(ready, "c@one.test")
    listed = ready.json("queue", "list")
    assert [(row["message"], row["address"], row["state"]) for row in listed] == [
        (first, "a@one.test", "queued"),
        (first, "b@two.test", "queued"),
        (second, "c@one.test", "queued"),
    ]
    assert [row["address"] for row in ready.json("queue", "list", "--destination", "ONE.test")] == [
        "a@one.test",
        "c@one.test",
    ]
    assert [row["message"] for row in ready.json("queue", "list", "--recipient", "C@one.test")] == [second]
    assert ready.json("queue", "list", "--origin", "forward") == []
    counted = ready.json("queue", "count", "--destination", "one.test", "--origin", "submission")
    assert (counted["messages"], counted["recipients"]) == (2, 2)
    assert ready.json("queue", "count", "--recipient", "b@two.test")["recipients"] == 1
    assert ready.json("queue", "hold", "--destination", "one.test") == {"count": 2}
    assert ready.json("queue", "stats")["states"]["held"] == 2
    assert ready.json("queue", "release", second) == {"count": 1}
    assert ready.json("queue", "requeue", first) == {"count": 2}
    assert ready.json("queue", "flush", "--all") == {"count": 3}
    assert ready.json("queue", "delete", "--sender", "marie@example.org", "--destination", "two.test") == {"count": 1}
    shown = ready.json("queue", "show", first)
    assert {one["address"]: one["state"] for one in shown["recipients"]} == {
        "a@one.test": "queued",
        "b@two.test": "failed",
    }
    ready.json("queue", "delete", "--all")
    assert ready.json("queue", "stats")["messages"] == 0
    assert list((ready.data / "queue" / "spool").iterdir()) == []


def test_found_by_who_sent_it_and_when_it_came(ready):
    ready.json("account", "add", "paul@example.org", "--plan", "premium")
    paul = ready.json("account", "show", "paul@example.org")["id"]
    his, other = put(ready, "a@one.test", account=paul), put(ready, "b@one.test")
    assert [row["message"] for row in ready.json("queue", "list", "--account", "paul@example.org")] == [his]
    assert len(ready.json("queue", "list", "--after", "1h")) == 2
    assert ready.json("queue", "list", "--before", "1h") == []
    assert ready.json("queue", "count", "--before", "2099-01-01", "--after", "2d")["messages"] == 2
    ready("queue", "list", "--account", "nobody@example.org", expect=1)
    ready("queue", "list", "--after", "soon", expect=2)
    assert ready.json("queue", "delete", "--account", "paul@example.org") == {"count": 1}
    assert [row["message"] for row in ready.json("queue", "list")] == [other]


def test_people_read_it_in_their_language(ready):
    message = put(ready, "a@one.test")
    out, _ = ready("queue", "list", language="fr")
    assert message in out
    assert "en attente" in out
    out, _ = ready("queue", "hold", message, language="fr")
    assert "1 destinataire est retenu." in out
    assert "RETENUS" in ready("queue", "stats", language="fr")[0]
    assert "held" in ready("queue", "show", message)[0]


def test_nothing_said_changes_nothing(ready):
    put(ready, "a@one.test")
    ready("queue", "delete", expect=1)
    ready("queue", "show", "nothing", expect=1)
    assert len(ready.json("queue", "list")) == 1
