"""The notification method ``mailto`` (RFC 5436): its URIs."""

from dataclasses import dataclass
from urllib.parse import unquote

from sieve.language.values import is_address

MAX_URI = 2_000
MAX_RECIPIENTS = 8


@dataclass(frozen=True, slots=True)
class Mailto:
    recipients: tuple[str, ...]
    subject: str | None = None
    body: str | None = None


def parse(uri: str) -> Mailto:
    """RFC 6068; header fields but subject, body, to and cc are ignored (RFC 5436 §2.3). Raises ``ValueError``."""
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme.lower() != "mailto" or len(uri) > MAX_URI:
        raise ValueError("not a mailto URI")
    path, _, query = rest.partition("?")
    recipients = [unquote(one) for one in path.split(",") if one]
    values: dict[str, str] = {}
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        name = unquote(name).lower()
        if name in ("to", "cc"):
            recipients += [unquote(one).strip() for one in unquote(value).split(",") if one]
        else:
            values.setdefault(name, unquote(value))
    recipients = list(dict.fromkeys(recipients))
    if not recipients or len(recipients) > MAX_RECIPIENTS or not all(map(is_address, recipients)):
        raise ValueError("a mailto URI names one to eight addresses")
    subject = values.get("subject")
    return Mailto(tuple(recipients), subject and " ".join(subject.split()), values.get("body"))


def is_valid(uri: str) -> bool:
    try:
        parse(uri)
    except ValueError:
        return False
    return True
