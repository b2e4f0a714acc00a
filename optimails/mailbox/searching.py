"""SEARCH: a query against the messages of one view. Blocking; always run in a thread.

Each kind of term narrows a set of candidate UIDs. Terms of an AND run from cheap to dear, so that files are read only
for messages that everything else has left. What the index knows is asked in one statement for the whole mailbox.

Text is compared folded (``folding``). Words in bodies are looked up in the text index where there is one, and where
there is none yet, the search that misses it asks for it.
"""

import time
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, date, datetime

from optimails import mime
from optimails.index import messages, seen
from optimails.index.database import Damaged, Database, storage_errors
from optimails.index.texts import PARTS
from optimails.mailbox import indexing
from optimails.mailbox.engine import Engine
from optimails.mailbox.folding import fold
from optimails.model import number_set
from optimails.model import query as q
from optimails.model.errors import Reason, Refused
from optimails.model.flags import DELETED, FLAGGED, SEEN, Flag
from optimails.model.ids import MailboxId, Uid
from optimails.model.number_set import NumberSet
from optimails.model.query import Query

WORK = 30_000_000  # messages looked at for all terms of a search together: some ten seconds of a thread
_READ = 20  # how much more reading a file is than looking at a row
_COST = {q.HeaderContains: 2, q.BodyContains: 4, q.TextContains: 5}
_RARE = {FLAGGED: "flags & 2 = 2", DELETED: "flags & 4 = 4"}  # each has an index of its own
_UNSEEN = "flags & 8 = 0"


@storage_errors
def search(  # noqa: PLR0913 - what a session is, and what it asks
    engine: Engine, mailbox: MailboxId, query: Query, view: Sequence[int], recent_from: int, *, viewer: str = ""
) -> list[Uid]:
    """The UIDs of the view that match, ascending, as ``viewer`` sees the flags."""
    found = _Search(engine, mailbox, view, recent_from, viewer).matching(query, frozenset(view))
    return [Uid(uid) for uid in (view if len(found) == len(view) else sorted(found))]


