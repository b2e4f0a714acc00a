"""What a command is given: where the configuration is, how to answer, and the parts of the service it works on.

Everything heavy is imported when it is first needed: a command that only prints must start in an instant.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimails.cli.errors import CommandFailed
from optimails.cli.frame import say
from optimails.cli.output import NOTHING, cell, moment, print_json, table

if TYPE_CHECKING:
    from optimails.config import Config
    from optimails.directory.admin import Admin
    from optimails.model.ids import AccountId

CANDIDATES = (Path("optimails.toml"), Path("var/optimails.toml"), Path("/etc/optimails/optimails.toml"))


def since(seconds: int | None) -> datetime | None:
    """The moment of a number of Unix seconds."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _same(value: Any) -> object:
    return value


def become_owner(data: Path) -> None:
    """As root, go on as the user whom the data belongs to: what root would create there the service could not read."""
    if os.geteuid() != 0 or not data.is_dir():
        return
    owner = data.stat()
    if owner.st_uid != 0:
        os.setgroups([])
        os.setgid(owner.st_gid)
        os.setuid(owner.st_uid)


class App:
    """One run of the program."""

    def __init__(self, context: click.Context, config_file: Path | None) -> None:
        self._context = context
        self._named = config_file

    @property
    def json(self) -> bool:
        return bool(self._context.meta.get("json_output"))

    @property
    def debug(self) -> bool:
        return bool(self._context.meta.get("debug"))

    @cached_property
    def config_file(self) -> Path:
        """The file named by --config or OPTIMAILS_CONFIG, else the first that exists of the usual places."""
        named = self._named or (Path(os.environ["OPTIMAILS_CONFIG"]) if os.environ.get("OPTIMAILS_CONFIG") else None)
        if named is not None:
            if not named.is_file():
                raise CommandFailed("cli.error.no_config_file", path=named)
            return named
        for candidate in CANDIDATES:
            if candidate.is_file():
                return candidate
        raise CommandFailed("cli.error.no_config", places=", ".join(str(path) for path in CANDIDATES))

    @cached_property
    def config(self) -> "Config":
        from optimails.config import load  # noqa: PLC0415 - when needed

        return load(self.config_file, os.environ)

    def own_data(self) -> Path:
        """The data folder of the configuration, from here on as its owner."""
        become_owner(self.config.server.data)
        return self.config.server.data

    # -- what commands work on -----------------------------------------------------------------------------------------

    @cached_property
    def admin(self) -> "Admin":
        """The directory, opened for changes; made or upgraded when needed."""
        from optimails.directory.admin import Admin  # noqa: PLC0415 - when needed
        from optimails.directory.database import open_database  # noqa: PLC0415 - when needed

        settings = self.config.directory
        become_owner(self.config.server.data)
        return Admin(open_database(settings, self.config.server.data), settings)

    def announce(self, *accounts: "AccountId") -> None:
        """Tell the running service, if there is one, that these accounts changed."""
        from optimails.cli.prepare import announce  # noqa: PLC0415 - when needed

        announce(self.config, accounts)

    # -- answering -----------------------------------------------------------------------------------------------------

    def done(self, key: str, answer: dict[str, Any] | None = None, /, **values: Any) -> None:
        """One sentence for people; for scripts the ``answer``, or else the values of the sentence."""
        if self.json:
            print_json(values if answer is None else answer)
        else:
            click.echo(say(key, **values))

    def rows(
        self,
        columns: Sequence[str],
        rows: Sequence[dict[str, Any]],
        show: Mapping[str, Callable[[Any], object]] | None = None,
        empty: str = "cli.nothing",
    ) -> None:
        """A table; ``columns`` are keys of the rows, and their headings are ``cli.column.<key>``.

        ``show`` turns a value into what people read; scripts get the value itself, and every key.
        """
        if self.json:
            print_json(list(rows))
        elif not rows:
            click.echo(say(empty))
        else:
            shown = show or {}
            cells = [[shown.get(column, _same)(row.get(column)) for column in columns] for row in rows]
            click.echo(table([say(f"cli.column.{column}") for column in columns], cells))

    def record(self, row: dict[str, Any], show: Mapping[str, Callable[[Any], object]] | None = None) -> None:
        """One thing in full: a line for each key."""
        if self.json:
            print_json(row)
            return
        shown = show or {}
        labels = {key: say(f"cli.column.{key}") for key in row}
        width = max(map(len, labels.values()))
        for key, value in row.items():
            text = shown.get(key, _same)(value)
            if isinstance(text, list | tuple):
                text = ", ".join(str(item) for item in text)
            click.echo(f"{labels[key].ljust(width)}  {cell(text) or NOTHING}")

    # -- small words ---------------------------------------------------------------------------------------------------

    def state(self, value: str) -> str:
        return say(f"state.{value}")

    def yes_no(self, value: object) -> str:
        return say("cli.yes" if value else "cli.no")

    def shown(self, seconds: int | None) -> str:
        """A moment as people read it."""
        when = since(seconds)
        return moment(when) if when else NOTHING
