"""``optimails config``: is the file right, what is in force, which keys are there."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import Exit
from optimails.cli.frame import say
from optimails.cli.output import print_json

config = frame.group("config")


@frame.command(config, "check")
@click.pass_obj
def check(app: App) -> int:
    """Errors end the command (exit code 1); what is merely missing or odd is told, with exit code 3."""
    warnings = [say(key, **values) for key, values in _doubts(app)]
    if app.json:
        print_json({"file": app.config_file, "ok": not warnings, "warnings": warnings})
    else:
        for warning in warnings:
            click.echo(say("cli.config.warning", warning=warning))
        if not warnings:
            click.echo(say("cli.config.ok", path=app.config_file))
    return Exit.FOUND if warnings else Exit.OK


def _doubts(app: App) -> list[tuple[str, dict[str, Any]]]:
    """What the types cannot see: files that are not there, a service that nobody could reach."""
    settings = app.config
    doubts: list[tuple[str, dict[str, Any]]] = []
    if not settings.server.data.is_dir():
        doubts.append(("cli.config.no_data", {"path": settings.server.data, "file": app.config_file}))
    if not settings.listener:
        doubts.append(("cli.config.no_listener", {}))
    doubts += [("cli.config.no_file", {"path": path}) for path in _missing(settings.tls.certificate, settings.tls.key)]
    if not _missing(settings.tls.certificate) and (end := _expiry(settings.tls.certificate)):
        days = (end - datetime.now(UTC)).days
        if days < 14:
            doubts.append(("cli.config.certificate_ends", {"path": settings.tls.certificate, "days": days}))
    return doubts + _doubts_of_scripts(app) + _doubts_of_filters(app)


def _doubts_of_scripts(app: App) -> list[tuple[str, dict[str, Any]]]:
    """The service's own scripts for what users do by IMAP."""
    from sieve.language import SieveError, compile_script  # noqa: PLC0415 - when needed

    doubts: list[tuple[str, dict[str, Any]]] = []
    for path in dict.fromkeys(path for rule in app.config.imapsieve for path in (rule.before, rule.after) if path):
        if not path.is_file():
            doubts.append(("cli.config.no_file", {"path": path}))
            continue
        try:
            compile_script(path.read_bytes())
        except SieveError as wrong:
            doubts.append(("cli.sieve.wrong", {"script": path, "why": wrong}))
    return doubts


def _doubts_of_filters(app: App) -> list[tuple[str, dict[str, Any]]]:
    """Filters in line that see nothing, or do not answer."""
    if not app.config.milter:
        return []
    import asyncio  # noqa: PLC0415 - when needed

    from smtp.milter.probe import trouble  # noqa: PLC0415 - when needed

    async def ask() -> list[str | None]:
        return list(await asyncio.gather(*(trouble(one) for one in app.config.milter)))

    doubts: list[tuple[str, dict[str, Any]]] = []
    for one, why in zip(app.config.milter, asyncio.run(ask()), strict=True):
        if not any(one.sees(listener) for listener in app.config.listener):
            doubts.append(("cli.config.filter_unused", {"name": one.label}))
        if why is not None:
            doubts.append(("cli.config.filter_away", {"name": one.label, "why": why}))
    return doubts


def _missing(*paths: Path) -> list[Path]:
    return [path for path in paths if not path.is_file()]


def _expiry(certificate: Path) -> datetime | None:
    from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - when needed

    try:
        return load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc
    except (ValueError, OSError):
        return None


@frame.command(config, "show")
@click.pass_obj
def show(app: App) -> None:
    """The configuration in force: the file, the environment and all defaults."""
    values = app.config.model_dump(mode="json")
    if app.json:
        print_json(values)
    else:
        click.echo("\n".join(_toml(values)), nl=False)


def _toml(values: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        repeated = isinstance(value, list)
        for table in value if repeated else [value]:
            lines.append(f"[[{name}]]" if repeated else f"[{name}]")
            lines += [f"{key} = {_toml_value(entry)}" for key, entry in table.items() if entry is not None]
            lines.append("")
    return lines


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(entry) for entry in value)}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_quoted(key)} = {_toml_value(entry)}" for key, entry in value.items() if entry is not None)
        return f"{{ {inner} }}" if inner else "{}"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(value: str) -> str:
    # A JSON string is a TOML basic string, but for DEL, which no setting holds.
    return json.dumps(value, ensure_ascii=False)


@frame.command(config, "reference")
@click.pass_obj
def reference(app: App) -> None:
    """Needs no configuration file."""
    if app.json:
        from optimails.config import Config  # noqa: PLC0415 - when needed

        print_json(Config.model_json_schema())
        return
    from optimails.config import reference as page  # noqa: PLC0415 - when needed

    click.echo(page(), nl=False)
