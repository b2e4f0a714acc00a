"""Policies and all their versions."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from optimails.model.errors import Reason, Refused
from optimails.queue.database import Database
from securemail.policy.decide import Scoped
from securemail.policy.document import Policy, parse


@dataclass(frozen=True, slots=True)
class Written:
    """One version of the policy of a scope."""

    scope: str
    version: int
    policy: Policy
    source: str  # as it was written, comments and all
    author: str
    at: float  # Unix seconds
    comment: str


class Policies:
    """Calls raise ``Unavailable`` when the disk or the database does not work."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    async def get(self, scope: str, version: int | None = None) -> Written | None:
        """The newest version, or the one that is asked for."""
        return await self._database.read(lambda database: _get(database, scope, version))

    async def newest(self) -> list[Written]:
        """Every scope in its newest version."""
        return await self._database.read(_newest)

    async def history(self, scope: str) -> list[Written]:
        """All versions of a scope, the newest first."""
        return await self._database.read(
            lambda database: [
                _written(row)
                for row in database.execute(
                    "SELECT scope, version, source, author, at, comment FROM policy WHERE scope = ? "
                    "ORDER BY version DESC",
                    (scope,),
                )
            ]
        )

    async def of(self, scopes: Sequence[str]) -> list[Scoped]:
        """The newest of these scopes that have one, in this order."""
        found = await self._database.read(lambda database: [_get(database, scope, None) for scope in scopes])
        return [Scoped(one.scope, one.version, one.policy) for one in found if one is not None]

    async def put(self, scope: str, source: str, author: str, comment: str = "", *, after: int | None = None) -> int:
        """A new version; ``after`` is the one it was made from, 0 for none.

        Raises ``BadPolicy``, and ``Refused(IN_USE)`` when somebody else wrote one since.
        """
        parse(source)
        now = self._clock()

        def work(database: sqlite3.Connection) -> int:
            (last,) = database.execute("SELECT max(version) FROM policy WHERE scope = ?", (scope,)).fetchone()
            if after is not None and after != (last or 0):
                raise Refused(Reason.IN_USE, f"The policy of {scope} was changed meanwhile")
            version = (last or 0) + 1
            database.execute(
                "INSERT INTO policy (scope, version, source, author, at, comment) VALUES (?, ?, ?, ?, ?, ?)",
                (scope, version, source, author, now, comment[:500]),
            )
            return version

        return await self._database.write(work)


def _get(database: sqlite3.Connection, scope: str, version: int | None) -> Written | None:
    row = database.execute(
        "SELECT scope, version, source, author, at, comment FROM policy "
        "WHERE scope = ? AND (? IS NULL OR version = ?) ORDER BY version DESC LIMIT 1",
        (scope, version, version),
    ).fetchone()
    return _written(row) if row else None


def _newest(database: sqlite3.Connection) -> list[Written]:
    rows = database.execute(
        "SELECT scope, version, source, author, at, comment FROM policy AS p "
        "WHERE version = (SELECT max(version) FROM policy WHERE scope = p.scope) ORDER BY scope"
    )
    return [_written(row) for row in rows]


def _written(row: tuple[str, int, str, str, float, str]) -> Written:
    scope, version, source, author, at, comment = row
    return Written(scope, version, _parsed(source), source, author, at, comment)


@lru_cache(maxsize=1024)
def _parsed(source: str) -> Policy:
    return parse(source)
