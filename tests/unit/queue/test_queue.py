"""The queue with a courier of our own and a clock that we turn: attempts, fairness, expiry, leases, limits."""

import asyncio
import itertools
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from optimails.config.queue import QueueSettings
from optimails.config.relay import RelaySettings
from optimails.model.address import EmailAddress
from optimails.model.errors import Refused, Unavailable
from optimails.queue.api import Notify, Origin, Outbound, RecipientResult, Report, Route, State
from optimails.queue.control import Choice, EntryState
from optimails.queue.owner import alive, this_process
from optimails.queue.runner import Runner
from optimails.queue.schema import SCHEMA
from tests.support.in_loop import in_loop
from tests.support.queues import CONTENT, START, Post, addresses, away, later, mail, refused

HOUR, DAY = 3_600.0, 86_400.0


async def until(seen: Callable[[], bool]) -> None:
    while not seen():  # noqa: ASYNC110  # it is only a test
        await asyncio.sleep(0.01)


@pytest.fixture
def post(tmp_path: Path) -> Post:
    return Post(tmp_path)


@in_loop
async def test_delivers_each_destination_once_and_forgets_the_content(post: Post) -> None:
    message = await post.accept("x@one.test", "y@one.test", "z@two.test")
    assert post.queue.contents.path(message).read_bytes() == CONTENT
    assert await post.go() == 2
    assert sorted(address for _, address in post.courier.delivered) == ["x@one.test", "y@one.test", "z@two.test"]
    assert sorted(len(job.recipients) for job in post.courier.jobs) == [1, 2]
    assert not post.queue.contents.path(message).exists()
    assert await post.go(DAY) == 0
    assert set((await post.state(message)).values()) == {"delivered"}


@in_loop
async def test_retries_with_growing_intervals_until_it_is_taken(post: Post) -> None:
    await post.accept("x@one.test")
    post.courier.answers["one.test"] = later
    moments = [post.clock.now for _ in range(400) if await post.go(60)]
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert gaps[0] < 500, "the second attempt comes after about five minutes"
    assert max(gaps) <= 14_400 * 1.2 + 60
    assert gaps[3] > gaps[0] * 3
    del post.courier.answers["one.test"]
    await post.go(5 * HOUR)
    assert len(post.courier.delivered) == 1


@in_loop
async def test_refused_recipients_are_reported_in_one_message(post: Post) -> None:
    post.courier.answers["one.test"] = refused
    message = await post.accept("x@one.test", "y@one.test", "z@two.test")
    await post.go()
    assert len(post.notices.sent) == 1
    reader, report = post.notices.sent[0]
    assert str(reader) == "a@here.test"
    assert b"Final-Recipient: rfc822; x@one.test" in report
    assert b"Final-Recipient: rfc822; y@one.test" in report
    assert b"z@two.test" not in report
    assert await post.go(DAY) == 0
    assert len(post.notices.sent) == 1
    assert not post.queue.contents.path(message).exists()


@in_loop
async def test_null_sender_and_never_get_no_report(post: Post) -> None:
    post.courier.answers["one.test"] = refused
    first = await post.accept("x@one.test", sender=None)
    second = await post.accept("x@one.test", notify=frozenset({Notify.NEVER}))
    await post.go()
    assert post.notices.sent == []
    assert [await post.state(one) for one in (first, second)] == [{"x@one.test": "failed"}] * 2


@in_loop
async def test_success_is_reported_when_asked_for_and_the_next_server_does_not(post: Post) -> None:
    await post.accept("x@one.test", notify=frozenset({Notify.SUCCESS}))
    post.courier.answers["two.test"] = lambda address: RecipientResult(
        address, State.DELIVERED, "2.0.0", "250 Ok", "mx", dsn=True
    )
    await post.accept("x@two.test", notify=frozenset({Notify.SUCCESS}))
    await post.go()
    assert len(post.notices.sent) == 1
    assert b"Action: relayed" in post.notices.sent[0][1]


@in_loop
async def test_late_mail_is_told_once_and_expires_with_a_report(post: Post) -> None:
    post.courier.answers["one.test"] = later
    message = await post.accept("x@one.test")
    await post.go(3.9 * HOUR)
    assert post.notices.sent == []
    await post.go(0.2 * HOUR)
    assert [b"Action: delayed" in report for _, report in post.notices.sent] == [True]
    await post.go(2 * DAY)
    assert len(post.notices.sent) == 1
    await post.go(3 * DAY)
    assert len(post.notices.sent) == 2
    report = post.notices.sent[1][1]
    assert b"Action: failed" in report
    assert b"Status: 4.4.7" in report
    assert b"450 4.2.0 Greylisted" in report, "what the server said last is the diagnosis"
    assert await post.state(message) == {"x@one.test": "failed"}


