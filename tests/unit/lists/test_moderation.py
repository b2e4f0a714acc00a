"""Held posts wait for a moderator, who decides by mail or by command; members leave; who bounces gets no more."""

import re
import time
from pathlib import Path

import pytest

from optimails.audit import AuditLog
from optimails.delivery import failures
from optimails.delivery.api import Delivered
from optimails.lists.api import State
from optimails.model.address import EmailAddress
from optimails.model.mailing_list import Role
from tests.support.in_loop import in_loop
from tests.support.lists import POST, ListWorld, list_world

_DAY = 86_400
STRANGE = POST.replace(b"Ann <ann@here.test>", "Zoé <zoe@far.test>".encode()).replace(b"Today?", b"Buy this")


def moderated(world: ListWorld) -> None:
    world.admin.list_add("team@here.test", name="Team", posting="members", others="hold", owners=["carol@here.test"])
    world.admin.list_people_add("team@here.test", Role.MODERATOR, ["ann@here.test", "mod@far.test"])
    world.admin.member_add("team@here.test", ["bob@here.test"])


def answer(letter: bytes) -> str:
    found = re.search(rb"^Reply-To: <(.*)>\r$", letter, re.MULTILINE)
    assert found
    return found[1].decode()


def other(letter: bytes) -> str:
    found = re.search(rb"team\+no-[0-9a-z-]+@here\.test", letter)
    assert found
    return found[0].decode()


