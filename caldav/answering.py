"""What answers requests in one process: Radicale's application, and all that it asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from caldav.application import DavApplication
from caldav.session.exchange import Answer
from caldav.session.visits import Visits
from caldav.session.world import People, World
from optimails.config.dav import DavSettings
from optimails.groupware.company import CompanyBooks
from optimails.groupware.scheduling.pending import Pending
from optimails.groupware.scheduling.resources import Resources
from optimails.groupware.scheduling.scheduler import Scheduler
from optimails.groupware.service import LocalGroupware, bounds_of

if TYPE_CHECKING:
    from optimails.model.company import CompanyEntry
    from optimails.model.photo import Photo


class Directory(People, Protocol):
    """The directory, asked from a thread or from another process."""

    def company(self, domain: str, known: int) -> "tuple[int, tuple[CompanyEntry, ...] | None]":
        """As ``optimails.directory.api.Directory.company``. Raises ``Unavailable``."""

    def photos(self, ids: Sequence[str]) -> "dict[str, Photo]":
        """Of the accounts that have one. Raises ``Unavailable``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What there is once in a service or in a web worker; processes for reports ask their web worker."""

    directory: Directory
    visits: Visits


@dataclass(frozen=True, slots=True)
class Place:
    """Where the data lies, and what holds for it."""

    data: Path
    settings: DavSettings
    open_accounts: int


class Answering:
    """Thread-safe."""

    def __init__(self, place: Place, asked: Asked, groupware: LocalGroupware | None = None) -> None:
        settings, directory = place.settings, asked.directory
        self._groupware = groupware or LocalGroupware(
            place.data, bounds_of(settings), open_accounts=place.open_accounts
        )
        self._company: CompanyBooks | None = None
        if settings.company_book:
            hidden = settings.company_book_hides
            self._company = CompanyBooks(place.data, directory.company, hidden, directory.photos)
        world = World(
            self._groupware,
            directory,
            asked.visits,
            Scheduler(self._groupware, directory, Pending(place.data), automatic=Resources(directory)),
            max_matches=settings.max_matches,
            company=self._company,
        )
        self._application = DavApplication(world, settings.max_body)

    def answer(self, environ: dict[str, Any]) -> Answer:
        """To a request in WSGI's form, on this thread. Never raises."""
        told: list[Any] = []
        environ = {**environ, "wsgi.errors": _Silent()}
        parts = self._application(environ, lambda status, headers: told.extend((status, headers)))
        return Answer(int(told[0].split()[0]), dict(told[1]), b"".join(parts))

    def close(self) -> None:
        self._groupware.close()
        if self._company is not None:
            self._company.close()


class _Silent:
    """Where WSGI would write to; nothing does."""

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        """There is nothing to flush."""
