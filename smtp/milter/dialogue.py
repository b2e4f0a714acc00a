"""What is said to one filter about one message, as pure dialogues.

Each method of ``Dialogue`` that says something is a generator, as in ``smtp.outbound.dialogue``: it yields what is to
be done next (``Send``, ``Read``) and is sent the filter's answer. ``smtp.milter.link`` plays them on a socket, tests
play them on tables. Which steps a filter wants to hear of, and which of them it answers, it says at the beginning.

A connection lasts as long as one message: an idle client then holds none of the filter's places. So the order is always
the same, and what came before an answer of Accept, Discard or refusal is all there is.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import get_args

from smtp.milter import wire
from smtp.milter.wire import Answer, Change, Final, Nonsense, Stage, Steps


class Patience(Enum):
    """How long an answer may take."""

    COMMAND = auto()
    CONTENT = auto()


@dataclass(frozen=True, slots=True)
class Send:
    data: bytes


@dataclass(frozen=True, slots=True)
class Read:
    patience: Patience


Talk = Generator[Send | Read, Answer, Final]
Macros = Mapping[str, str]
GO_ON = wire.Continue()
_FINAL: tuple[type[Final], ...] = get_args(Final)
_CHANGES: tuple[type[Change], ...] = get_args(Change)
_QUIETLY_LEFT = wire.ABORT + wire.QUIT
FAREWELL = wire.QUIT


class Dialogue:
    """The state: what was agreed, and whether the filter has seen enough of the body."""

    def __init__(self) -> None:
        self._steps = Steps(0)
        self.macros: Mapping[Stage, tuple[str, ...]] = {}  # where the filter wants others than the usual
        self.enough = False  # of the body

    def open(self) -> Talk:
        """Agree on what is said. Raises ``Nonsense``."""
        yield Send(wire.offer())
        agreed = yield Read(Patience.COMMAND)
        if not isinstance(agreed, wire.Agreed) or not wire.OLDEST <= agreed.version <= wire.VERSION:
            raise Nonsense("no agreement on what is spoken")
        self._steps = agreed.steps & wire.OFFERED_STEPS
        self.macros = agreed.macros
        return GO_ON

    def connect(self, name: str, address: str, port: int, macros: Macros) -> Talk:
        packet = wire.connect(name, address, port)
        return self._tell(packet, macros, Steps.NO_CONNECT, Steps.SILENT_CONNECT)

    def helo(self, name: str, macros: Macros) -> Talk:
        return self._tell(wire.helo(name), macros, Steps.NO_HELO, Steps.SILENT_HELO)

    def mail(self, address: str, parameters: Iterable[str], macros: Macros) -> Talk:
        return self._tell(wire.mail(address, parameters), macros, Steps.NO_MAIL, Steps.SILENT_MAIL)

    def rcpt(self, address: str, parameters: Iterable[str], macros: Macros) -> Talk:
        return self._tell(wire.rcpt(address, parameters), macros, Steps.NO_RCPT, Steps.SILENT_RCPT)

    def data(self, macros: Macros) -> Talk:
        return self._tell(wire.DATA, macros, Steps.NO_DATA, Steps.SILENT_DATA)

    def header(self, name: bytes, value: bytes) -> Talk:
        """``value`` as it stands in the message, with the space before it; lines end with LF."""
        if not self._steps & Steps.LEADING_SPACE:
            value = value.removeprefix(b" ")
        packet = wire.header(name, value)
        return self._tell(packet, {}, Steps.NO_HEADERS, Steps.SILENT_HEADER, Patience.CONTENT)

    def end_of_header(self, macros: Macros) -> Talk:
        return self._tell(wire.END_OF_HEADER, macros, Steps.NO_EOH, Steps.SILENT_EOH, Patience.CONTENT)

    @property
    def wants_body(self) -> bool:
        return not (self.enough or self._steps & Steps.NO_BODY)

    @property
    def leading_space(self) -> bool:
        """Whether values of header fields come with the space before them."""
        return bool(self._steps & Steps.LEADING_SPACE)

    def body(self, chunk: bytes) -> Talk:
        """The next piece, at most ``wire.MAX_CHUNK`` bytes."""
        return self._tell(wire.body(chunk), {}, Steps.NO_BODY, Steps.SILENT_BODY, Patience.CONTENT)

    def end(self, macros: Macros, take: Callable[[Change], None]) -> Talk:
        """The message is complete: the filter says what it changes, each to be taken, and then its word."""
        yield Send(_macros(wire.END, macros) + wire.END)
        while True:
            answer = yield Read(Patience.CONTENT)
            if isinstance(answer, _CHANGES):
                take(answer)
            elif isinstance(answer, _FINAL):
                return answer
            elif not isinstance(answer, wire.Progress):
                raise Nonsense(f"{type(answer).__name__} at the end of the message")

    @staticmethod
    def leave() -> bytes:
        """Last words in the middle of a message."""
        return _QUIETLY_LEFT

    def _tell(
        self, packet: bytes, macros: Macros, unwanted: Steps, silent: Steps, patience: Patience = Patience.COMMAND
    ) -> Talk:
        if self._steps & unwanted:
            return GO_ON
        yield Send(_macros(packet, macros) + packet)
        if self._steps & silent:
            return GO_ON
        while True:
            answer = yield Read(patience)
            if isinstance(answer, _FINAL):
                return answer
            if isinstance(answer, wire.Skip) and unwanted is Steps.NO_BODY:
                self.enough = True
                return GO_ON
            if not isinstance(answer, wire.Progress):
                raise Nonsense(f"{type(answer).__name__} where a decision was expected")


def _macros(packet: bytes, macros: Macros) -> bytes:
    """Facts stand before the packet they belong to, and name its kind."""
    return wire.macros(packet[4:5], macros) if macros else b""
