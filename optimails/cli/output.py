"""What commands print: tables for people, JSON for scripts, sizes and dates, a progress bar for long work."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

import click

from optimails.cli.frame import language, say

NOTHING = "\N{EN DASH}"  # stands where there is no value
_UNITS = {"en": ("B", "KB", "MB", "GB", "TB"), "fr": ("o", "Ko", "Mo", "Go", "To")}


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Text in aligned columns, with a line of headings; numbers stand to the right."""
    cells = [list(columns), *([cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    right = [bool(rows) and all(isinstance(row[column], int) for row in rows) for column in range(len(columns))]
    lines = [
        "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in cells
    ]
    lines.insert(1, "  ".join("─" * width for width in widths))
    return "\n".join(lines)


def cell(value: object) -> str:
    """A value as people read it."""
    if value is None:
        return NOTHING
    if isinstance(value, datetime):
        return moment(value)
    return str(value)


def moment(value: datetime) -> str:
    """Local time, to the minute, in the order of ISO 8601, which both languages read."""
    return value.astimezone().strftime("%Y-%m-%d %H:%M")


def size(octets: int | None) -> str:
    """``1.5 GB``, in French ``1,5 Go``; None is unlimited. Units are powers of 1024, as plans count."""
    if octets is None:
        return say("cli.unlimited")
    units = _UNITS[language()]
    value, unit = float(octets), 0
    while abs(value) >= 1023.95 and unit < len(units) - 1:
        value, unit = value / 1024, unit + 1
    digits = f"{value:.1f}".removesuffix(".0") if unit else str(octets)
    return f"{digits.replace('.', ',') if language() == 'fr' else digits}\N{NO-BREAK SPACE}{units[unit]}"


def count(number: int | None) -> str:
    return say("cli.unlimited") if number is None else str(number)


class Progress(Protocol):
    def __call__(self, steps: int = 1) -> None: ...


@contextmanager
def progress(label: str, total: int) -> Iterator[Progress]:
    """A bar on standard error when that is a terminal; otherwise nothing is shown."""
    if not sys.stderr.isatty() or total <= 0:
        yield lambda _steps=1: None
        return
    with click.progressbar(length=total, label=label, file=sys.stderr) as bar:
        yield lambda steps=1: bar.update(steps)
