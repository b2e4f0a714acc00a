"""What is added to a message that is delivered: a mark before its subject, and a field that says how it was judged."""

import re
from email.header import Header

from optimails.delivery.spool import Spool
from securemail.policy.decide import Decision

FIELD = b"X-Optimails-Filter"
_SUBJECT = re.compile(rb"^Subject[ \t]*:[ \t]*", re.IGNORECASE | re.MULTILINE)


def verdict_field(message: str, decision: Decision) -> bytes:
    """``X-Optimails-Filter: ID; spam=possible; action=tag; rule=…``, with its line end."""
    words = [message, f"spam={decision.spam.value}", f"action={decision.action.value}"]
    if decision.decided_by is not None:
        words.append(f"rule={decision.decided_by.rule}")
    return FIELD + b": " + ";\r\n\t".join(words).encode("ascii", "replace") + b"\r\n"


def marked(content: Spool, mark: str) -> Spool | None:
    """Another message, with the mark before its subject; None where it has no header to speak of. Reads from disk."""
    header = content.header()
    if header is None:
        return None
    fields, start = header
    shown = mark if mark.isascii() else Header(mark, "utf-8").encode()
    wanted = shown.replace("\r", "").replace("\n", " ").encode() + b" "
    match = _SUBJECT.search(fields)
    if match is None:
        changed = fields + b"Subject: " + wanted + b"\r\n"
    elif fields[match.end() :].startswith(wanted):
        return None  # it came back
    else:
        changed = fields[: match.end()] + wanted + fields[match.end() :]
    return content.with_header(changed + b"\r\n", start)
