"""A process that makes long answers; ``caldav.reporters`` is who asks it.

It has the files and no directory: what it must know of people it asks back, over the connection on which it got the
request, and there visits to others' collections are written down, too. One request at a time; a process that has grown
over a large answer says how large it is and is replaced.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from caldav.answering import Answering, Asked, Place
from optimails.model.errors import Reason, Refused, Unavailable

NICENESS = 5  # answers that may take a while are made when nothing short is to be done


@dataclass(frozen=True, slots=True)
class Question:
    """To a part of ``caldav.answering.Asked``."""

    part: str
    name: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """What was said to a question, or how it was refused. ``away``: why nothing was said."""

    value: Any = None
    refused: tuple[Reason, str] | None = None
    away: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """The head of an answer; its body follows as bytes."""

    status: int
    headers: dict[str, str]
    memory: int  # bytes that the process holds


def serve(connection: Connection, place: Place) -> None:
    """Answer requests until the other side is gone."""
    there: Any = partial(_There, connection)
    answering = Answering(place, Asked(there("directory"), there("visits")))
    try:
        while True:
            answer = answering.answer(connection.recv())
            connection.send(Finished(answer.status, dict(answer.headers), resident()))
            connection.send_bytes(answer.body or b"")
    except (EOFError, OSError):
        answering.close()


class _There:
    """Something that whoever asked us has: its methods are asked over the connection."""

    def __init__(self, connection: Connection, part: str) -> None:
        self._connection = connection
        self._part = part

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return partial(self._ask, name)

    def _ask(self, name: str, *arguments: object) -> Any:
        self._connection.send(Question(self._part, name, arguments))
        told: Told = self._connection.recv()
        if told.refused is not None:
            raise Refused(*told.refused)
        if told.away:
            raise Unavailable(told.away)
        return told.value


def resident() -> int:
    """Bytes of memory in use."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    except (OSError, ValueError):
        return 0
