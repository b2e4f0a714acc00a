"""``optimails antivirus``: the engines, how old their knowledge is, and whether they find what they must."""

import asyncio
from datetime import UTC
from typing import TYPE_CHECKING, Any

import click

from optimails.cli import frame
from optimails.cli.app import App
from optimails.cli.errors import Exit
from optimails.cli.frame import say

if TYPE_CHECKING:
    from securemail.engines.clamd import Clamd
    from securemail.engines.icap import Icap

antivirus = frame.group("antivirus")


@frame.command(antivirus, "test")
@click.pass_obj
def test(app: App) -> int:
    """Shows each engine a clean message and the EICAR test file; exit code 3 when one is away or finds nothing."""
    rows = asyncio.run(_rows(app))
    app.rows(
        ("name", "kind", "version", "signatures_from", "clean", "test_file"),
        rows,
        {"clean": app.yes_no, "test_file": app.yes_no, "kind": lambda kind: say(f"filter.engine.{kind}")},
    )
    return Exit.OK if all(row["clean"] and row["test_file"] for row in rows) else Exit.FOUND


async def _rows(app: App) -> list[dict[str, Any]]:
    from securemail.engines.configured import engines_of  # noqa: PLC0415 - when needed

    rows = [_embedded()]
    for engine, settings in zip(engines_of(app.config.antivirus), app.config.antivirus, strict=True):
        rows.append(await _row(engine, settings.kind.value))
    return rows


def _embedded() -> dict[str, Any]:
    """The engine that is always there: structure, and files that are known to be bad."""
    from securemail.engines.self_test import CLEAN, EICAR_MAIL  # noqa: PLC0415 - when needed
    from securemail.examined import Examined  # noqa: PLC0415 - when needed
    from securemail.facts import Clean, Infected  # noqa: PLC0415 - when needed
    from securemail.structure.signatures import eicar  # noqa: PLC0415 - when needed
    from securemail.structure.walk import NAME, VERSION, look_inside  # noqa: PLC0415 - when needed

    clean = look_inside(Examined(CLEAN), (eicar,)).examination().outcome
    found = look_inside(Examined(EICAR_MAIL), (eicar,)).examination().outcome
    return {
        "name": NAME,
        "kind": "heuristic",
        "version": VERSION,
        "signatures_from": None,
        "clean": isinstance(clean, Clean),
        "test_file": isinstance(found, Infected),
        "why": "",
    }


async def _row(engine: "Clamd | Icap", kind: str) -> dict[str, Any]:
    from optimails.delivery.spool import Spool  # noqa: PLC0415 - when needed
    from securemail.engines.self_test import CLEAN, EICAR_MAIL  # noqa: PLC0415 - when needed
    from securemail.facts import Clean, EngineError, Infected  # noqa: PLC0415 - when needed

    clean = await engine.examine(Spool.of(CLEAN))
    found = await engine.examine(Spool.of(EICAR_MAIL))
    made = await engine.signatures_from()
    trouble = next((one.outcome.reason for one in (clean, found) if isinstance(one.outcome, EngineError)), "")
    return {
        "name": engine.name,
        "kind": kind,
        "version": clean.version or found.version,
        "signatures_from": made.astimezone(UTC).isoformat(timespec="minutes") if made else None,
        "clean": isinstance(clean.outcome, Clean),
        "test_file": isinstance(found.outcome, Infected),
        "why": trouble,
    }
