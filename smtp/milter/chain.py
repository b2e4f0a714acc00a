"""The filters of a listener, asked one after the other about each message.

``Filters`` is what a listener has, ``Filtering`` is one message. A filter sees what those before it made of the
message. The first that refuses or discards ends it; one that accepts is not asked further about this message, or this
client. When a filter is away, hangs, or talks nonsense, its setting says what becomes of the message; what it had
changed by then does not count.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from prometheus_client import Counter

from optimails.config.milter import MilterSettings
from optimails.delivery.spool import Spool
from optimails.dns import Resolver
from optimails.dns.names import host_name
from optimails.model.address import EmailAddress
from smtp.milter import changes, macros, wire
from smtp.milter.changes import Message, Wishes
from smtp.milter.dialogue import FAREWELL, Dialogue, Patience, Talk
from smtp.milter.link import Link, Lost
from smtp.milter.macros import Client
from smtp.milter.wire import Final, Nonsense, Stage

log = logging.getLogger(__name__)

_ANSWERS = Counter(
    "optimails_milter_answers_total", "Decisions of filters, by filter and answer.", ["filter", "answer"]
)
_FAILURES = Counter("optimails_milter_failures_total", "Messages that a filter did not answer for.", ["filter"])
LONGEST_LOOK = 600.0  # seconds for one content, whatever a filter says: clients wait as long (RFC 5321 §4.5.3.2.6)
_GO_ON = wire.Continue()
_DEFAULTS: dict[str, Final] = {
    "tempfail": wire.Reply("451 4.7.1 A filter does not answer, try again later"),
    "accept": wire.Accept(),
    "reject": wire.Reply("550 5.7.1 A filter does not answer"),
}


@dataclass(slots=True)
class Filter:
    """One filter, and how many messages it sees at a time."""

    settings: MilterSettings
    places: asyncio.Semaphore = field(init=False)

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(self.settings.connections)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the filters made of the content."""

    word: Final
    message: Message
    sender: str | None = None  # another one, with angle brackets or without
    added: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()
    junk: bool = False
    hold: str = ""  # why it waits in the queue


class Filters:
    """One for each listener and worker."""

    def __init__(
        self, settings: Iterable[MilterSettings], listener: str, port: int = 0, resolver: Resolver | None = None
    ) -> None:
        """``resolver`` knows names of clients; without one nobody does."""
        self._filters = tuple(Filter(one) for one in settings)
        self.listener = listener  # its name
        self.port = port
        self._resolver = resolver

    async def name_of(self, address: str) -> str:
        """The verified name of a client's machine; empty when nobody knows. Filters distrust clients without one."""
        return await host_name(self._resolver, address) if self._resolver is not None and address else ""

    def begin(self, client: Client, identifier: str, known: dict[str, Final]) -> "Filtering":
        """A message. ``known`` is kept for the client's next one: what filters said of the client itself."""
        return Filtering(self._filters, client, identifier, known)


class Talking:
    """One filter and one message."""

    def __init__(self, of: Filter, identifier: str) -> None:
        self.settings = of.settings
        self.label = of.settings.label
        self.dialogue = Dialogue()
        self.word: Final = _GO_ON  # what is said of the whole message
        self._places = of.places
        self._identifier = identifier
        self._link: Link | None = None

    async def begin(self) -> Final:
        """Connect, and agree on what is said. Gives what the setting says when that fails."""
        try:
            await self._open()
        except (Lost, Nonsense) as wrong:
            return self.failed(str(wrong))
        return self.word

    async def _open(self) -> None:
        settings = self.settings
        try:
            async with asyncio.timeout(settings.connect_timeout):
                await self._places.acquire()
        except TimeoutError as wrong:
            raise Lost("it sees as many messages as it may") from wrong
        patience = {Patience.COMMAND: settings.command_timeout, Patience.CONTENT: settings.content_timeout}
        try:
            self._link = await Link.open(settings.place, settings.connect_timeout, patience)
        finally:
            if self._link is None:
                self._places.release()
        await self._link.play(self.dialogue.open())

    async def say(self, talk: Talk) -> Final:
        """Play one step; gives the filter's word, or what its setting says when it fails."""
        if not isinstance(self.word, wire.Continue) or self._link is None:
            return self.word
        try:
            word = await self._link.play(talk)
        except (Lost, Nonsense) as wrong:
            return self.failed(str(wrong))
        if not isinstance(word, wire.Continue):
            _ANSWERS.labels(self.label, type(word).__name__.lower()).inc()
        return word

    def failed(self, why: str) -> Final:
        """It is of no more use for this message."""
        _FAILURES.labels(self.label).inc()
        fields = {"filter": self.label, "message": self._identifier, "why": why}
        log.warning("milter_failed", extra={"fields": fields})
        self.leave(abort=True)
        self.word = _DEFAULTS[self.settings.on_failure]
        return self.word

    def leave(self, *, last_words: bytes = b"", abort: bool = False) -> None:
        """Give back the connection; calling this again does nothing."""
        link, self._link = self._link, None
        if link is None:
            return
        self._places.release()
        if abort:
            link.abort()
        else:
            link.close(last_words)