@in_loop
async def test_a_moderator_approves_by_mail(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        moderated(world)
        assert await world.post(content=STRANGE, sender="zoe@far.test", login=None) == Delivered()
        assert await world.inbox("bob@here.test") == []
        (letter,) = await world.inbox("ann@here.test")
        assert b"Buy this" in letter
        assert b"Return-Path: <>" in letter
        (sent,) = await world.outside()
        assert (sent.sender, sent.recipients) == ("", ["mod@far.test"])
        assert answer(sent.content) != answer(letter)  # each moderator's own
        assert await world.post(answer(letter), b"Subject: Re: x\r\n\r\nyes\r\n") == Delivered()
        (got,) = await world.inbox("bob@here.test")
        assert got.endswith(b"Buy this\r\n")
        # It is decided: the other one comes too late, and a second yes changes nothing.
        assert await world.post(other(sent.content), sender="mod@far.test", login=None) == Delivered()
        assert await world.post(answer(letter)) == Delivered()
        assert len(await world.inbox("bob@here.test")) == 1
        (noted,) = [one for one in AuditLog(tmp_path).entries() if one.act == "list approve"]
        assert (noted.actor, noted.subject) == ("ann@here.test", "team@here.test")


@pytest.mark.parametrize("auto", [b"Auto-Submitted: auto-replied\r\n", b"Precedence: bulk\r\n"])
@in_loop
async def test_no_machine_decides(tmp_path: Path, auto: bytes) -> None:
    async with list_world(tmp_path) as world:
        moderated(world)
        await world.post(content=STRANGE, sender="zoe@far.test", login=None)
        (letter,) = await world.inbox("ann@here.test")
        await world.post(answer(letter), auto + b"Subject: I am away\r\n\r\nback soon\r\n")
        await world.post(answer(letter), b"Subject: Undelivered\r\n\r\nno\r\n", sender=None, login=None)
        assert await world.inbox("bob@here.test") == []
        assert len(await world.lists.held()) == 1


@in_loop
async def test_forged_decisions_are_unknown_users(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        moderated(world)
        await world.post(content=STRANGE, sender="zoe@far.test", login=None)
        (letter,) = await world.inbox("ann@here.test")
        good = answer(letter)
        forged = good.replace(good[-20:-10], "aaaaaaaaaa")
        assert await world.post(forged, login=None, sender="zoe@far.test") == failures.UNKNOWN
        world.admin.list_people_remove("team@here.test", Role.MODERATOR, ["ann@here.test"])
        assert await world.post(good) == failures.UNKNOWN  # a moderator no longer
        assert len(await world.lists.held()) == 1


@in_loop
async def test_rejected_and_expired_posts_are_told_to_who_logged_in(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        moderated(world)
        await world.post(sender="dora@there.test", login="dora@there.test")
        world.clock.now += 1
        await world.post(content=STRANGE, sender="zoe@far.test", login=None)
        first, second = await world.lists.held()
        assert (first.state, first.subject) == (State.HELD, "Lunch")
        assert len(await world.inbox("dora@there.test")) == 1  # it waits
        assert await world.lists.reject(first.id, "not here")
        await world.run()
        assert b"not here" in (await world.inbox("dora@there.test"))[1]
        before = len(await world.outside())
        world.clock.now += 15 * _DAY
        await world.run()
        assert await world.lists.get(second.id) is None
        told = (await world.outside())[before:]
        assert all(one.recipients == ["mod@far.test"] for one in told)  # nobody writes to a stranger


def report(status: str = "5.1.1", action: str = "failed", recipient: str = "x@far.test") -> bytes:
    return (
        "From: mailer@far.test\r\nSubject: Undelivered\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\n\r\nSorry\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; far.test\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n"
        "Diagnostic-Code: smtp; 550 No such user\r\n\r\n--b--\r\n"
    ).encode()


@in_loop
async def test_who_bounces_on_several_days_gets_no_more(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", owners=["carol@here.test"], bounces=2, posting="domain")
        world.admin.member_add("team@here.test", ["x@far.test", "bob@here.test"])
        await world.post()
        (sent,) = await world.outside()
        for action in ("delayed", "failed", "failed"):
            await world.post(sent.sender, report(action=action), sender=None, login=None)
        rows = {one.address: one for one in world.admin.member_list("team@here.test")}
        assert rows["x@far.test"].bounces == 1  # a day counts once
        assert not rows["x@far.test"].suspended
        with pytest.MonkeyPatch.context() as patch:
            later = time.time() + 2 * _DAY
            patch.setattr("time.time", lambda: later)
            await world.post(sent.sender, report(), sender=None, login=None)
        rows = {one.address: one for one in world.admin.member_list("team@here.test")}
        assert rows["x@far.test"].suspended
        (told,) = await world.inbox("carol@here.test")
        assert b"x@far.test" in told
        await world.post()
        assert len(await world.inbox("bob@here.test")) == 2
        assert len(await world.outside()) == 1
        world.admin.member_resume("team@here.test", ["x@far.test"])
        await world.post()
        assert len(await world.outside()) == 2


@in_loop
async def test_a_forged_bounce_is_an_unknown_user(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test")
        world.admin.member_add("team@here.test", ["x@far.test"])
        assert await world.post("team+b-1-aaaaaaaaaa@here.test", report(), sender=None, login=None) == failures.UNKNOWN


@in_loop
async def test_members_leave_by_themselves(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", leave=True)
        world.admin.member_add("team@here.test", ["ann@here.test", "bob@here.test", "x@far.test"])
        await world.post("team+leave@here.test")  # logged in: at once
        await world.post("team+leave@here.test", sender="x@far.test", login=None)  # is asked first
        await world.post("team+leave@here.test", sender="who@far.test", login=None)  # no member: no answer
        left = [one.address for one in world.admin.member_list("team@here.test")]
        assert left == ["bob@here.test", "x@far.test"]
        (asked,) = await world.outside()
        assert asked.recipients == ["x@far.test"]
        await world.post(answer(asked.content), sender="x@far.test", login=None)
        assert [one.address for one in world.admin.member_list("team@here.test")] == ["bob@here.test"]


@in_loop
async def test_owners_write_in_the_lists_name(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", owners=["carol@here.test"])
        address = EmailAddress.parse("team@here.test")
        for who, may in (("carol@here.test", True), ("bob@here.test", False)):
            assert await world.directory.may_send_as(await world.account(who), address) is may


@in_loop
async def test_a_list_that_is_gone_gives_its_posts_up(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        moderated(world)
        await world.post(content=STRANGE, sender="zoe@far.test", login=None)
        (letter,) = await world.inbox("ann@here.test")
        world.admin.list_remove("team@here.test")
        assert await world.post(answer(letter)) == failures.UNKNOWN
        world.clock.now += 15 * _DAY
        await world.run()
        assert await world.lists.held() == []
