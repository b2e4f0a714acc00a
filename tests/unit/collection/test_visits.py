"""Visits to a far mailbox in memory, stored in real mailboxes, with a clock that we turn."""

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from optimails.collection import runner
from optimails.collection.api import Access, CollectFailed, RemoteMessage, Source, SourceTls, Spoken, Trouble
from optimails.collection.runner import Busy, Collector
from optimails.collection.store import SourceStore
from optimails.config.collection import CollectionSettings
from optimails.model.account import AccountState
from optimails.model.errors import Reason, Refused
from optimails.model.mailbox_name import INBOX, MailboxName
from tests.support.in_loop import in_loop
from tests.support.world import World

DAY = 86_400.0
ACCESS = Access(Spoken.IMAP, "far.test", 993, SourceTls.IMPLICIT, "me")
PASSWORD = "very secret"


class Far:
    """The far mailbox, and every session with it."""

    def __init__(self) -> None:
        self.mails: dict[str, bytes] = {}
        self.trouble: Trouble | None = None
        self.fetched: list[str] = []
        self.lie: int | None = None
        self.gate: asyncio.Event | None = None

    async def messages(self) -> list[RemoteMessage]:
        if self.gate is not None:
            await self.gate.wait()
        return [
            RemoteMessage(identity, number, self.lie or len(content))
            for number, (identity, content) in enumerate(self.mails.items(), 1)
        ]

    async def fetch(self, message: RemoteMessage, write: Callable[[bytes], None]) -> None:
        self.fetched.append(message.id)
        for byte in self.mails[message.id]:
            write(bytes([byte]))

    async def delete(self, messages: Sequence[RemoteMessage]) -> None:
        for message in messages:
            del self.mails[message.id]

    async def close(self) -> None: ...
    def abort(self) -> None: ...


class Case:
    def __init__(self, data: Path, **settings: float) -> None:
        self.data = data
        self.now = 1_000_000.0
        self.far = Far()
        self.world = World()
        self.account = self.world.directory.accounts["alice@demo.test"]
        self.settings = CollectionSettings(**settings)
        self.restart()

    def restart(self) -> None:
        """As after a crash: only what is on disk is known."""
        self.collector = Collector(
            self.data, self.settings, self.world.directory, self.world.mail, clock=lambda: self.now
        )
        self.store = self.collector.store

    def add(self, delete_after: float | None = None, mailbox: str = "INBOX") -> Source:
        source = Source(0, self.account.id, ACCESS, mailbox, delete_after, enabled=True)
        identity = self.store.add(source, PASSWORD, 10)
        return next(one for one in self.store.sources() if one.id == identity)

    async def go(self) -> None:
        """Let all visits that are due come to their end."""
        await asyncio.gather(*await self.collector.look())

    async def here(self, mailbox: str = "INBOX") -> list[bytes]:
        async with await self.world.mail.open(self.account) as mail:
            box = await mail.select(MailboxName(mailbox), read_only=True)
            contents = []
            for uid in range(1, box.status.uid_next):
                file = await box.open_message(uid)
                contents.append(bytes(file.view()))
                file.close()
            await box.close()
        return contents

    @property
    def source(self) -> Source:
        return self.store.sources()[0]


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    made = Case(tmp_path, max_size=2_000)

    async def log_in(access: Access, password: str, settings: CollectionSettings) -> Far:
        assert (access, password, settings) == (ACCESS, PASSWORD, made.settings)
        if made.far.trouble:
            raise CollectFailed(made.far.trouble, "no")
        return made.far

    monkeypatch.setattr(runner, "log_in", log_in)
    return made


@in_loop
async def test_fetches_each_once_with_proper_line_ends(case: Case) -> None:
    case.add()
    case.far.mails = {"1": b"Subject: a\n\nx\r\ny\rz\r", "2": b"Subject: b\r\n\r\n"}
    await case.go()
    expected = [b"Subject: a\r\n\r\nx\r\ny\r\nz\r\n", b"Subject: b\r\n\r\n"]
    assert await case.here() == expected
    case.far.mails["3"] = b"Subject: c\r\n\r\n"
    case.now += 2_000
    case.restart()
    await case.go()
    assert await case.here() == [*expected, b"Subject: c\r\n\r\n"]
    assert case.far.fetched == ["1", "2", "3"]
    assert (case.source.fetched, case.source.last_success, case.source.trouble) == (3, case.now, None)


