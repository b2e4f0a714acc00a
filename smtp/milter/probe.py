"""Whether a filter is there and speaks the protocol: for the operator, before mail depends on it."""

from optimails.config.milter import MilterSettings
from smtp.milter import wire
from smtp.milter.dialogue import Dialogue, Patience
from smtp.milter.link import Link, Lost

SECONDS = 5.0  # at most, for each step


async def trouble(settings: MilterSettings) -> str | None:
    """Why it cannot be used; None when it can."""
    patience = dict.fromkeys(Patience, min(SECONDS, settings.command_timeout))
    try:
        link = await Link.open(settings.place, min(SECONDS, settings.connect_timeout), patience)
    except Lost as wrong:
        return str(wrong)
    try:
        await link.play(Dialogue().open())
    except (Lost, wire.Nonsense) as wrong:
        return str(wrong)
    finally:
        link.close(wire.QUIT)
    return None
