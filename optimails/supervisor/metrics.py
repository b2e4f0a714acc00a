"""Metrics of the processes themselves, and how those of all workers come together.

Workers keep their numbers in memory-mapped files under DATA/run/metrics; the supervisor adds them up when asked. The
files are named by a slot, the lowest number no living worker has, and not by process: a worker that takes over a slot
counts on from there, so counters never fall and files never pile up.
"""

import os
import time
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Info, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from optimails import __version__

ENVIRONMENT = "PROMETHEUS_MULTIPROC_DIR"


def use_slot(directory: Path, slot: int) -> None:
    """Keep the metrics of this worker in the files of that slot; call it before any metric is declared."""
    os.environ[ENVIRONMENT] = str(directory)
    values.ValueClass = values.MultiProcessValue(lambda: slot)  # type: ignore[no-untyped-call]  # it has no types


def clear(directory: Path) -> None:
    """At start: forget the metrics of the last run."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink(missing_ok=True)


class SupervisorMetrics:
    """The supervisor's own numbers, and the page with everybody's."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._own = CollectorRegistry()
        self._workers = CollectorRegistry()
        MultiProcessCollector(self._workers, path=str(directory))  # type: ignore[no-untyped-call]  # it has no types
        self.started = time.time()
        Info("optimails_build", "What runs.", registry=self._own).info({"version": __version__})
        Gauge("optimails_start_time_seconds", "When the service started.", registry=self._own).set(self.started)
        self.workers = Gauge("optimails_workers", "Worker processes that serve.", ["kind"], registry=self._own)
        self.deaths = Counter(
            "optimails_worker_deaths_total", "Workers that ended without being told to.", ["kind"], registry=self._own
        )
        self.reloads = Counter("optimails_reloads_total", "Reloads by result.", ["result"], registry=self._own)
        self.memory = Gauge(
            "optimails_worker_memory_bytes", "Resident memory of each worker.", ["worker"], registry=self._own
        )
        self.delay = Gauge(
            "optimails_worker_delay_seconds", "How late each worker's event loop was.", ["worker"], registry=self._own
        )

    def forget(self, slot: int, name: str) -> None:
        """A worker is gone: its gauges go, its counters stay."""
        mark_process_dead(slot, str(self.directory))  # type: ignore[no-untyped-call]  # it has no types
        if name:
            for gauge in (self.memory, self.delay):
                gauge.remove_by_labels({"worker": name})

    def page(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._own) + generate_latest(self._workers)
