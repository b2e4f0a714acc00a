"""What supervisor and workers say to each other: JSON objects, one a line, through two pipes.

The pipe towards the worker is also its lifeline: when it ends, the supervisor is gone and the worker goes, too.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

COMMANDS_FD = 3  # the worker reads there
REPORTS_FD = 4  # and writes there
FIRST_SOCKET_FD = 5
MAX_LINE = 4 * 1024 * 1024  # a worker's start order holds the whole configuration


@dataclass(frozen=True, slots=True)
class StartOrder:
    """The first line to a worker: the configuration as the supervisor checked it, not as the file is by now."""

    name: str
    kind: str  # "mail", "web" or "jobs"
    config: str  # text of the file
    path: str  # its place
    sockets: list[tuple[int, int]]  # descriptor, index of the listener


@dataclass(frozen=True, slots=True)
class DrainOrder:
    """Stop accepting; end when the connections have ended, or after so many seconds."""

    timeout: float


@dataclass(frozen=True, slots=True)
class Listening:
    """The worker serves."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the worker does, told every few seconds."""

    connections: int
    directory: bool  # whether it answers
    memory: int  # resident bytes
    delay: float  # seconds by which the event loop was late


Message = StartOrder | DrainOrder | Listening | Status
_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (StartOrder, DrainOrder, Listening, Status)}


def encode(message: Message) -> bytes:
    return json.dumps({"is": type(message).__name__, **asdict(message)}).encode() + b"\n"


class Decoder:
    """Bytes in, messages out."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Raises ``ValueError`` when it is not our language."""
        self._buffer += data
        if len(self._buffer) > MAX_LINE:
            raise ValueError("a message without an end")
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = bytearray(rest)
        for line in lines:
            yield _decode(line)


def _decode(line: bytes | bytearray) -> Message:
    values: dict[str, Any] = json.loads(line)
    try:
        message = _KINDS[values.pop("is")](**values)
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"not a message: {wrong}") from wrong
    if isinstance(message, StartOrder):
        return StartOrder(**{**values, "sockets": [(fd, index) for fd, index in message.sockets]})
    return message
