"""Members leave by one click (RFC 8058), and a list's owners are found where mail programs and people look for them."""

import re
from pathlib import Path
from typing import Any

import pytest

from optimails.delivery.api import Delivered
from optimails.delivery.lists.posting import LARGE
from optimails.directory.admin import members
from optimails.dkim.keys import KeyStore
from optimails.model.address import EmailAddress
from tests.support.in_loop import in_loop
from tests.support.lists import POST, ListWorld, list_world
from tests.unit.lists.test_posting import header
from webmail.leaving import LeavePages

WEB = {"web": {"host": "web.here.test", "port": 443}}
CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
MAILTO = b"<mailto:team%2Bleave@here.test?subject=unsubscribe>"


async def ask(world: ListWorld, link: str, body: bytes | None = None, language: str = "en") -> tuple[int, str]:
    """GET, or POST with a body: status and page."""
    pages = LeavePages(world.lists, world.directory, world.addresses)
    sent: list[Any] = []
    path = link.removeprefix("https://web.here.test")
    scope = {"type": "http", "method": "GET" if body is None else "POST", "path": path, "query_string": b"",
             "headers": [(b"accept-language", language.encode())], "server": ("h", 443), "scheme": "https"}  # fmt: skip
    assert pages.covers(scope)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await pages(scope, receive, send)
    await world.run()
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent[1:]).decode()


def link_in(message: bytes) -> str:
    assert header(message, "List-Unsubscribe-Post") == CLICK
    found = re.fullmatch(rb"<(https://[^>]+)>, (.*)", header(message, "List-Unsubscribe"))
    assert found is not None
    assert found[2] == MAILTO
    return found[1].decode()


def names(world: ListWorld) -> list[str]:
    return [one.address for one in world.admin.member_list("team@here.test")]


@pytest.mark.parametrize("body", [CLICK, MULTIPART])
@in_loop
async def test_one_click_is_enough_and_looking_is_none(tmp_path: Path, body: bytes) -> None:
    async with list_world(tmp_path, **WEB) as world:
        KeyStore(tmp_path / "dkim").make("here.test")
        world.admin.list_add("team@here.test", name="The <Team>", leave=True)
        world.admin.member_add("team@here.test", ["ann@here.test", "bob@here.test", "x@far.test"])
        await world.post()
        (bobs,), (sent,) = await world.inbox("bob@here.test"), await world.outside()
        hers, link = link_in(sent.content), link_in(bobs)
        assert hers != link
        signed = re.sub(rb"\s", b"", header(sent.content, "DKIM-Signature")).lower()
        assert b":list-unsubscribe:" in signed
        assert b":list-unsubscribe-post" in signed, "RFC 8058 §4"
        status, page = await ask(world, link, language="fr")
        assert (status, "The &lt;Team&gt;" in page, 'lang="fr"' in page) == (200, True, True)
        assert (await ask(world, link, b"something else"))[0] == 400
        assert "bob@here.test" in names(world)
        for _ in range(2):
            assert (await ask(world, link, body))[0] == 200
        assert names(world) == ["ann@here.test", "x@far.test"]
        assert b"You have left" in (await world.inbox("bob@here.test"))[-1]
        assert (await ask(world, hers, body))[0] == 200
        assert names(world) == ["ann@here.test"]


@in_loop
async def test_links_that_are_not_ours_and_lists_that_nobody_leaves(tmp_path: Path) -> None:
    async with list_world(tmp_path, **WEB) as world:
        world.admin.list_add("team@here.test", leave=True)
        world.admin.list_add("other@here.test", leave=True)
        world.admin.member_add("team@here.test", ["bob@here.test"])
        await world.post(login="ann@here.test")
        world.admin.list_set("team@here.test", posting="anyone")
        await world.post()
        link = link_in((await world.inbox("bob@here.test"))[0])
        place, tag = link.rsplit("/", 1)
        of = await world.directory.mailing_list(EmailAddress.parse("team@here.test"))
        assert of is not None
        bounces = world.addresses.bounces(of, 1).tag
        for wrong in (f"{place}/{tag[:-1]}{'b' if tag[-1] == 'a' else 'a'}", f"{place}/", f"{place}/{bounces}",
                      link.replace("team@", "other@"), link.replace("team@", "nobody@"),
                      link.replace("team@here.test", "%"), f"{place}/leave"):  # fmt: skip
            assert (await ask(world, wrong, CLICK))[0] == 404
        world.admin.list_set("team@here.test", leave=False)
        assert (await ask(world, link, CLICK))[0] == 410
        assert names(world) == ["bob@here.test"]


@in_loop
async def test_only_who_is_a_member_by_his_own_address_has_a_link(tmp_path: Path) -> None:
    async with list_world(tmp_path, **WEB) as world:
        world.admin.alias_add("sales@here.test", ["carol@here.test"])
        world.admin.list_add("team@here.test", posting="anyone", leave=True)
        world.admin.member_add("team@here.test", ["sales@here.test", "bob@here.test"])
        await world.post()
        (carols,) = await world.inbox("carol@here.test")
        assert (header(carols, "List-Unsubscribe"), header(carols, "List-Unsubscribe-Post")) == (MAILTO, b"")
        await world.post(content=POST + b"x" * 70 + b"\r\n" + b"y" * LARGE)
        small, large = await world.inbox("bob@here.test")
        assert link_in(small)
        assert header(large, "List-Unsubscribe") == MAILTO


@in_loop
async def test_owners_are_behind_the_names_that_everybody_knows(tmp_path: Path) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", owners=["carol@here.test"], posting="owners")
        world.admin.list_add("bare@here.test")
        world.admin.alias_add("postmaster@here.test", ["ann@here.test"])
        for to in ("team-owner@here.test", "Team-Request@here.test", "team-owner+x@here.test"):
            assert await world.post(to, sender="x@far.test", login=None) == Delivered()
        assert len(await world.inbox("carol@here.test")) == 3
        assert await world.post("bare-owner@here.test", sender="x@far.test", login=None) == Delivered()
        assert len(await world.inbox("ann@here.test")) == 1
        world.admin.alias_add("team-owner@here.test", ["bob@here.test"])  # who has the name, has the mail
        assert await world.post("team-owner@here.test", sender="x@far.test", login=None) == Delivered()
        assert len(await world.inbox("bob@here.test")) == 1
        for nobody in ("ann-owner@here.test", "-owner@here.test", "nolist-request@here.test"):
            assert await world.post(nobody, sender="x@far.test", login=None) != Delivered()


@in_loop
async def test_a_bounce_is_counted_and_suspends_together_or_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with list_world(tmp_path) as world:
        world.admin.list_add("team@here.test", bounces=1)
        (row,) = world.admin.member_add("team@here.test", ["bob@here.test"])
        with monkeypatch.context() as broken:

            def fails(*_: object) -> None:
                raise MemoryError

            broken.setattr(members, "_suspend", fails)
            with pytest.raises(MemoryError):
                world.admin.member_bounced(row.id, "5.1.1")
        (row,) = world.admin.member_list("team@here.test")
        assert (row.bounces, row.suspended) == (0, None)
        found = world.admin.member_bounced(row.id, "5.1.1")
        assert found is not None
        assert found.suspended
        (row,) = world.admin.member_list("team@here.test")
        assert (row.bounces, row.suspended) == (1, "bounces")
