"""A post to a list reaches every member once, and nobody else; who may not post hears so."""

import re
from pathlib import Path

import pytest

from optimails.authentication.results import Arc, Authentication, Dkim, Dmarc, Policy, Result, Spf
from optimails.delivery import failures
from optimails.delivery.api import Delivered
from optimails.model.errors import Unavailable
from optimails.model.mailing_list import Role
from tests.support.in_loop import in_loop
from tests.support.lists import POST, list_world

BOUNCES = re.compile(r"team\+b-[0-9a-z]+-[a-z2-7]{10}@here\.test")


def header(message: bytes, name: str) -> bytes:
    found = re.search(rb"^%b:[ ]*((?:[^\r\n]|\r\n[ \t])*)" % name.encode(), message, re.MULTILINE | re.IGNORECASE)
    return re.sub(rb"\r\n[ \t]", b" ", found[1]).strip() if found else b""


@in_loop
async def test_every_member_gets_it_once(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.alias_add("sales@here.test", ["bob@here.test", "carol@here.test"])
        world.admin.list_add("inner@here.test")
        world.admin.member_add("inner@here.test", ["carol@here.test", "dora@there.test", "team@here.test"])
        world.admin.list_add("team@here.test", name="The Team")
        members = ["ann@here.test", "sales@here.test", "inner@here.test", "x@far.test", "y@far.test"]
        world.admin.member_add("team@here.test", members)
        assert await world.post() == Delivered()
        for who in ("ann@here.test", "bob@here.test", "carol@here.test", "dora@there.test"):
            (got,) = await world.inbox(who)
            assert header(got, "List-Id") == b'"The Team" <team.here.test>'
            assert header(got, "List-Post") == b"<mailto:team@here.test>"
            assert BOUNCES.fullmatch(header(got, "Return-Path").decode().strip("<>"))
            assert got.endswith(b"\r\n\r\nToday?\r\n")
        sent = await world.outside()
        assert sorted(one.recipients for one in sent) == [["x@far.test"], ["y@far.test"]]
        assert len({one.sender for one in sent}) == 2  # a bounce tells which member it is of
        assert await world.lists.get("anything") is None
        assert not list((tmp_path / "lists" / "spool").rglob("*")) or all(
            path.is_dir() for path in (tmp_path / "lists" / "spool").rglob("*")
        )


@in_loop
async def test_large_posts_go_out_in_one_piece(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test")
        world.admin.member_add("team@here.test", ["ann@here.test", "x@far.test", "y@far.test"])
        await world.post(content=POST + b"long line\r\n" * 10_000)
        (sent,) = await world.outside()
        assert sent.recipients == ["x@far.test", "y@far.test"]
        assert BOUNCES.fullmatch(sent.sender)


@pytest.mark.parametrize(
    ("posting", "login", "sender", "allowed"),
    [
        ("anyone", None, "who@far.test", True),
        ("domain", "bob@here.test", "bob@here.test", True),
        ("domain", "eve@there.test", "eve@there.test", False),
        ("domain", None, "bob@here.test", False),  # without a log-in anybody can say so
        ("members", "ann@here.test", "ann@here.test", True),
        ("members", "bob@here.test", "bob@here.test", False),
        ("members", None, "x@far.test", True),
        ("members", None, "ann@here.test", False),
        ("senders", "bob@here.test", "bob@here.test", False),
        ("senders", None, "news@far.test", True),
        ("senders", "carol@here.test", "carol@here.test", True),  # a moderator
        ("owners", None, "news@far.test", False),
        ("owners", "dora@there.test", "dora@there.test", True),
    ],
)
@in_loop
async def test_who_may_post(tmp_path: Path, posting: str, login: str | None, sender: str, *, allowed: bool) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", owners=["dora@there.test"], posting=posting)
        world.admin.member_add("team@here.test", ["ann@here.test", "x@far.test"])
        world.admin.list_people_add("team@here.test", Role.MODERATOR, ["carol@here.test"])
        world.admin.list_people_add("team@here.test", Role.SENDER, ["news@far.test"])
        outcome = await world.post(sender=sender, login=login)
        assert outcome == (Delivered() if allowed else failures.NOT_YOUR_LIST)
        assert len(await world.inbox("ann@here.test")) == allowed


def seen(spf: Result = Result.NONE, dkim: str = "", wish: Policy = Policy.NONE) -> Authentication:
    return Authentication(
        "192.0.2.1",
        (Spf(spf, "mailfrom", "far.test", "x@far.test"), Spf(Result.NONE, "helo", "h.test", "h.test")),
        (Dkim(Result.PASS, dkim),) if dkim else (),
        Dmarc(Result.FAIL if wish is not Policy.NONE else Result.NONE, "far.test", wish, wish),
        Arc(Result.NONE),
    )


@pytest.mark.parametrize(
    ("found", "allowed"),
    [
        (None, True),
        (seen(), True),
        (seen(Result.PASS), True),
        (seen(Result.SOFTFAIL), True),
        (seen(Result.FAIL), False),
        (seen(Result.FAIL, dkim="far.test"), True),
        (seen(Result.FAIL, dkim="other.test"), False),
        (seen(wish=Policy.REJECT), False),
    ],
)
@in_loop
async def test_strangers_who_are_not_who_they_say_are_nobody(
    tmp_path: Path, found: Authentication | None, *, allowed: bool
) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test")
        world.admin.member_add("team@here.test", ["ann@here.test", "x@far.test"])
        outcome = await world.post(sender="x@far.test", login=None, authentication=found)
        assert outcome == (Delivered() if allowed else failures.NOT_YOUR_LIST)


@in_loop
async def test_size_subject_and_answers(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add(
            "team@here.test", owners=["ann@here.test"], subject_tag="Team", reply_to="list", max_size=2_000, leave=True
        )
        world.admin.member_add("team@here.test", ["bob@here.test"])
        assert await world.post(content=POST + b"x" * 3_000) == failures.TOO_BIG_FOR_LIST
        for subject in (b"Lunch", b"Re: Lunch", b"[team] Lunch", "Déjeuner".encode()):
            await world.post(content=POST.replace(b"Lunch", subject))
        got = await world.inbox("bob@here.test")
        assert [header(one, "Subject") for one in got[:3]] == [b"[Team] Lunch", b"Re: [Team] Lunch", b"[team] Lunch"]
        assert header(got[3], "Subject").startswith(b"=?utf-8?")
        assert {header(one, "Reply-To") for one in got} == {b'"team" <team@here.test>'}
        assert header(got[0], "List-Unsubscribe") == b"<mailto:team%2Bleave@here.test?subject=unsubscribe>"


@in_loop
async def test_the_list_stands_in_from_where_the_author_may_not(tmp_path: Path) -> None:
    """The name server does not answer here: the author's domain may well forbid it."""
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", name="Team", posting="anyone")
        world.admin.member_add("team@here.test", ["bob@here.test"])
        strange = POST.replace(b"Ann <ann@here.test>", b"Xenia <x@far.test>")
        await world.post(content=strange, sender="x@far.test", login=None)
        await world.post()
        away, home = await world.inbox("bob@here.test")
        assert header(away, "From") == b'"Xenia (Team)" <team@here.test>'
        assert header(away, "Reply-To") == b"Xenia <x@far.test>"
        assert header(home, "From") == b"Ann <ann@here.test>"


@pytest.mark.parametrize(
    "field",
    [
        b"List-Id: <team.here.test>",
        b"X-Loop: team@here.test",
        b"Auto-Submitted: auto-replied",
        b"Content-Type: multipart/report; boundary=x",
    ],
)
@in_loop
async def test_what_is_no_post_goes_nowhere(tmp_path: Path, field: bytes) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", posting="anyone")
        world.admin.member_add("team@here.test", ["bob@here.test", "x@far.test"])
        assert await world.post(content=field + b"\r\n" + POST) == Delivered()
        assert await world.inbox("bob@here.test") == []
        assert await world.outside() == []


@in_loop
async def test_reports_to_the_list_itself_are_its_owners(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", owners=["carol@here.test"])
        world.admin.member_add("team@here.test", ["bob@here.test"])
        assert await world.post(sender=None, login=None) == Delivered()
        assert await world.post("team+owner@here.test", sender="x@far.test", login=None) == Delivered()
        assert len(await world.inbox("carol@here.test")) == 2
        assert await world.inbox("bob@here.test") == []


@in_loop
async def test_everybody_but_who_is_suspended(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("all@here.test", everyone=True, posting="domain")
        world.admin.member_add("all@here.test", ["bob@here.test", "x@far.test"])
        world.admin.member_suspend("all@here.test", ["bob@here.test"], "asked for it")
        await world.post("all@here.test")
        assert [len(await world.inbox(f"{who}@here.test")) for who in ("ann", "bob", "carol")] == [1, 0, 1]
        assert await world.inbox("dora@there.test") == []
        assert [one.recipients for one in await world.outside()] == [["x@far.test"]]


@in_loop
async def test_who_cannot_be_reached_now_gets_it_later_and_nobody_twice(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test")
        world.admin.member_add("team@here.test", ["ann@here.test", "bob@here.test"])
        world.admin.account_set("bob@here.test", storage=1)
        await world.post()
        assert [len(await world.inbox(f"{who}@here.test")) for who in ("ann", "bob")] == [1, 0]
        world.admin.account_set("bob@here.test", storage=1_000_000)
        world.clock.now += 3_600
        await world.run()
        assert [len(await world.inbox(f"{who}@here.test")) for who in ("ann", "bob")] == [1, 1]
        assert await world.lists.next_due() is None


@in_loop
async def test_a_post_that_could_not_be_given_back_is_not_forgotten(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test")
        world.admin.member_add("team@here.test", ["ann@here.test", "bob@here.test"])
        with pytest.MonkeyPatch.context() as full:
            for name in ("begin", "later"):

                async def no_room(*_: object) -> None:
                    raise Unavailable("no room")

                full.setattr(world.lists, name, no_room)
            await world.post(run=False)
            with pytest.raises(Unavailable):
                await world.run()
        await world.run()
        assert [len(await world.inbox(f"{who}@here.test")) for who in ("ann", "bob")] == [1, 1]


@in_loop
async def test_one_member_who_breaks_something_is_no_reason_to_serve_others_twice(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test")
        world.admin.member_add("team@here.test", ["ann@here.test", "bob@here.test"])
        outgoing = world.runner._posting._outgoing
        with pytest.MonkeyPatch.context() as broken:
            submit = outgoing.submit

            async def sometimes(sender, recipients, *more, **settings):
                if str(recipients[0]).startswith("bob"):
                    raise RuntimeError("a bug")
                return await submit(sender, recipients, *more, **settings)

            broken.setattr(outgoing, "submit", sometimes)
            await world.post()
        world.clock.now += 3_600
        await world.run()
        assert [len(await world.inbox(f"{who}@here.test")) for who in ("ann", "bob")] == [1, 1]
