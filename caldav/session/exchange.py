"""One request and its answer, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote, urlsplit

from optimails.groupware.api import Conditions
from optimails.model.account import Account
from optimails.model.errors import BadSyntax

XML = "application/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    @classmethod
    def xml(cls, status: int, body: str, **headers: str) -> "Answer":
        return cls(status, {"Content-Type": XML, **headers}, body.encode("utf-8", "replace"))


@dataclass(frozen=True, slots=True)
class Exchange:
    """``path`` is below ``root`` (the address at which the door is mounted, without slash at its end), unquoted."""

    method: str
    root: str
    path: str
    user: Account
    headers: Mapping[str, str]  # names in lower case
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)
    scheme: str = "https"

    @property
    def origin(self) -> str:
        """The beginning of addresses that stand in texts."""
        return f"{self.scheme}://{self.headers.get('host', 'localhost')}"

    @property
    def depth(self) -> int | None:
        """None: infinity, which is also what no header means. Raises ``BadSyntax``."""
        value = self.headers.get("depth", "infinity").strip().lower()
        try:
            return {"0": 0, "1": 1, "infinity": None}[value]
        except KeyError as wrong:
            raise BadSyntax("Not a depth") from wrong

    @property
    def conditions(self) -> Conditions:
        tag = self.headers.get("if-schedule-tag-match")  # RFC 6638 §8.3
        return Conditions(
            _etags(self.headers.get("if-match")),
            _etags(self.headers.get("if-none-match")),
            tag.strip().strip('"') if tag is not None else None,
        )

    def target(self) -> str:
        """The path of the Destination header (RFC 4918 §10.3), below our root. Raises ``BadSyntax``."""
        value = self.headers.get("destination", "")
        parts = urlsplit(value)
        host = self.headers.get("host", "")
        path = unquote(parts.path)
        if not value or (parts.netloc and parts.netloc.lower() != host.lower()) or not path.startswith(self.root + "/"):
            raise BadSyntax("Not a destination of ours")
        return path.removeprefix(self.root)


def read_query(text: str) -> dict[str, str]:
    """Of each name the last value; nothing when there are too many to mean anything."""
    try:
        return dict(parse_qsl(text[:4_000], keep_blank_values=True, max_num_fields=20))
    except ValueError:
        return {}


def _etags(value: str | None) -> tuple[str, ...] | None:
    """Etags without their quotes; a weak one never matches (RFC 9110 §13.1.1)."""
    if value is None:
        return None
    return tuple(part.strip().strip('"') for part in value.split(",") if not part.strip().startswith("W/"))