@in_loop
async def test_a_relay_domain_keeps_its_mail_longer(tmp_path: Path) -> None:
    post = Post(tmp_path, relays=(RelaySettings(domain="customer.test", keep_days=30),))
    post.courier.answers["customer.test"] = away
    message = await post.accept("x@customer.test")
    await post.go(29 * DAY)
    assert await post.state(message) == {"x@customer.test": "deferred"}
    await post.go(2 * DAY)
    assert await post.state(message) == {"x@customer.test": "failed"}


@in_loop
async def test_many_messages_to_a_dead_destination_slow_nobody(post: Post) -> None:
    count = 3_000
    post.courier.answers["dead.test"] = away
    outbound = mail("x@dead.test")

    def fill(database: sqlite3.Connection) -> None:
        for number in range(count):
            post.queue._insert(outbound, f"{number:016x}", 10, database)  # without a file each

    post.queue._database.write_now(fill)  # as above
    for number in range(count):
        post.queue.contents.path(f"{number:016x}").parent.mkdir(parents=True, exist_ok=True)
        post.queue.contents.path(f"{number:016x}").touch()
    message = await post.accept("x@alive.test")
    await post.go()
    assert (message, "x@alive.test") in post.courier.delivered
    assert len(post.courier.jobs) <= 4, "a destination that cannot be reached rests as a whole"
    for _ in range(60):
        await post.go(60)
    assert len(post.courier.jobs) < 30
    post.courier.answers.clear()
    await post.go(HOUR * 1.3)
    assert len(post.courier.delivered) == count + 1, "when it is back, all of it goes"


@in_loop
async def test_many_dead_destinations_hide_no_living_one(tmp_path: Path) -> None:
    post = Post(tmp_path, QueueSettings(concurrency=4))
    for number in range(60):
        post.courier.answers[f"dead{number}.test"] = away
        await post.accept(f"x@dead{number}.test")
    await post.go()
    post.clock.now += HOUR
    await post.accept("x@alive.test")
    await post.runner.step()
    await post.runner.settled()
    assert [address for _, address in post.courier.delivered] == ["x@alive.test"], "in the very first round"


@in_loop
async def test_destinations_take_turns(post: Post) -> None:
    for number in range(20):
        await post.accept(f"{number}@big.test")
    post.clock.now += 1
    await post.accept("x@small.test")
    await post.runner.step()
    await post.runner.settled()
    assert "small.test" in [job.destination for job in post.courier.jobs]
    assert sum(job.destination == "big.test" for job in post.courier.jobs) <= 3


@in_loop
async def test_more_at_a_time_as_deliveries_succeed(tmp_path: Path) -> None:
    post = Post(tmp_path, QueueSettings(destination_concurrency=5))
    post.courier.pause = 0.01
    for number in range(60):
        await post.accept(f"{number}@big.test")
    await post.go()
    assert post.courier.most == 5
    assert len(post.courier.delivered) == 60


@in_loop
async def test_priority_goes_first_and_a_future_one_holds_up_nobody(tmp_path: Path) -> None:
    post = Post(tmp_path, QueueSettings(destination_concurrency=1))
    sender = EmailAddress.parse("a@here.test")
    for name, priority, not_before in (
        ("low", -3, None),
        ("later", 9, START + 500),
        ("mid", 0, None),
        ("high", 5, None),
    ):
        message = Outbound(
            sender, addresses(f"{name}@one.test"), Origin.SUBMISSION, priority=priority, not_before=not_before
        )
        await post.queue.accept(message, [CONTENT])
    await post.go()
    assert [address for _, address in post.courier.delivered] == ["high@one.test", "mid@one.test", "low@one.test"]
    await post.go(501)
    assert post.courier.delivered[-1][1] == "later@one.test"


@in_loop
async def test_a_message_that_is_late_for_its_purpose_is_given_up(post: Post) -> None:
    post.courier.answers["one.test"] = later
    outbound = Outbound(
        EmailAddress.parse("a@here.test"), addresses("x@one.test"), Origin.SUBMISSION, deliver_by=START + 600
    )
    message = await post.queue.accept(outbound, [CONTENT])
    await post.go()
    await post.go(601)
    assert await post.state(message) == {"x@one.test": "failed"}


