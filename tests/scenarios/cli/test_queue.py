"""``optimails queue``: what an administrator sees of mail on its way, and does to it."""

import asyncio

from optimails.config import load
from optimails.model.address import EmailAddress
from optimails.queue.api import Origin, Outbound, QueuedRecipient
from optimails.queue.store import Queue


def put(program, *recipients):
    config = load(program.config, {})
    queue = Queue(config.server.data, config.queue)
    message = Outbound(
        EmailAddress.parse("marie@example.org"),
        tuple(QueuedRecipient(EmailAddress.parse(one)) for one in recipients),
        Origin.SUBMISSION,
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
