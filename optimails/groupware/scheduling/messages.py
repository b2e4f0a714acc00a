"""A scheduling message from its text, wherever that comes from."""

from optimails.groupware.scheduling.api import ItipMessage, Method
from optimails.groupware.text import Component, decode, parse
from optimails.model.errors import BadSyntax

MAX_TEXT = 4 * 2**20  # bytes
SCHEDULED = ("VEVENT", "VTODO")
"""What people are invited to. Journal entries may name somebody, but are only published (RFC 5546 §3.5)."""
_MAX_SUMMARY = 500


def address_of(value: str) -> str:
    """The address in a calendar address (``mailto:`` in any case, RFC 5545 §3.3.3); other kinds stay as they are."""
    value = value.strip()
    return value[7:].strip() if value[:7].lower() == "mailto:" else value


def read_message(text: bytes, *, identity: str, sender: str, recipient: str, created: int) -> ItipMessage:
    """Raises ``BadSyntax`` for what is no message of scheduling: no METHOD, several UIDs, journals, free-busy."""
    if len(text) > MAX_TEXT:
        raise BadSyntax("The message is too large")
    top = parse(decode(text))
    if len(top) != 1 or top[0].name != "VCALENDAR":
        raise BadSyntax("One VCALENDAR is wanted")
    try:
        method = Method(top[0].value("METHOD").upper())
    except ValueError as wrong:
        raise BadSyntax("Not a method of scheduling") from wrong
    parts = [child for child in top[0].children if child.name != "VTIMEZONE"]
    uids, kinds = {part.value("UID") for part in parts}, {part.name for part in parts}
    if len(uids) != 1 or len(kinds) != 1 or "" in uids:
        raise BadSyntax("A message has one UID and one kind of component")
    (uid,), (kind,) = uids, kinds
    if kind not in SCHEDULED:
        raise BadSyntax(f"{kind[:40]} is not scheduled")
    return ItipMessage(
        id=identity,
        method=method,
        sender=sender,
        recipient=recipient,
        uid=uid,
        component=kind,
        text=text,
        summary=summary_of(parts),
        sequence=max(map(sequence_of, parts)),
        sent_by=_sent_by(parts[0], method),
        created=created,
    )


def summary_of(parts: list[Component]) -> str:
    """The title, on one line."""
    found = next((part.get("SUMMARY") for part in parts if part.get("SUMMARY")), None)
    return " ".join(found.text.split())[:_MAX_SUMMARY] if found else ""


def sequence_of(part: Component) -> int:
    """RFC 5545 §3.8.7.4: 0 without one."""
    value = part.value("SEQUENCE")
    return min(int(value), 2**31 - 1) if value.isascii() and value.isdigit() and len(value) < 20 else 0


def _sent_by(part: Component, method: Method) -> str:
    line = part.get("ORGANIZER" if method.of_organizer else "ATTENDEE")
    return address_of(line.param("SENT-BY") or "") if line else ""