@in_loop
async def test_courier_that_fails_is_tried_again(post: Post) -> None:
    message = await post.accept("x@one.test")

    async def broken(job: object) -> list[RecipientResult]:
        raise ValueError("our own mistake")

    good, post.courier.deliver = post.courier.deliver, broken  # type: ignore[method-assign,assignment]  # on purpose
    await post.go()
    assert await post.state(message) == {"x@one.test": "deferred"}
    post.courier.deliver = good  # type: ignore[method-assign]  # as above
    await post.go(HOUR)
    assert await post.state(message) == {"x@one.test": "delivered"}


@in_loop
async def test_lost_content_is_reported(post: Post) -> None:
    message = await post.accept("x@one.test")
    post.queue.contents.remove(message)
    await post.go()
    assert await post.state(message) == {"x@one.test": "failed"}
    assert len(post.notices.sent) == 1


@in_loop
async def test_a_dead_runners_leases_are_free_at_once_and_a_living_ones_are_not(tmp_path: Path) -> None:
    dead = this_process().rsplit("/", 1)[0] + "/1"
    assert alive(this_process())
    assert not alive(dead)
    other, post = Post(tmp_path, owner=dead), Post(tmp_path)
    message = await other.accept("x@one.test")
    other.courier.gate = asyncio.Event()
    await other.runner.step()
    assert await post.state(message) == {"x@one.test": "delivering"}
    assert await post.go() == 1
    assert post.courier.delivered == [(message, "x@one.test")]
    other.courier.gate.set()
    await other.runner.settled()
    assert await post.state(message) == {"x@one.test": "delivered"}

    third = Post(tmp_path)
    third.courier.gate = asyncio.Event()
    await third.accept("y@one.test")
    await third.runner.step()
    assert await post.go(60) == 0, "a lease of a living process stays"
    third.courier.gate.set()
    await third.runner.settled()


@in_loop
async def test_a_message_that_kills_the_runner_is_held_and_others_are_not(tmp_path: Path) -> None:
    dead = this_process().rsplit("/", 1)[0] + "/1"
    post = Post(tmp_path)
    poison = await post.accept("x@poison.test")
    for number in range(5):
        await post.accept(f"{number}@good.test")
    for _ in range(6):
        doomed = Post(tmp_path, owner=dead)
        doomed.clock.now = post.clock.now = post.clock.now + 10
        doomed.courier.gate = asyncio.Event()
        await doomed.runner.step()
        for task in doomed.runner._running:  # as a kill would leave it
            task.remove_done_callback(doomed.runner._ended)
        survivors = [one for one in doomed.runner._running.values() if one.job.destination == "good.test"]
        for one in survivors[:1]:
            await doomed.queue.settle(one, [])
        doomed.close()
        await post.queue.recover()
        if (await post.state(poison))["x@poison.test"] == "held":
            break
    assert await post.state(poison) == {"x@poison.test": "held"}
    await post.go(HOUR)
    assert not any(job.destination == "poison.test" for job in post.courier.jobs)
    assert await post.queue.release(Choice(messages=(poison,))) == 1
    await post.go()
    assert await post.state(poison) == {"x@poison.test": "delivered"}


@in_loop
async def test_drain_lets_deliveries_end_and_gives_back_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("optimails.queue.runner.DRAIN", 0.05)
    post = Post(tmp_path)
    message = await post.accept("x@one.test")
    post.courier.gate = asyncio.Event()
    work = asyncio.create_task(post.runner.run())
    await until(lambda: bool(post.courier.jobs))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert await post.state(message) == {"x@one.test": "queued"}
    assert post.courier.delivered == []


@in_loop
async def test_run_is_woken_by_what_is_queued(tmp_path: Path) -> None:
    post = Post(tmp_path)
    work = asyncio.create_task(post.runner.run())
    await asyncio.sleep(0.1)
    await post.accept("x@one.test")
    post.runner.wake()
    async with asyncio.timeout(20):
        await until(lambda: bool(post.courier.delivered))
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work


@in_loop
async def test_routes_go_with_the_job(tmp_path: Path) -> None:
    post = Post(tmp_path)
    route = Route("inside.customer.test", 2525)
    runner = Runner(post.queue, post.courier, post.notices, "here", {"customer.test": route})
    await post.accept("x@customer.test", "x@one.test")
    await runner.step()
    await runner.settled()
    assert {job.destination: job.route for job in post.courier.jobs} == {"customer.test": route, "one.test": None}


