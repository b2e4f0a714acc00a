"""``init`` and ``serve``: make what the service needs, and run it."""

import platform
import socket
from pathlib import Path

import click

from optimails import __version__
from optimails.cli import frame, service_file
from optimails.cli.app import App
from optimails.cli.errors import CommandFailed
from optimails.cli.frame import language, option, say
from optimails.cli.output import print_json
from optimails.cli.prepare import Made, prepare
from optimails.cli.refusals import system_reason

_root = frame.Group("")


@frame.command(_root, "init")
@option("--data", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR")
@option("--hostname", metavar="NAME")
@option("--ports", type=click.Choice(["standard", "high"]))
@click.pass_obj
def init(app: App, data: Path, hostname: str | None, ports: str | None) -> None:
    """Writes DIR/optimails.toml, database and certificate, and keeps each that is there."""
    high = _needs_high_ports() if ports is None else ports == "high"
    made = prepare(data, hostname=hostname or socket.getfqdn(), language=language(), high_ports=high)
    if app.json:
        print_json([{"path": item.path, "what": item.what, "made": item.new} for item in made])
        return
    for item in made:
        click.echo(describe(item))
    click.echo(say("cli.init.next", file=data / service_file.FILE_NAME))


def describe(item: Made) -> str:
    return say("cli.init.made" if item.new else "cli.init.kept", what=say(f"cli.init.{item.what}"), path=item.path)


def _needs_high_ports() -> bool:
    """Whether this user may not open ports below 1024."""
    try:
        first_free = int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
    except (OSError, ValueError):
        first_free = 1024
    if first_free <= 24:
        return False
    # CAP_NET_BIND_SERVICE is bit 10 (linux/capability.h); root has it unless it was taken away.
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return not int(line.split()[1], 16) >> 10 & 1
    return True


@frame.command(_root, "serve")
@option("--role", metavar="ROLE")
@click.pass_obj
def serve(app: App, role: str | None) -> int:
    """Runs until SIGTERM or Ctrl-C; SIGHUP reloads."""
    return run_service(app, role)


def run_service(app: App, role: str | None) -> int:
    """Check that the sockets are free, then become the supervisor; gives its exit code."""
    from optimails.supervisor import run  # noqa: PLC0415 - when needed

    if role is None:
        check_sockets(app)
    return run(app.config, app.config_file, role=role)


def check_sockets(app: App) -> None:
    """Raises ``CommandFailed`` naming the port and the setting, when a socket cannot be opened."""
    if not app.config.listener:
        raise CommandFailed("cli.error.no_listener", file=app.config_file)
    from optimails.supervisor.sockets import PATIENCE  # noqa: PLC0415 - when needed

    if taken := service_file.occupied(app.config.listener, app.config.management.address, patience=PATIENCE):
        raise CommandFailed(
            "cli.error.port_forbidden" if taken.forbidden else "cli.error.port_taken",
            port=taken.port,
            address=taken.address,
            table=f"[[listener]] {say('cli.number')} {taken.number}" if taken.number else "[management]",
            file=app.config_file,
            reason=system_reason(taken.code, ""),
        )


@frame.command(_root, "version")
@click.pass_obj
def version(app: App) -> None:
    """Also the versions that matter for a report of a problem."""
    python = platform.python_version()
    if app.json:
        print_json({"optimails": __version__, "python": python, "system": platform.platform()})
    else:
        click.echo(f"optimails {__version__} (Python {python}, {platform.platform()})")
