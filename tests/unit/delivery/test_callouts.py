"""Recipients of a relay domain, as its own server knows them: what is asked, remembered, and done without an answer."""

import asyncio
from pathlib import Path

import pytest

from optimails.config.relay import RelayCallout, RelaySettings
from optimails.delivery import failures
from optimails.delivery.callouts import Callouts
from optimails.delivery.relays import Relays
from optimails.model.address import EmailAddress
from tests.support.in_loop import in_loop
from tests.support.queues import Clock

ANN = EmailAddress.parse("ann@customer.test")
BOB = EmailAddress.parse("bob@customer.test")
ASK = RelayCallout(positive_seconds=1000, negative_seconds=100, per_minute=3, timeout=5)


class Server:
    """The customer's."""

    def __init__(self) -> None:
        self.people: dict[str, bool | None] = {ANN.key: True, BOB.key: False}
        self.asked: list[str] = []

    async def exists(self, recipient: EmailAddress) -> bool | None:
        self.asked.append(recipient.key)
        await asyncio.sleep(0)
        return self.people.get(recipient.key)


def made(folder: Path) -> tuple[Callouts, Server, Clock]:
    server, clock = Server(), Clock()
    return Callouts(server, folder / "answers.sqlite", clock), server, clock


@in_loop
async def test_answers_are_remembered_each_for_its_time_and_by_all_workers(tmp_path: Path) -> None:
    callouts, server, clock = made(tmp_path)
    for _ in range(2):
        assert await callouts.check(ANN, ASK) is None
        assert await callouts.check(BOB, ASK) == failures.UNKNOWN
    other = Callouts(server, tmp_path / "answers.sqlite", clock)
    assert await other.check(BOB, ASK) == failures.UNKNOWN
    assert server.asked == [ANN.key, BOB.key]
    server.people[BOB.key] = True
    clock.now += 101
    assert await other.check(BOB, ASK) is None
    assert await callouts.check(ANN, ASK) is None
    assert server.asked == [ANN.key, BOB.key, BOB.key]


@in_loop
async def test_one_question_for_many_who_write_at_once(tmp_path: Path) -> None:
    callouts, server, _ = made(tmp_path)
    answers = await asyncio.gather(*(callouts.check(ANN, ASK) for _ in range(50)))
    assert answers == [None] * 50
    assert server.asked == [ANN.key]


@in_loop
async def test_without_an_answer_the_policy_decides_and_nothing_is_remembered(tmp_path: Path) -> None:
    callouts, server, _ = made(tmp_path)
    server.people[ANN.key] = None
    assert await callouts.check(ANN, ASK) is None
    careful = ASK.model_copy(update={"when_away": "defer"})
    assert await callouts.check(ANN, careful) == failures.NOT_VERIFIED
    server.people[ANN.key] = False
    assert await callouts.check(ANN, ASK) == failures.UNKNOWN


@in_loop
async def test_who_guesses_is_put_off(tmp_path: Path) -> None:
    callouts, server, clock = made(tmp_path)
    guesses = [EmailAddress.parse(f"guess{n}@customer.test") for n in range(5)]
    answers = [await callouts.check(one, ASK) for one in guesses]
    assert answers == [None] * 3 + [failures.TOO_MANY_UNKNOWN] * 2
    clock.now += 61
    assert await callouts.check(BOB, ASK) == failures.UNKNOWN
    assert len(server.asked) == 4


@in_loop
async def test_a_file_that_cannot_be_written_does_not_stop_the_mail(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").mkdir()
    callouts, _, _ = made(tmp_path)
    assert await callouts.check(ANN, ASK) is None
    assert await callouts.check(BOB, ASK) == failures.UNKNOWN


@in_loop
async def test_a_list_goes_first_and_routed_addresses_are_never_asked_about(tmp_path: Path) -> None:
    callouts, server, _ = made(tmp_path)
    listed = tmp_path / "list"
    listed.write_text("carol@customer.test\n")
    relays = Relays([RelaySettings(domain="customer.test", recipients=listed, callout=ASK)], callouts)
    assert await relays.check(EmailAddress.parse("carol+x@customer.test")) is None
    assert server.asked == []
    assert await relays.check(ANN) is None
    assert await relays.check(BOB) == failures.UNKNOWN
    for routed in ("ann%far.test@customer.test", "far.test!ann@customer.test", '"ann@far.test"@customer.test'):
        assert await relays.check(EmailAddress.parse(routed)) == failures.NOT_LOCAL
    assert server.asked == [ANN.key, BOB.key]
    alone = Relays([RelaySettings(domain="customer.test", callout=ASK)])
    assert await alone.check(BOB) is None, "with nobody to ask it is as when the target is away"


@pytest.mark.parametrize(
    ("wished", "reports", "stored"),
    [
        (None, "all", None),
        (None, "failures", {"FAILURE"}),
        ({"DELAY"}, "failures", {"NEVER"}),
        ({"SUCCESS", "DELAY"}, "failures", {"SUCCESS"}),
        ({"FAILURE"}, "none", {"NEVER"}),
    ],
)
def test_what_senders_hear(wished: set[str] | None, reports: str, stored: set[str] | None) -> None:
    from optimails.queue.api import Notify
    from optimails.queue.rows import allowed

    found = allowed(None if wished is None else frozenset(Notify(one) for one in wished), reports)
    assert found == (None if stored is None else frozenset(Notify(one) for one in stored))