@in_loop
async def test_reports_wait_while_nobody_can_take_them(post: Post) -> None:
    post.courier.answers["one.test"] = refused
    post.notices.problem = Unavailable("away")
    message = await post.accept("x@one.test")
    await post.go()
    assert post.queue.contents.path(message).exists()
    post.notices.problem = None
    await post.go(60)
    assert len(post.notices.sent) == 1
    assert not post.queue.contents.path(message).exists()


@in_loop
async def test_accounts_have_limits_of_their_own(tmp_path: Path) -> None:
    post = Post(tmp_path, QueueSettings(messages_per_hour=3, recipients_per_hour=4, recipients_per_day=6))
    sender = EmailAddress.parse("a@here.test")

    async def send(account: str, *recipients: str) -> None:
        await post.queue.accept(Outbound(sender, addresses(*recipients), Origin.SUBMISSION, account), [CONTENT])

    await send("one", "a@x.test", "b@x.test")
    assert await post.queue.room("one") == 2
    with pytest.raises(Refused):
        await send("one", "a@x.test", "b@x.test", "c@x.test")
    await send("one", "a@x.test")
    await send("two", "a@x.test", "b@x.test", "c@x.test", "d@x.test")
    await send("one", "a@x.test")
    with pytest.raises(Refused):
        await send("one", "a@x.test")
    assert await post.queue.room("one") == 0
    post.clock.now += 2 * HOUR
    assert await post.queue.room("one") == 2, "those of the day count on"
    assert len(list(post.queue.contents.path("x").parent.iterdir())) == 4, "what was refused left nothing behind"


@in_loop
async def test_history_is_kept_and_then_forgotten(post: Post) -> None:
    message = await post.accept("x@one.test")
    await post.go()
    await post.go(29 * DAY)
    assert await post.state(message) == {"x@one.test": "delivered"}
    await post.go(2 * DAY)
    assert await post.state(message) == {}


@in_loop
async def test_what_is_handed_in_again_under_one_key_is_one_message(tmp_path: Path) -> None:
    one, other = Post(tmp_path), Post(tmp_path)  # two processes
    keyed = replace(mail("x@one.test"), key="invitation 7")
    first = await asyncio.gather(*(post.queue.accept(keyed, [CONTENT]) for post in (one, other) for _ in range(5)))
    assert len(set(first)) == 1
    assert len(list((tmp_path / "queue" / "spool").iterdir())) == 1
    one.courier.answers["one.test"] = refused
    heard: list[str] = []

    async def reported(report: Report) -> None:
        heard.append(report.key)

    one.runner = Runner(one.queue, one.courier, one.notices, "mail.here.test", reported=reported)
    assert await one.go() == 1
    assert heard == ["invitation 7"]
    assert await other.queue.accept(keyed, [CONTENT]) == first[0], "also when it is long gone"
    assert await one.go() == 0
    assert await one.queue.accept(replace(keyed, key="invitation 8"), [CONTENT]) != first[0]
    one.close()
    other.close()


@in_loop
async def test_contents_without_a_message_are_swept_away(post: Post) -> None:
    waiting = await post.accept("x@one.test")
    post.courier.answers["one.test"] = later
    orphan, young = post.queue.contents.path("f" * 16), post.queue.contents.path("e" * 16)
    for path in (orphan, young, post.queue.contents.path(waiting)):
        path.write_bytes(b"x")
        os.utime(path, (1, 1))
    young.touch()
    await post.queue.purge()
    assert not orphan.exists()
    assert young.exists()
    assert post.queue.contents.path(waiting).exists()