class Filtering:
    """One message on its way through the filters. Calls give ``Continue``, or the word that ends something."""

    def __init__(self, filters: Sequence[Filter], client: Client, identifier: str, known: dict[str, Final]) -> None:
        self._client = client
        self._facts = macros.of_client(client)
        self._known = known
        self._talking = [Talking(one, identifier) for one in filters]
        self._bodies: list[Spool] = []  # made on the way
        self._identifier = identifier
        self._data_told = False
        self.discarded = False  # somebody wants it thrown away, and nobody told

    async def mail(self, sender: EmailAddress | None, parameters: Sequence[str]) -> Final:
        """MAIL, and before it who the client is."""
        self._facts |= macros.of_sender(self._identifier, sender)
        for one in self._talking:
            word = await self._introduce(one)
            if isinstance(word, wire.Continue):
                talk = one.dialogue.mail(f"<{sender or ''}>", parameters, self._at(Stage.MAIL, one))
                word = await one.say(talk)
            if (ended := self._of_message(one, word)) is not None:
                return ended
        return _GO_ON

    async def _introduce(self, one: Talking) -> Final:
        """Who is connected and what it calls itself: what a filter says to that goes for all of the client's mail."""
        if one.label in self._known:
            return self._known[one.label]
        client, dialogue = self._client, one.dialogue
        word = await one.begin()
        if isinstance(word, wire.Continue):
            facts = self._at(Stage.CONNECT, one)
            word = await one.say(dialogue.connect(macros.name_of(client), client.address, client.port, facts))
        if isinstance(word, wire.Continue):
            word = await one.say(dialogue.helo(client.hello, self._at(Stage.HELO, one)))
        if not isinstance(word, wire.Continue) and isinstance(one.word, wire.Continue):  # said, not failed
            self._known[one.label] = word
        return word

    async def rcpt(self, recipient: EmailAddress, parameters: Sequence[str], *, local: bool) -> Final:
        """RCPT: a refusal concerns this recipient alone."""
        self._facts |= macros.of_recipient(recipient, local=local)
        for one in self._talking:
            word = await one.say(one.dialogue.rcpt(f"<{recipient}>", parameters, self._at(Stage.RCPT, one)))
            if isinstance(word, wire.Accept | wire.Discard):
                self._of_message(one, word)
            elif not isinstance(word, wire.Continue):
                return word
        return _GO_ON

    async def data(self) -> Final:
        """DATA; with BDAT it is told with the content."""
        self._data_told = True
        for one in self._talking:
            word = await one.say(one.dialogue.data(self._at(Stage.DATA, one)))
            if (ended := self._of_message(one, word)) is not None:
                return ended
        return _GO_ON

    async def content(self, message: Message, spool: Callable[[], Spool], limit: int) -> Verdict:
        """The whole content. New bodies go into what ``spool`` gives, and are at most ``limit`` bytes."""
        verdict = Verdict(_GO_ON if self._data_told else await self.data(), message)
        if not isinstance(verdict.word, wire.Continue):
            return verdict
        for one in self._talking:
            try:
                async with asyncio.timeout(LONGEST_LOOK):
                    verdict = await self._judge(one, verdict, spool, limit)
            except TimeoutError:
                word = one.failed(f"it has been at work for {LONGEST_LOOK:g} seconds")
                verdict = replace(verdict, word=word)
            if (ended := self._of_message(one, verdict.word)) is not None:
                return replace(verdict, word=ended)
        return replace(verdict, word=wire.Discard() if self.discarded else _GO_ON)

    async def _judge(self, one: Talking, verdict: Verdict, spool: Callable[[], Spool], limit: int) -> Verdict:
        message = verdict.message
        word = await self._show(one, message)
        if not isinstance(word, wire.Continue):
            return replace(verdict, word=word)
        wishes, empty = Wishes(one.dialogue.leading_space), spool()
        self._bodies.append(empty)
        word = await one.say(
            one.dialogue.end(self._at(Stage.END, one), lambda change: wishes.take(change, empty, limit))
        )
        taken = isinstance(word, wire.Continue | wire.Accept)
        if not taken or not isinstance(one.word, wire.Continue):  # what it wished before it failed does not count
            return replace(verdict, word=word)
        one.leave(last_words=FAREWELL)
        wishes.finish()
        try:
            changed = changes.apply(wishes, message)
        except Nonsense as wrong:
            return replace(verdict, word=one.failed(str(wrong)))
        return self._noted(one, replace(verdict, word=_GO_ON, message=changed), wishes)

    def _noted(self, one: Talking, verdict: Verdict, wishes: Wishes) -> Verdict:
        junk, hold = verdict.junk, verdict.hold
        if wishes.quarantine is not None:
            fields = {"filter": one.label, "message": self._identifier, "reason": wishes.quarantine[:200]}
            log.info("milter_quarantined", extra={"fields": fields})
            if one.settings.quarantine == "hold":
                hold = hold or wishes.quarantine or one.label
            else:
                junk = True
        return replace(
            verdict,
            sender=wishes.sender if wishes.sender is not None else verdict.sender,
            added=(*verdict.added, *wishes.added),
            deleted=(*verdict.deleted, *wishes.deleted),
            junk=junk,
            hold=hold,
        )

    async def _show(self, one: Talking, message: Message) -> Final:
        """Everything of the content but its end."""
        dialogue = one.dialogue
        word: Final = one.word
        for part in message.fields:
            if not isinstance(word, wire.Continue):
                return word
            if part.name:
                word = await one.say(dialogue.header(part.name, part.value.replace(b"\r\n", b"\n")))
        if isinstance(word, wire.Continue):
            word = await one.say(dialogue.end_of_header(self._at(Stage.EOH, one)))
        pieces = message.pieces()
        in_memory = message.body.whole() is not None
        loop = asyncio.get_running_loop()
        while isinstance(word, wire.Continue) and dialogue.wants_body:
            piece = next(pieces, b"") if in_memory else await loop.run_in_executor(None, next, pieces, b"")
            if not piece:
                break
            word = await self._show_piece(one, piece)
        return word

    @staticmethod
    async def _show_piece(one: Talking, piece: bytes) -> Final:
        word: Final = _GO_ON
        for start in range(0, len(piece), wire.MAX_CHUNK):
            if not isinstance(word, wire.Continue) or not one.dialogue.wants_body:
                break
            word = await one.say(one.dialogue.body(piece[start : start + wire.MAX_CHUNK]))
        return word

    def _at(self, stage: Stage, one: Talking) -> dict[str, str]:
        return macros.at(stage, self._facts, one.dialogue.macros)

    def _of_message(self, one: Talking, word: Final) -> Final | None:
        """A word about the whole message; gives it when it ends the message for its sender, too."""
        if isinstance(word, wire.Continue):
            return None
        one.word = word
        one.leave(last_words=Dialogue.leave())
        if isinstance(word, wire.Accept):
            return None
        if isinstance(word, wire.Discard):
            self.discarded = True
            for other in self._talking:  # nobody else need look at what is thrown away
                other.word = wire.Accept()
                other.leave(last_words=Dialogue.leave())
            return None
        return word

    def close(self) -> None:
        """The message is over; calling this again does nothing."""
        for one in self._talking:
            one.leave(last_words=Dialogue.leave())
        for body in self._bodies:
            body.close()
