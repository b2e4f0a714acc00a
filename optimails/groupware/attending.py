"""What somebody answered to invitations, as far as it says when he is busy.

A meeting that was declined, or handed on to somebody else, takes none of his time, though many programs keep it in the
calendar. One without an answer, or with a "perhaps", takes it tentatively.
"""

from collections.abc import Set as AbstractSet

from optimails.groupware.calendar import FREE, TENTATIVE, CalendarObject
from optimails.groupware.text import Component

_ANSWERS = {"DECLINED": FREE, "DELEGATED": FREE, "TENTATIVE": TENTATIVE, "NEEDS-ACTION": TENTATIVE}


def attendance(found: CalendarObject, addresses: AbstractSet[str]) -> dict[int, int]:
    """By number of the component, FREE or TENTATIVE where an answer of these folded addresses (``mailto:…``) says so.

    Who invites is there, whatever his own line says.
    """
    answers = {}
    for number, part in enumerate(found.parts):
        answer = _answer(part, addresses)
        if answer is not None:
            answers[number] = answer
    return answers


def _answer(part: Component, addresses: AbstractSet[str]) -> int | None:
    if part.value("ORGANIZER").casefold() in addresses:
        return None
    for line in part.every("ATTENDEE"):
        if line.text.strip().casefold() in addresses:
            return _ANSWERS.get((line.param("PARTSTAT") or "").upper())
    return None