@in_loop
async def test_the_administrator_holds_releases_requeues_flushes_and_deletes(post: Post) -> None:
    post.courier.answers["one.test"] = later
    first, second = await post.accept("x@one.test"), await post.accept("y@two.test", sender="b@here.test")
    assert await post.queue.hold(Choice(sender="B@here.test")) == 1
    await post.go()
    assert await post.state(second) == {"y@two.test": "held"}
    assert await post.queue.stats() is not None
    await post.go(30 * DAY)
    assert await post.state(second) == {"y@two.test": "held"}, "what is held does not expire"
    assert await post.queue.release(Choice(messages=(second,))) == 1
    await post.go()
    assert await post.state(second) == {"y@two.test": "delivered"}
    assert await post.state(first) == {"x@one.test": "failed"}

    third = await post.accept("x@one.test")
    await post.go()
    jobs = len(post.courier.jobs)
    assert await post.queue.flush(Choice(destination="one.test")) == 1
    await post.go()
    assert len(post.courier.jobs) == jobs + 1
    assert await post.queue.requeue(Choice(messages=(third,))) == 1
    assert await post.state(third) == {"x@one.test": "queued"}
    sent = len(post.notices.sent)
    assert await post.queue.delete(Choice(messages=(third,))) == 1
    await post.go(30 * DAY)
    assert await post.state(third) == {} or await post.state(third) == {"x@one.test": "failed"}
    assert len(post.notices.sent) == sent
    stats = await post.queue.stats()
    assert stats.messages == 0


@in_loop
async def test_what_its_sender_wants_held_waits_until_then_or_until_it_is_named(post: Post) -> None:
    held = [
        await post.queue.accept(replace(mail(f"x{n}@one.test"), not_before=START + 9 * DAY), [CONTENT])
        for n in range(3)
    ]
    assert await post.go() == 0
    listed = await post.queue.find(Choice(states=("scheduled",)))
    assert sorted(one.id for one in listed) == sorted(held)
    assert listed[0].recipients[0].next_attempt == START + 9 * DAY
    stats = await post.queue.stats()
    assert (stats.states["scheduled"], stats.states["queued"], await post.queue.waiting()) == (3, 0, 0)
    everything = Choice()
    assert await post.queue.flush(everything) == 0
    assert await post.queue.requeue(everything) == 3
    assert await post.queue.hold(everything) == 3
    assert await post.queue.release(everything) == 3
    assert await post.go(DAY) == 0, "none of that is the sender's wish"
    assert await post.queue.release(Choice(messages=(held[0],))) == 1
    assert await post.go() == 1
    assert await post.queue.delete(Choice(messages=(held[1],))) == 1
    await post.go(7 * DAY)
    assert [message for message, _ in post.courier.delivered] == held[:1]
    post.courier.answers["one.test"] = later
    assert await post.go(DAY) == 1
    assert await post.state(held[2]) == {"x2@one.test": "deferred"}
    assert await post.queue.flush(everything) == 1
    await post.go(4 * DAY)
    assert await post.state(held[2]) == {"x2@one.test": "deferred"}, "its life begins with its release"
    await post.go(2 * DAY)
    assert await post.state(held[2]) == {"x2@one.test": "failed"}


@in_loop
async def test_a_console_turns_pages_and_counts(post: Post) -> None:
    names = [await post.accept(f"x{n}@one.test", f"x{n}@two.test") for n in range(5)]
    await post.accept("z@one.test", sender=None)
    choice = Choice(destination="one.test", limit=4)
    first = await post.queue.find(choice)
    second = await post.queue.find(replace(choice, after=first[-1].place))
    assert [one.sender for one in first + second].count("") == 1
    assert {one.id for one in first + second} > set(names)
    assert await post.queue.find(replace(choice, after=second[-1].place)) == []
    counted = await post.queue.count(choice)
    assert (counted.messages, counted.recipients, counted.bytes) == (6, 6, 6 * len(CONTENT))
    assert (await post.queue.count(Choice(recipient="X3@two.test"))).messages == 1
    assert (await post.queue.count(Choice(sender=""))).messages == 1
    assert (await post.queue.count(Choice(origin=Origin.RELAY))).messages == 0
    assert (await post.queue.count(Choice(account="nobody"))).messages == 0
    assert first[0].recipients[0].state is EntryState.QUEUED


@in_loop
async def test_a_queue_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    (tmp_path / "queue").mkdir()
    with closing(sqlite3.connect(tmp_path / "queue" / "queue.sqlite")) as old:
        columns = "changed REAL NOT NULL,\n    release REAL,\n    junk INTEGER NOT NULL DEFAULT 0"
        schema = SCHEMA.replace(columns, "changed REAL NOT NULL")
        schema = schema.replace("finished REAL,\n    key TEXT", "finished REAL")
        old.executescript("\n".join(line for line in schema.splitlines() if "message_key" not in line))
        old.execute("PRAGMA user_version = 1")
    post = Post(tmp_path)
    message = await post.accept("x@one.test")
    assert await post.go() == 1
    assert await post.state(message) == {"x@one.test": "delivered"}
    post.close()
