"""``optimails list held``, ``approve``, ``reject``: posts that wait for a moderator."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import click

from optimails.cli import frame
from optimails.cli.app import App, become_owner
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import Group, argument, option
from optimails.cli.output import print_json, size

if TYPE_CHECKING:
    from optimails.lists.api import Post
    from optimails.lists.store import ListStore

_T = TypeVar("_T")
MAX_SHOWN = 65_536  # bytes of a post


def _with_store(app: App, work: "Callable[[ListStore], Awaitable[_T]]") -> _T:
    """Open the store, do something, tell the running service when there may be something to do."""
    from optimails.events.api import QUEUE_NEWS, Kind  # noqa: PLC0415 - when needed
    from optimails.events.datagram import DatagramBus  # noqa: PLC0415 - when needed
    from optimails.lists.store import ListStore  # noqa: PLC0415 - when needed

    data = app.config.server.data
    become_owner(data)
    bus = DatagramBus(data / "run" / "events")

    def wake() -> None:
        bus.publish_account(QUEUE_NEWS, Kind.QUEUE)

    async def run() -> _T:
        with closing(ListStore(data, wake=wake)) as store:
            return await work(store)

    try:
        return asyncio.run(run())
    finally:
        bus.close()


async def _held(store: "ListStore", post: str) -> "Post":
    from optimails.lists.api import State  # noqa: PLC0415 - when needed

    found = await store.get(post)
    if found is None or found.state is not State.HELD:
        raise CommandFailed("cli.error.post_not_held", post=post)
    return found


def add_commands(parent: Group) -> None:
    """Into the group ``list``."""

    @frame.command(parent, "held")
    @argument("post", metavar="[POST]", required=False, text_key="list_post_or_all")
    @option("--list", "mailing_list", metavar="LIST", text_key="list_only")
    @click.pass_obj
    def held(app: App, post: str | None, mailing_list: str | None) -> None:
        """With POST that one, with its header and the beginning of its text."""
        if post is not None:
            _show(app, post)
        else:
            _list(app, mailing_list)

    @frame.command(parent, "approve")
    @argument("posts", metavar="POST...", nargs=-1, required=True, text_key="list_posts")
    @click.pass_obj
    def approve(app: App, posts: tuple[str, ...]) -> None:
        """It goes to the members now."""
        _decide(app, posts, lambda store, post: store.approve(post))
        app.done("cli.list.approved", {"approved": list(posts)}, count=len(posts))

    @frame.command(parent, "reject")
    @argument("posts", metavar="POST...", nargs=-1, required=True, text_key="list_posts")
    @option("--reason", metavar="TEXT", default="", text_key="list_reject_reason")
    @click.pass_obj
    def reject(app: App, posts: tuple[str, ...], reason: str) -> None:
        """Who posted with an account of ours is told; nobody else, for nobody knows whether they did."""
        _decide(app, posts, lambda store, post: store.reject(post, reason))
        app.done("cli.list.rejected", {"rejected": list(posts)}, count=len(posts))


def _decide(app: App, posts: tuple[str, ...], decide: "Callable[[ListStore, str], Awaitable[bool]]") -> None:
    """All of them, or none."""

    async def work(store: "ListStore") -> None:
        for post in posts:
            await _held(store, post)
        for post in posts:
            await decide(store, post)

    _with_store(app, work)


def _list(app: App, mailing_list: str | None) -> None:
    key = app.admin.list_get(mailing_list).settings.key if mailing_list else None
    rows = [asdict(one) for one in _with_store(app, lambda store: store.held(key))]
    shown = {"arrived": _moment(app), "expires": _moment(app), "size": size}
    app.rows(("id", "mailing_list", "author", "subject", "size", "arrived", "expires"), rows, shown)


def _show(app: App, post: str) -> None:
    async def work(store: "ListStore") -> "tuple[Post, bytes]":
        found = await _held(store, post)
        return found, store.contents.beginning(post, MAX_SHOWN)

    found, content = _with_store(app, work)
    text = content.decode("utf-8", "replace").replace("\r\n", "\n")
    row = asdict(found)
    if app.json:
        print_json({**row, "content": text})
        return
    app.record(row, {"arrived": _moment(app), "expires": _moment(app), "size": size, "told": app.yes_no,
                     "state": app.state})  # fmt: skip
    click.echo()
    click.echo("".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text))


def _moment(app: App) -> Callable[[float | None], str]:
    return lambda when: app.shown(None if when is None else int(when))
