"""Start, reload, drain: how generations of workers follow each other.

A reload never leaves a gap. The new configuration is read and tried first; a wrong one is refused and nothing happens.
Then the sockets that are new are bound, a second generation of workers is started beside the first, and only when all
of it listens are the old workers told to drain. Both accept from the same sockets meanwhile. If the new generation
fails to come up, it is ended, and the old one never noticed.

SIGTERM and SIGINT drain and end; a second one ends at once. SIGHUP reloads.
"""

import contextlib
import logging
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from optimails.supervisor import logs, metrics, notify, privileges, shares
from optimails.supervisor.folder import DataFolder
from optimails.supervisor.generation import Generation, Slots, Surroundings
from optimails.supervisor.management import Management
from optimails.supervisor.process import COMMAND
from optimails.supervisor.settings import CannotStart, Settings, prove, read
from optimails.supervisor.sockets import Sockets

START_TIMEOUT = 120.0  # seconds a new generation may take until it listens
RELOAD_PATIENCE = 0.5  # seconds that a new address may still be in use
log = logging.getLogger(__name__)


class Supervisor:
    """One per data folder."""

    def __init__(self, reactor: Any, path: Path, role: str | None, command: Sequence[str] = COMMAND) -> None:
        self.exit_code = 0
        self._reactor = reactor
        self._path = path
        self._role = role
        self._command = command
        self._current: Generation | None = None
        self._next: Generation | None = None
        self._old: list[Generation] = []
        self._deadline: Any = None
        self._stopping = False
        self._reload_again = False

    # -- start

    def prepare(self) -> None:
        """Everything that can fail, while we may still be root. Raises ``CannotStart``."""
        settings = self._settings = read(self._path, self._role)
        server = settings.config.server
        self._folder = DataFolder(server.data)
        self._folder.lock()
        self._sockets = Sockets()
        self._management = Management(self._reactor, self)
        try:
            privileges.raise_open_files()
            self._sockets.open(settings.listeners)
            self._management.bind(settings.config.management.address)
            if privileges.drop(server.user, server.group):
                log.info("became_user", extra={"fields": {"user": server.user}})
            self._folder.prepare()
            logs.set_up(settings.config.log, "supervisor")
        except (OSError, privileges.NoSuchUser) as wrong:
            raise CannotStart(str(wrong)) from wrong
        prove(settings)
        metrics.clear(self._folder.metrics)
        shares.clear(self._folder.metrics)
        self.metrics = metrics.SupervisorMetrics(self._folder.metrics)
        self._around = Surroundings(
            self._reactor, self._sockets, Slots(shares.Shares(self._folder.metrics)), self.metrics, self._command
        )

    def start(self) -> None:
        """In the running reactor."""
        for number, action in (
            (signal.SIGTERM, self._stop),
            (signal.SIGINT, self._stop),
            (signal.SIGHUP, self.reload),
        ):
            signal.signal(number, lambda *_, action=action: self._reactor.callFromThread(action))
        self._management.serve()
        self._begin(self._settings)
        if (interval := notify.watchdog_interval()) is not None:
            self._watchdog(interval)

    def _watchdog(self, interval: float) -> None:
        notify.notify("WATCHDOG=1")
        self._reactor.callLater(interval, self._watchdog, interval)

    def _begin(self, settings: Settings) -> None:
        self._next = Generation(settings, self._around, self)
        self._deadline = self._reactor.callLater(START_TIMEOUT, self.failed, self._next, "it took too long")
        self._next.start()

    # -- generations tell how they do

    def complete(self, generation: Generation) -> None:
        if generation is not self._next:
            return
        self._deadline.cancel()
        before, self._current, self._next = self._current, generation, None
        settings = generation.settings
        self._sockets.close_others(settings.listeners)
        if before is not None:
            self._old.append(before)
            before.drain(before.settings.config.server.drain_timeout)
            self.metrics.reloads.labels("done").inc()
        notify.notify("READY=1", f"STATUS={len(generation.workers)} workers")
        places = [f"{listener.protocol.value} {listener.address}" for listener in settings.listeners]
        if before is None:
            log.info("ready", extra={"fields": {"listeners": places}})
        else:
            log.info("reloaded", extra={"fields": {"listeners": places}})
        self._reload_if_asked_again()

    def _reload_if_asked_again(self) -> None:
        if self._reload_again:
            self._reload_again = False
            self.reload()

    def failed(self, generation: Generation, why: str) -> None:
        if generation is not self._next:
            return
        if self._deadline.active():
            self._deadline.cancel()
        self._next = None
        self._old.append(generation)
        generation.kill()
        if self._current is None:
            log.critical("start_failed", extra={"fields": {"why": why}})
            self.exit_code = 1
            self._stopping = True
        else:
            self._sockets.close_others(self._current.settings.listeners)
            self._refused(why)
            self._reload_if_asked_again()

    def empty(self, generation: Generation) -> None:
        with contextlib.suppress(ValueError):
            self._old.remove(generation)
        if self._stopping and not self._old:
            log.info("stopped")
            self._reactor.stop()

    # -- orders

    def reload(self) -> None:
        """Take up the configuration as it is now, without losing a connection."""
        if self._stopping or self._current is None or self._next is not None:
            self._reload_again = self._next is not None
            return
        notify.reloading()
        try:
            settings = read(self._path, self._role)
            self._refuse_what_needs_a_restart(settings)
            prove(settings)
            self._sockets.open(settings.listeners, patience=RELOAD_PATIENCE)
            logs.set_up(settings.config.log, "supervisor")
            self._management.move(settings.config.management.address)
        except (CannotStart, OSError) as wrong:
            self._sockets.close_others(self._current.settings.listeners)
            self._refused(str(wrong))
            return
        log.info("reloading")
        self._begin(settings)

    def _refuse_what_needs_a_restart(self, settings: Settings) -> None:
        before, after = self._settings.config.server, settings.config.server
        for key in ("data", "user", "group"):
            if getattr(before, key) != getattr(after, key):
                raise CannotStart(f"[server] {key} has changed: that takes a restart")

    def _refused(self, why: str) -> None:
        self.metrics.reloads.labels("refused").inc()
        log.error("reload_refused", extra={"fields": {"why": why}})
        notify.notify("READY=1", "STATUS=the last reload was refused")

    def _stop(self) -> None:
        generations = [one for one in (self._current, self._next) if one is not None]
        if self._stopping:  # asked again: no patience left
            for generation in [*self._old, *generations]:
                generation.kill()
            return
        self._stopping = True
        log.info("stopping")
        notify.notify("STOPPING=1")
        self._sockets.close()
        self._old += generations
        for generation in generations:
            generation.drain(generation.settings.config.server.drain_timeout)
        self._current = self._next = None
        if self._deadline.active():
            self._deadline.cancel()

    # -- questions

    @property
    def current(self) -> Generation | None:
        """The generation that serves; None before the first is complete, and while stopping."""
        return self._current

    @property
    def data(self) -> Path:
        return self._settings.config.server.data
