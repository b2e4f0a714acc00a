"""Options of ``optimails account`` for what address books show of somebody."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from optimails.cli.errors import CommandFailed
from optimails.cli.frame import option, say
from optimails.model.contact import FIELDS

if TYPE_CHECKING:
    from optimails.directory.admin import AccountInfo, Shown

MAX_READ = 2**24  # bytes of a photo that are looked at
_TEXTS = {name: f"--{name.replace('_', '-')}" for name in FIELDS}


def options(command: Any) -> Any:
    """The same for ``add`` and ``set``."""
    decorators: list[Callable[[Any], Any]] = [
        option(spelling, metavar="ADDRESS" if name == "manager" else "TEXT", text_key=f"contact_{name}")
        for name, spelling in _TEXTS.items()
    ]
    decorators += [
        option("--photo", metavar="FILE", type=click.Path(path_type=Path), text_key="contact_photo"),
        option("--no-photo", is_flag=True),
        hidden_option(),
    ]
    for decorate in reversed(decorators):
        command = decorate(command)
    return command


def hidden_option() -> Callable[[Any], Any]:
    """``--hidden`` and ``--visible``, which aliases and lists have, too."""
    return option("--hidden/--visible", default=None)


def taken_out(settings: dict[str, Any]) -> "Shown | None":
    """What was said of these, taken out of all that was said; None when nothing was."""
    from optimails.directory.admin import UNCHANGED, Shown  # noqa: PLC0415 - when needed

    texts = {name: value for name in _TEXTS if (value := settings.pop(name)) is not None}
    photo, no_photo, hide = settings.pop("photo"), settings.pop("no_photo"), settings.pop("hidden")
    if photo is not None and no_photo:
        raise click.UsageError(say("cli.error.photo_or_not"))
    picture = None if no_photo else UNCHANGED if photo is None else _read(photo)
    wishes = Shown(texts, picture, UNCHANGED if hide is None else hide)
    return None if wishes == Shown() else wishes


def row(info: "AccountInfo") -> dict[str, Any]:
    """What ``account show`` tells, and the others in JSON."""
    return {name: getattr(info.contact, name) for name in FIELDS} | {"photo": info.photo or None, "hidden": info.hidden}


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_READ)
    except OSError as wrong:
        raise CommandFailed("cli.error.photo_file", path=path) from wrong
