"""An iTIP message (RFC 5546) in words, for the people who read it in a mail program without a calendar. Pure.

What changed is found by comparing with what the same reader was told before: a line whose text is another one also
says what it was.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from optimails.delivery.calendars import wording
from optimails.groupware.text import Component, Property, parse
from optimails.groupware.zones import Zones
from optimails.model.errors import BadSyntax
from optimails.texts import text

MAX_TITLE = 200
MAX_DESCRIPTION = 4_000
MAX_PEOPLE = 25  # that are named
_ANSWERS = ("ACCEPTED", "DECLINED", "TENTATIVE", "DELEGATED")
_OF_ORGANIZER = {"REQUEST": "request", "ADD": "changed", "CANCEL": "cancelled", "PUBLISH": "published",
                 "DECLINECOUNTER": "kept"}  # fmt: skip
_OF_ATTENDEE = {"COUNTER": "proposed", "REFRESH": "asked"}


@dataclass(frozen=True, slots=True)
class Line:
    """What it is, its label, and what it labels; ``before`` is what it was, when that has changed."""

    name: str
    label: str
    value: str
    before: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """``note`` is what the sender wrote beside it."""

    subject: str
    headline: str
    lines: tuple[Line, ...]
    note: str
    description: str

    @property
    def facts(self) -> dict[str, str]:
        """To compare the next message with."""
        return {line.name: line.value for line in self.lines}


@dataclass(frozen=True, slots=True)
class Scheduled:
    """One iTIP message, read."""

    method: str
    part: Component
    zones: Zones

    @classmethod
    def read(cls, itip: str) -> "Scheduled":
        """Raises ``BadSyntax``."""
        top = parse(itip)
        if len(top) != 1 or top[0].name != "VCALENDAR":
            raise BadSyntax("One VCALENDAR is wanted")
        root = top[0]
        parts = [one for one in root.children if one.name != "VTIMEZONE"]
        if not parts:
            raise BadSyntax("There is nothing in it")
        zones = Zones([one for one in root.children if one.name == "VTIMEZONE"])
        main = next((one for one in parts if one.get("RECURRENCE-ID") is None), parts[0])
        return cls(root.value("METHOD").upper(), main, zones)

    @property
    def title(self) -> str:
        return one_line(_text(self.part, "SUMMARY"), MAX_TITLE)


def summary(message: Scheduled, language: str, before: Mapping[str, str] | None = None) -> Summary:
    """In the language of who sends it; ``before`` are the facts that its reader knows, None: it is all new to him."""
    kind, who = _kind(message, known=before is not None)
    title = message.title or text("invitation.untitled", language)
    headline = text(f"invitation.headline.{kind}", language, who=who, to=_delegate(message.part))
    if message.part.get("RECURRENCE-ID") is not None:
        headline += " " + text("invitation.one_occurrence", language)
    return Summary(
        text(f"invitation.subject.{kind}", language, title=title),
        headline,
        _compared(_lines(message, language), before or {}),
        _text(message.part, "COMMENT")[:MAX_DESCRIPTION],
        _text(message.part, "DESCRIPTION")[:MAX_DESCRIPTION] if message.method not in ("REPLY", "CANCEL") else "",
    )


def reminder(message: Scheduled, when: str, calendar: str, language: str) -> Summary:
    """What is about to be, for the owner of that calendar."""
    title = message.title or text("invitation.untitled", language)
    own = ("title", "where", "link")
    lines = [line for line in _lines(message, language) if line.name in own]
    name = "due" if message.part.name == "VTODO" else "when"
    lines.insert(1 if message.title else 0, Line(name, text(f"invitation.label.{name}", language), when))
    lines.append(Line("calendar", text("invitation.label.calendar", language), calendar))
    return Summary(
        text("reminder.subject", language, title=title, when=when),
        text("reminder.headline", language),
        tuple(lines),
        "",
        _text(message.part, "DESCRIPTION")[:MAX_DESCRIPTION],
    )


def _kind(message: Scheduled, *, known: bool) -> tuple[str, str]:
    """Which texts, and who speaks in them."""
    part = message.part
    organizer, attendee = person(part.get("ORGANIZER")), person(part.get("ATTENDEE"))
    if message.method == "REPLY":
        line = part.get("ATTENDEE")
        answer = ((line.param("PARTSTAT") if line else None) or "").upper()
        return (answer.lower() if answer in _ANSWERS else "answered"), attendee
    if message.method in _OF_ATTENDEE:
        return _OF_ATTENDEE[message.method], attendee
    if message.method == "REQUEST" and known:
        return "changed", organizer
    return _OF_ORGANIZER.get(message.method, "published"), organizer


def _lines(message: Scheduled, language: str) -> list[Line]:
    part = message.part
    found = [
        ("title", message.title),
        ("due" if part.name == "VTODO" else "when", wording.when(part, message.zones, language)),
        ("repeats", wording.repeats(part, language)),
        ("where", one_line(_text(part, "LOCATION"), MAX_DESCRIPTION)),
        ("link", _link(part)),
        ("organizer", person(part.get("ORGANIZER"))),
    ]
    if message.method not in ("REPLY", "COUNTER", "REFRESH"):  # there it stands for who answers
        found.append(("attendees", _people(part.every("ATTENDEE"), language)))
    return [Line(name, text(f"invitation.label.{name}", language), value) for name, value in found if value]


def _compared(lines: Iterable[Line], before: Mapping[str, str]) -> tuple[Line, ...]:
    made = []
    for one in lines:
        was = before.get(one.name, one.value)
        made.append(replace(one, before=was) if was != one.value else one)
    return tuple(made)


def _people(lines: Iterable[Property], language: str) -> str:
    names = [person(one) for one in lines]
    shown = ", ".join(names[:MAX_PEOPLE])
    if len(names) > MAX_PEOPLE:
        return text("invitation.and_others", language, names=shown, count=len(names) - MAX_PEOPLE)
    return shown


def person(line: Property | None) -> str:
    """Name and address of an ORGANIZER or ATTENDEE, as far as they are there."""
    if line is None:
        return ""
    address = line.value[7:] if line.value[:7].lower() == "mailto:" else ""
    name = one_line(line.param("CN") or "", MAX_TITLE)
    address = one_line(address, MAX_TITLE)
    if not name or name == address:
        return address or name
    return f"{name} <{address}>" if address else name


def _delegate(part: Component) -> str:
    line = part.get("ATTENDEE")
    value = (line.param("DELEGATED-TO") if line else None) or ""
    return one_line(value.lower().replace("mailto:", ""), MAX_TITLE)


def _link(part: Component) -> str:
    """Where a meeting takes place that takes place nowhere (RFC 7986 §5.11), else its page."""
    for name in ("CONFERENCE", "X-GOOGLE-CONFERENCE", "X-MICROSOFT-SKYPETEAMSMEETINGURL", "URL"):
        value = part.value(name)
        if value.lower().startswith(("https://", "http://")):
            return one_line(value, 1_000)
    return ""


def _text(part: Component, name: str) -> str:
    found = part.get(name)
    return "".join(c for c in found.text if c.isprintable() or c == "\n").strip() if found else ""


def one_line(shown: str, limit: int) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in shown).split())[:limit]
