"""What becomes of open sessions when their account changes, and how many an account may have."""

import asyncio
from dataclasses import replace

import pytest

from optimails.door import sessions
from optimails.door.sessions import Ending
from optimails.model.account import AccountState, Service
from optimails.model.errors import Reason, Refused, Unavailable
from tests.support.in_loop import in_loop
from tests.support.world import World


class Guest:
    """A session that remembers how it was told to end."""

    def __init__(self) -> None:
        self.ends: list[Ending] = []

    def kick(self, why: Ending) -> None:
        self.ends.append(why)


async def enter(world: World, login: str = "alice"):
    account = await world.directory.authenticate(login, {"alice": "secret", "bob": "büro 1"}[login], Service.IMAP)
    guest = Guest()
    return guest, await world.sessions.enter(account, guest)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@in_loop
@pytest.mark.parametrize("state", [AccountState.SUSPENDED, AccountState.CLOSED])
async def test_sessions_of_an_account_that_is_not_active_any_more_end_and_no_others(state: AccountState) -> None:
    world = World()
    alice, _ = await enter(world)
    again, _ = await enter(world)
    bob, _ = await enter(world, "bob")
    gone, entry = await enter(world)
    entry.leave()
    entry.leave()
    world.change("alice", state=state)
    await settled()
    assert (alice.ends, again.ends) == ([Ending.NOT_ACTIVE], [Ending.NOT_ACTIVE])
    assert bob.ends == gone.ends == []
    await world.close()


@in_loop
async def test_a_new_password_ends_the_sessions_of_the_old_one() -> None:
    world = World()
    before, _ = await enter(world)
    world.change("alice", stamp=1)
    await settled()
    after, _ = await enter(world)
    world.change("alice", name="Alice")
    await settled()
    assert before.ends[0] is Ending.CREDENTIALS
    assert after.ends == []
    await world.close()


@in_loop
async def test_other_limits_end_nothing_and_count_at_once() -> None:
    world = World()
    guest, entry = await enter(world)
    async with await world.mail.open(entry.account) as mail:
        limits = replace(entry.account.limits, storage=1)
        world.change("alice", limits=limits, plan="small")
        await settled()
        assert (await mail.usage()).limits == limits
    assert guest.ends == []
    await world.close()


@in_loop
async def test_while_the_directory_is_away_nobody_is_ended_and_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sessions, "RETRY", 0.01)
    world = World()
    guest, _ = await enter(world)
    world.directory.away = True
    world.change("alice", state=AccountState.SUSPENDED)
    await asyncio.sleep(0.05)
    assert guest.ends == []
    world.directory.away = False
    async with asyncio.timeout(5):
        while not guest.ends:  # noqa: ASYNC110 - there is nothing to wait for but this
            await asyncio.sleep(0.01)
    assert guest.ends == [Ending.NOT_ACTIVE]
    await world.close()


@in_loop
async def test_a_change_between_the_password_and_the_session_is_not_missed() -> None:
    world = World()
    account = await world.directory.authenticate("alice", "secret", Service.IMAP)
    for change in ({"stamp": 1}, {"stamp": 0, "state": AccountState.SUSPENDED}):
        world.directory.change("alice", **change)
        with pytest.raises(Refused) as refused:
            await world.sessions.enter(account, Guest())
        assert refused.value.reason is Reason.AUTHENTICATION_FAILED
    world.directory.away = True
    with pytest.raises(Unavailable):
        await world.sessions.enter(account, Guest())
    assert not world.sessions._entries
    await world.close()


@in_loop
async def test_too_many_sessions_of_one_account() -> None:
    world = World()
    world.sessions = world.limited(connections_per_account=1)
    _, entry = await enter(world)
    with pytest.raises(Refused) as refused:
        await enter(world)
    assert refused.value.reason is Reason.LIMIT
    entry.leave()
    await enter(world)
    await world.close()
