"""The jobs worker runs the outbound queue."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from optimails.config import Config
from optimails.config.relay import RelaySettings
from optimails.events import Bus
from optimails.events.api import QUEUE_NEWS, Kind, Notice
from optimails.queue.api import Courier, Route, RouteTls
from optimails.queue.runner import Notices, Reported, Runner
from optimails.queue.store import Queue

if TYPE_CHECKING:
    from smtp.outbound.callout import Callout


def open_queue(config: Config, bus: Bus) -> Queue:
    """The queue of this data folder; what is put into it wakes the runner, in whichever process it is."""
    return Queue(config.server.data, config.queue, config.relay, wake=waker(bus))


def waker(bus: Bus) -> Callable[[], None]:
    """Tells the runner that there is something to do."""
    return lambda: bus.publish_account(QUEUE_NEWS, Kind.QUEUE)


class QueueJobs:
    """The runner, woken by the bus."""

    def __init__(  # noqa: PLR0913 - what it works with
        self, config: Config, bus: Bus, queue: Queue, courier: Courier, notices: Notices, *, reported: Reported
    ) -> None:
        """``reported`` hears of what senders are told."""
        self._bus = bus
        routes = routes_of(config)
        self._runner = Runner(queue, courier, notices, config.server.hostname, routes, reported=reported)

    async def run(self) -> None:
        """For ever; when cancelled it lets deliveries come to their end first."""
        subscription = self._bus.subscribe(None, None, self._noticed)
        try:
            await self._runner.run()
        finally:
            subscription.cancel()

    def _noticed(self, notice: Notice) -> None:
        if notice.kind is Kind.QUEUE:
            self._runner.wake()


def routes_of(config: Config) -> dict[str, Route]:
    """The relay domains whose mail does not go to their MX hosts."""
    return {relay.domain: route for relay in config.relay if (route := route_of(relay))}


def callout_of(config: Config) -> "Callout | None":
    """Who asks the servers of relay domains about recipients; None when no domain wants that."""
    if not any(relay.callout for relay in config.relay):
        return None
    from smtp.outbound.callout import Callout  # noqa: PLC0415  # only where it is wanted

    return Callout(config, routes_of(config))


def route_of(relay: RelaySettings) -> Route | None:
    """Where a relay domain's mail goes; None: to its MX hosts as anybody's."""
    if not relay.target:
        return None
    host, port = relay.address
    return Route(host, port, RouteTls(relay.tls))
