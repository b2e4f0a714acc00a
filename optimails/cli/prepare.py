"""What a service needs before it can start: folder, configuration, database, certificate. Made once, then kept."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from optimails.cli import service_file

if TYPE_CHECKING:
    from optimails.config import Config
    from optimails.model.ids import AccountId

EVENTS = "run/events"  # below the data folder: the sockets of the event bus


@dataclass(frozen=True, slots=True)
class Made:
    """One thing that the service needs; ``what`` is config, database or certificate."""

    what: str
    path: Path | str
    new: bool


def prepare(  # noqa: PLR0913 - as ``service_file.write``
    folder: Path, *, hostname: str, language: str, high_ports: bool, log: str | None = None, filtered: bool = False
) -> list[Made]:
    """Make what is missing in the folder; what exists is kept as it is."""
    from optimails.config import load  # noqa: PLC0415 - when needed

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / service_file.FILE_NAME
    made = [Made("config", file, not file.exists())]
    if made[0].new:
        service_file.write(
            file, hostname=hostname, language=language, high_ports=high_ports, log=log, filtered=filtered
        )
    config = load(file, os.environ)
    return [*made, database(config), certificate(config)]


def database(config: "Config") -> Made:
    """The directory's database, made or upgraded."""
    from optimails.directory.database import FILE, open_database  # noqa: PLC0415 - when needed

    path = config.server.data / FILE
    new = not config.directory.url and not path.exists()
    open_database(config.directory, config.server.data).close()
    return Made("database", config.directory.url or path, new)


def certificate(config: "Config") -> Made:
    """A self-signed one for the host name and this machine, unless there is one."""
    tls = config.tls
    if tls.certificate.exists() or tls.key.exists():
        return Made("certificate", tls.certificate, new=False)
    from optimails.supervisor.certificate import make_self_signed  # noqa: PLC0415 - when needed

    make_self_signed(tls.certificate, tls.key, [config.server.hostname, "localhost", "127.0.0.1", "::1"])
    return Made("certificate", tls.certificate, new=True)


def announce(config: "Config", accounts: "Iterable[AccountId]") -> None:
    """Tell the processes of a running service that these accounts changed; without one nothing happens."""
    folder = config.server.data / EVENTS
    if not folder.is_dir():
        return
    from optimails.events.datagram import DatagramBus  # noqa: PLC0415 - when needed

    bus = DatagramBus(folder)
    try:
        for account in accounts:
            bus.publish_account(account)
    finally:
        bus.close()
