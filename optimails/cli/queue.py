"""``optimails queue``: mail on its way to other servers."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from optimails.cli import frame
from optimails.cli.app import App, become_owner
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import argument, option
from optimails.cli.output import print_json, size
from optimails.cli.values import Moment

if TYPE_CHECKING:
    from optimails.queue.control import Choice
    from optimails.queue.store import Queue

_T = TypeVar("_T")
queue = frame.group("queue")
_STATES = ("queued", "scheduled", "deferred", "held", "delivered", "failed")
_ORIGINS = ("submission", "relay", "forward", "notice", "calendar")


def _account(ctx: click.Context, _: click.Parameter, address: str | None) -> str | None:
    """The id of the account, which may be closed by now."""
    return None if address is None else str(ctx.find_object(App).admin.account_get(address).id)  # type: ignore[union-attr]  # every command has one


def _seconds(_: click.Context, __: click.Parameter, when: datetime | None) -> float | None:
    return None if when is None else when.timestamp()


def _chosen(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which messages are meant."""
    for decorate in (
        option("--destination", metavar="DOMAIN", text_key="queue_destination"),
        option("--sender", metavar="ADDRESS", text_key="queue_sender"),
        option("--account", metavar="ADDRESS", callback=_account, text_key="queue_account"),
        option("--all", "everything", is_flag=True, text_key="queue_all"),
        argument("messages", metavar="[MESSAGE]...", nargs=-1, text_key="queue_messages"),
    ):
        function = decorate(function)
    return function


def _choice(
    messages: tuple[str, ...], destination: str | None, sender: str | None, account: str | None, everything: bool
) -> "Choice":
    """What is meant; nothing said is a mistake, for what comes next may not be taken back."""
    from optimails.queue.control import Choice  # noqa: PLC0415 - when needed

    if not (messages or destination or sender or account or everything):
        raise CommandFailed("cli.error.queue_choice")
    return Choice(messages, destination.lower() if destination else None, sender, account=account)


@contextmanager
def opened_queue(app: App) -> "Iterator[Queue]":
    """The queue; what is put into it wakes the running service."""
    from optimails.events.api import QUEUE_NEWS, Kind  # noqa: PLC0415 - when needed
    from optimails.events.datagram import DatagramBus  # noqa: PLC0415 - when needed
    from optimails.queue.store import Queue  # noqa: PLC0415 - when needed

    config = app.config
    become_owner(config.server.data)
    bus = DatagramBus(config.server.data / "run" / "events")

    def wake() -> None:
        bus.publish_account(QUEUE_NEWS, Kind.QUEUE)

    try:
        with closing(Queue(config.server.data, config.queue, config.relay, wake=wake)) as opened:
            yield opened
    finally:
        bus.close()


def _with_queue(app: App, work: "Callable[[Queue], Awaitable[_T]]") -> _T:
    """Open the queue, do something, tell the running service when there may be something to do."""

    async def run() -> _T:
        with opened_queue(app) as opened:
            return await work(opened)

    return asyncio.run(run())