class _Search:
    def __init__(self, engine: Engine, mailbox: MailboxId, view: Sequence[int], recent_from: int, viewer: str) -> None:
        self.viewer = viewer
        self.engine = engine
        self.mailbox = mailbox
        self.view = view
        self.recent_from = recent_from
        self.work = 0

    @property
    def database(self) -> Database:
        return self.engine.database

    def _worked(self, messages: int) -> None:
        """Thousands of terms over a large mailbox would keep a thread busy for minutes."""
        self.work += messages
        if self.work > WORK:
            raise Refused(Reason.LIMIT, "The search is too complex for so many messages")

    def matching(self, query: Query, among: AbstractSet[int]) -> AbstractSet[int]:
        """Those of the candidates that match."""
        if not among:
            return among
        match query:
            case q.All():
                return among
            case q.And(terms):
                for term in sorted(dict.fromkeys(terms), key=_cost):
                    among = self.matching(term, among)
                return among
            case q.Or(terms):
                found: set[int] = set()
                for term in sorted(dict.fromkeys(terms), key=_cost):
                    found |= self.matching(term, among - found)
                return found
            case q.Not(q.HasFlag(flag)) if flag == SEEN and not self.viewer:
                return among & self._where_flags(_UNSEEN)
            case q.Not(term):
                return among - self.matching(term, among)
            case _:
                return self._leaf(query, among)

    def _leaf(self, query: Query, among: AbstractSet[int]) -> AbstractSet[int]:  # noqa: C901, PLR0912 - a table of cases
        self._worked(len(self.view))
        match query:
            case q.HasFlag(flag):
                return among & self._with_flag(flag)
            case q.IsRecent():
                return {uid for uid in among if uid >= self.recent_from}
            case q.InSet(numbers, by_uid):
                return among & self._in_set(numbers, by_uid=by_uid)
            case q.ChangedSince(modseq):
                with self.database.read() as connection:
                    rows = seen.changed_since(connection, self.mailbox, modseq - 1, self.viewer)
                return among & {uid for uid, _, _ in rows}
            case q.LargerThan(size):
                return among & self._where_content("size > ?", size)
            case q.SmallerThan(size):
                return among & self._where_content("size < ?", size)
            case q.YoungerThan(seconds):
                return among & self._where_content("internal_date >= ?", int(time.time()) - seconds)
            case q.DateBefore(field, day):
                return among & self._where_content(*_date_condition(field, "<", day))
            case q.DateSince(field, day):
                return among & self._where_content(*_date_condition(field, ">=", day))
            case q.HasObjectId(identity):
                return among & self._where_content("email = ?", identity)
            case q.HeaderContains(field, text):
                return self._with_header(field, text, among)
            case q.BodyContains(text):
                return self._with_text(text, among, header=False)
            case q.TextContains(text):
                return self._with_text(text, among, header=True)
        raise AssertionError(f"no rule for {type(query).__name__}")

    # -- what the index knows ------------------------------------------------------------------------------------------

    def _with_flag(self, flag: str) -> set[int]:
        if flag == SEEN and self.viewer:
            with self.database.read() as connection:
                return seen.seen_uids(connection, self.mailbox, self.viewer)
        if flag in _RARE:
            return self._where_flags(_RARE[flag])  # type: ignore[index]  # a Flag
        mask = self.engine.keywords.mask((Flag(flag),))
        return self._where_flags(f"flags & {mask} != 0") if mask else set()

    def _where_flags(self, condition: str) -> set[int]:
        statement = f"SELECT uid FROM message WHERE mailbox = ? AND {condition}"  # noqa: S608 - ours, with numbers
        with self.database.read() as connection:
            return {uid for (uid,) in connection.execute(statement, (self.mailbox,))}

    def _where_content(self, condition: str, value: int | str) -> set[int]:
        first = self.mailbox << 32
        statement = f"SELECT id - ? FROM content WHERE id BETWEEN ? AND ? AND {condition}"  # noqa: S608 - ours
        with self.database.read() as connection:
            return {uid for (uid,) in connection.execute(statement, (first, first, first | 0xFFFFFFFF, value))}

    def _in_set(self, numbers: NumberSet, *, by_uid: bool) -> set[int]:
        largest = (self.view[-1] if by_uid else len(self.view)) if self.view else 0
        ranges = numbers.resolved(largest).ranges
        if by_uid:
            return set(number_set.among(self.view, ranges))
        return {uid for low, high in ranges for uid in self.view[low - 1 : high]}

    # -- what is in the text -------------------------------------------------------------------------------------------

    def _with_header(self, field: str, text: str, among: AbstractSet[int]) -> set[int]:
        name, needle = field.lower().encode("ascii", "replace"), fold(text)
        found: set[int] = set()
        for uid, header in self._headers(among, prepared=name in mime.PREPARED_FIELDS):
            if any(needle in fold(value) for value in mime.header_text(header, name)):
                found.add(uid)
        return found

    def _headers(self, among: AbstractSet[int], *, prepared: bool) -> Iterable[tuple[int, bytes]]:
        """(UID, something that begins with the header) of the candidates that are still there."""
        if not prepared:
            yield from self._files(among)
            return
        for low, high in messages.ranges_of(sorted(among)):
            with self.database.read() as connection:
                rows = connection.execute(
                    "SELECT id - ?, headers FROM prepared WHERE id BETWEEN ? AND ?",
                    (self.mailbox << 32, messages.key(self.mailbox, low), messages.key(self.mailbox, high)),
                )
                whole = [(uid, headers) for uid, headers in rows]
            for uid, headers in whole:
                if headers is not None:
                    yield uid, headers + b"\r\n"
                else:
                    yield from self._files({uid})

    def _with_text(self, text: str, among: AbstractSet[int], *, header: bool) -> set[int]:
        """From the text index as far as it reaches, from the files beyond. The first search makes it wanted."""
        needle = fold(text)
        try:
            reached, found = self._in_index(needle, among, header=header)
        except Damaged:
            self.engine.texts.discard()
            reached, found = 0, set()
        beyond = {uid for uid in among if uid > reached}
        if beyond:
            found |= self._in_files(needle, beyond, header=header)
            self.engine.want_texts(self.mailbox)
        return found

    @storage_errors
    def _in_index(self, needle: str, among: AbstractSet[int], *, header: bool) -> tuple[int, set[int]]:
        """The last UID that is indexed, and what was found up to there."""
        texts = self.engine.texts
        reached = texts.progress(self.mailbox) if texts.wanted else 0
        if not reached:
            return 0, set()
        return reached, {
            uid
            for uid, folded in texts.candidates(self.mailbox, needle)
            if uid in among and needle in (folded if header else folded[folded.index(PARTS) :])
        }

    def _in_files(self, needle: str, among: AbstractSet[int], *, header: bool) -> set[int]:
        return {
            uid
            for uid, message in self._files(among)
            if (header and needle in indexing.header_text(message)) or needle in indexing.body_text(message)
        }

    def _files(self, among: AbstractSet[int]) -> Iterable[tuple[int, bytes]]:
        for uid in sorted(among):
            self._worked(_READ)
            with self.database.read() as connection:
                place = messages.file_of(connection, self.mailbox, uid)
            if place is None:
                continue
            try:
                file = self.engine.files.open(*place)
            except FileNotFoundError:
                continue
            try:
                yield uid, file.view()
            finally:
                file.close()


def _cost(query: Query) -> int:
    match query:
        case q.And(terms) | q.Or(terms):
            return max((_cost(term) for term in terms), default=0)
        case q.Not(term):
            return _cost(term)
        case _:
            return _COST.get(type(query), 0)


def _date_condition(field: q.DateField, comparison: str, day: date) -> tuple[str, int]:
    if field is q.DateField.SENT:
        return f"sent_day {comparison} ?", day.toordinal()
    column = "internal_date" if field is q.DateField.INTERNAL else "saved"
    return f"{column} {comparison} ?", int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