@in_loop
async def test_a_crash_between_storing_and_recording_doubles_nothing(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.add()
    case.far.mails = {"1": b"Subject: a\r\n\r\n", "2": b"Subject: b\r\n\r\n"}
    with monkeypatch.context() as patch:

        def crash(*_: object, **__: object) -> None:
            raise SystemError("killed here")

        patch.setattr(SourceStore, "record", crash)
        await case.go()
    assert len(await case.here()) == 1
    case.restart()
    case.now += 2_000
    await case.go()
    assert await case.here() == [b"Subject: a\r\n\r\n", b"Subject: b\r\n\r\n"]
    assert case.far.fetched == ["1", "2"]


@in_loop
async def test_a_crash_before_storing_loses_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    case.add()
    case.far.mails = {"1": b"Subject: a\r\n\r\n"}
    intend = SourceStore.intend
    with monkeypatch.context() as patch:

        def crash(store: SourceStore, *arguments: object) -> None:
            intend(store, *arguments)  # type: ignore[arg-type]  # passed through
            raise SystemError("killed here")

        patch.setattr(SourceStore, "intend", crash)
        await case.go()
    assert await case.here() == []
    assert case.source.trouble is Trouble.INTERNAL
    case.restart()
    case.now += 2_000
    await case.go()
    assert await case.here() == [b"Subject: a\r\n\r\n"]


@in_loop
async def test_mail_with_new_ids_does_not_come_again(case: Case) -> None:
    case.add()
    case.far.mails = {"7.1": b"Subject: a\r\n\r\n", "7.2": b"Subject: b\r\n\r\n"}
    await case.go()
    case.far.mails = {"8.1": b"Subject: a\r\n\r\n", "8.2": b"Subject: b\r\n\r\n", "8.3": b"Subject: new\r\n\r\n"}
    case.now += 2_000
    await case.go()
    assert len(await case.here()) == 3


@in_loop
async def test_deletes_there_after_the_days_and_only_what_is_here(case: Case) -> None:
    case.add(delete_after=3)
    case.far.mails = {"1": b"Subject: a\r\n\r\n", "big": b"x" * 3_000}
    await case.go()
    case.now += 2 * DAY
    case.far.mails["2"] = b"Subject: b\r\n\r\n"
    await case.go()
    assert set(case.far.mails) == {"1", "2", "big"}
    case.now += DAY
    await case.go()
    assert set(case.far.mails) == {"2", "big"}
    assert len(await case.here()) == 2
    assert case.source.too_big == 1


@in_loop
async def test_a_server_that_lies_about_the_size_is_cut_short(case: Case) -> None:
    case.add(delete_after=0)
    case.far.lie = 10
    case.far.mails = {"1": b"x" * 5_000}
    await case.go()
    assert await case.here() == []
    assert case.source.trouble is Trouble.PROTOCOL
    case.now += 2_000
    await case.go()
    assert (case.source.trouble, case.source.too_big) == (None, 1)
    assert "1" in case.far.mails
    assert case.far.fetched == ["1"], "it is not fetched again and again"


@in_loop
async def test_failures_are_shown_and_visits_become_rare(case: Case) -> None:
    case.add()
    case.far.trouble = Trouble.LOGIN
    waits = []
    for _ in range(9):
        await case.go()
        waits.append(case.source.due - case.now)
        case.now = case.source.due
    assert case.source.trouble is Trouble.LOGIN
    assert case.source.detail == "no"
    assert case.source.failures == 9
    assert 200 < waits[0] < 400
    assert waits[3] > 4 * waits[0]
    assert max(waits) <= 21_600 * 1.2
    case.far.trouble = None
    await case.go()
    assert (case.source.failures, case.source.trouble) == (0, None)


@in_loop
async def test_a_full_account_stops_and_goes_on_later(case: Case) -> None:
    case.add()
    case.far.mails = {str(number): b"Subject: %d\r\n\r\n" % number for number in range(4)}
    limits = case.account.limits
    case.world.change("alice", limits=dataclasses.replace(limits, messages=2))
    await case.go()
    assert case.source.trouble is Trouble.QUOTA
    assert len(await case.here()) == 2
    case.world.change("alice", limits=limits)
    case.now += 2_000
    await case.go()
    assert await case.here() == list(case.far.mails.values())


@in_loop
async def test_a_missing_mailbox_is_made(case: Case) -> None:
    case.add(mailbox="Old provider")
    case.far.mails = {"1": b"Subject: a\r\n\r\n"}
    await case.go()
    assert await case.here("Old provider") == [b"Subject: a\r\n\r\n"]
    assert await case.here(INBOX) == []


@in_loop
async def test_never_two_visits_of_one_source(case: Case) -> None:
    source = case.add()
    case.far.mails = {"1": b"Subject: a\r\n\r\n"}
    case.far.gate = asyncio.Event()
    (visit,) = await case.collector.look()
    await asyncio.sleep(0.05)
    assert await case.collector.look() == [visit]
    other = Collector(case.data, case.settings, case.world.directory, case.world.mail)
    with pytest.raises(Busy):
        await other.visit(source)
    other.store.close()
    case.far.gate.set()
    await visit
    assert len(await case.here()) == 1


@in_loop
async def test_the_account_decides(case: Case) -> None:
    case.add()
    case.far.mails = {"1": b"Subject: a\r\n\r\n"}
    case.world.change("alice", state=AccountState.SUSPENDED)
    await case.go()
    assert case.far.fetched == []
    assert case.source.trouble is Trouble.ACCOUNT
    del case.world.directory.accounts["alice@demo.test"]
    case.now = case.source.due
    await case.go()
    assert case.store.sources() == [], "nothing is left of an account that is gone"


def test_passwords_are_not_readable_without_the_key(case: Case) -> None:
    source = case.add()
    assert case.store.password(source) == PASSWORD
    folder = case.data / "collection"
    assert (folder / "key").stat().st_mode & 0o777 == 0o600
    case.store.close()
    assert all(PASSWORD.encode() not in path.read_bytes() for path in folder.iterdir() if path.is_file())
    (folder / "key").write_bytes(bytes(32))
    with pytest.raises(CollectFailed) as failed:
        case.store.password(source)
    assert failed.value.trouble is Trouble.KEY


def test_an_account_may_have_so_many(case: Case) -> None:
    source = case.add()
    with pytest.raises(Refused) as refused:
        case.store.add(source, PASSWORD, 1)
    assert refused.value.reason is Reason.LIMIT