def _filtered(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which recipients are looked at."""
    for decorate in (
        option("--state", "states", multiple=True, type=click.Choice(_STATES), text_key="queue_state"),
        option("--before", "until", type=Moment(), metavar="TIME", callback=_seconds, text_key="queue_before"),
        option("--after", "since", type=Moment(), metavar="TIME", callback=_seconds, text_key="queue_after"),
        option("--origin", type=click.Choice(_ORIGINS), text_key="queue_origin"),
        option("--account", metavar="ADDRESS", callback=_account, text_key="queue_account"),
        option("--recipient", metavar="ADDRESS", text_key="queue_recipient"),
        option("--sender", metavar="ADDRESS", text_key="queue_sender"),
        option("--destination", metavar="DOMAIN", text_key="queue_destination"),
    ):
        function = decorate(function)
    return function


def _filter(destination: str | None, origin: str | None, **more: Any) -> "Choice":
    from optimails.queue.api import Origin  # noqa: PLC0415 - when needed
    from optimails.queue.control import Choice  # noqa: PLC0415 - when needed

    return Choice(
        destination=destination.lower() if destination else None, origin=Origin(origin) if origin else None, **more
    )


@frame.command(queue, "list")
@_filtered
@option("--limit", type=click.IntRange(1), default=100, show_default=True, text_key="queue_limit")
@click.pass_obj
def list_(app: App, /, **filters: Any) -> None:
    """One line for each recipient; the oldest first."""
    choice = _filter(**filters)
    found = _with_queue(app, lambda opened: opened.find(choice))
    rows = [
        {"message": message.id, "arrived": message.arrived, "sender": message.sender or "<>", "size": message.size,
         **asdict(recipient)}
        for message in found
        for recipient in message.recipients
    ]  # fmt: skip
    columns = ("message", "arrived", "sender", "address", "state", "attempts", "next_attempt", "reply")
    app.rows(columns, rows, {**_shown(app), "reply": lambda text: str(text)[:60]})


@frame.command(queue, "count")
@_filtered
@click.pass_obj
def count(app: App, /, **filters: Any) -> None:
    """What ``list`` would show without its limit, in numbers."""
    choice = _filter(**filters)
    app.record(asdict(_with_queue(app, lambda opened: opened.count(choice))), {"bytes": size})


@frame.command(queue, "show")
@argument("message", metavar="MESSAGE", text_key="queue_message")
@click.pass_obj
def show(app: App, message: str) -> None:
    """Also of what was delivered or failed, as long as it is remembered."""
    from optimails.queue.control import Choice  # noqa: PLC0415 - when needed

    found = _with_queue(app, lambda opened: opened.find(Choice((message,), finished=True)))
    if not found:
        raise CommandFailed("cli.error.queue_unknown", message=message)
    record = asdict(found[0])
    if app.json:
        print_json(record)
        return
    recipients = record.pop("recipients")
    app.record(record, {"size": size, "arrived": lambda when: app.shown(int(when))})
    click.echo()
    columns = ("address", "state", "attempts", "next_attempt", "expires", "status", "remote", "reply")
    app.rows(columns, list(recipients), _shown(app))


def _shown(app: App) -> dict[str, Callable[[Any], object]]:
    def moment(when: float | None) -> str:
        return app.shown(None if when is None else int(when))

    return {"arrived": moment, "next_attempt": moment, "expires": moment, "state": app.state, "size": size}


@frame.command(queue, "hold")
@_chosen
@click.pass_obj
def hold(app: App, /, **chosen: Any) -> None:
    """Neither tried nor given up until it is released."""
    choice = _choice(**chosen)
    app.done("cli.queue.held", count=_with_queue(app, lambda opened: opened.hold(choice)))


@frame.command(queue, "release")
@_chosen
@click.pass_obj
def release(app: App, /, **chosen: Any) -> None:
    """Tried at once."""
    choice = _choice(**chosen)
    app.done("cli.queue.released", count=_with_queue(app, lambda opened: opened.release(choice)))


@frame.command(queue, "requeue")
@_chosen
@click.pass_obj
def requeue(app: App, /, **chosen: Any) -> None:
    """As if it had just come in."""
    choice = _choice(**chosen)
    app.done("cli.queue.requeued", count=_with_queue(app, lambda opened: opened.requeue(choice)))


@frame.command(queue, "flush")
@_chosen
@click.pass_obj
def flush(app: App, /, **chosen: Any) -> None:
    """Tries now what waits for its next attempt; destinations at rest are tried as well."""
    choice = _choice(**chosen)
    app.done("cli.queue.flushed", count=_with_queue(app, lambda opened: opened.flush(choice)))


@frame.command(queue, "delete")
@_chosen
@click.pass_obj
def delete(app: App, /, **chosen: Any) -> None:
    """For good; the sender is not told."""
    choice = _choice(**chosen)
    app.done("cli.queue.deleted", count=_with_queue(app, lambda opened: opened.delete(choice)))


@frame.command(queue, "stats")
@option("--top", type=click.IntRange(1), default=20, show_default=True, text_key="queue_top")
@click.pass_obj
def stats(app: App, top: int) -> None:
    """Numbers of recipients, and the destinations that most wait for."""
    numbers = asdict(_with_queue(app, lambda opened: opened.stats(top)))
    if app.json:
        print_json(numbers)
        return
    destinations = numbers.pop("destinations")
    states = numbers.pop("states")
    oldest = numbers.pop("oldest")
    app.record(
        {**states, **numbers, "oldest": oldest},
        {"bytes": size, "oldest": lambda when: app.shown(None if when is None else int(when))},
    )
    if destinations:
        click.echo()
        show_rest = {"resting_until": lambda when: app.shown(None if when is None else int(when))}
        app.rows(("name", "waiting", "failures", "resting_until"), list(destinations), show_rest)
