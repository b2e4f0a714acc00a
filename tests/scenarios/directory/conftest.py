"""The directory on each engine: a fresh database for each test, copied from one that was migrated once."""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest

from optimails.config.directory import DirectorySettings, LdapSettings
from optimails.directory.admin import Admin
from optimails.directory.database import Database, open_database
from optimails.directory.local import LocalDirectory
from tests.support.postgres import Postgres, postgres

FAST = {"bcrypt_cost": 4, "scram_iterations": 4096}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.fixture(scope="session")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    made: dict[str, str] = {}

    def make(engine: str) -> str:
        if engine not in made:
            folder = tmp_path_factory.mktemp("template")
            if engine == "sqlite":
                open_database(DirectorySettings(), folder).close()
                made[engine] = str(folder / "directory.sqlite")
            else:
                running: Postgres = request.getfixturevalue("cluster")
                made[engine] = running.create_database()
                open_database(DirectorySettings(url=running.url(made[engine])), folder).close()
        return made[engine]

    return make


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.engine)])
def engine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def settings(
    engine: str, tmp_path: Path, template: Callable[[str], str], request: pytest.FixtureRequest
) -> DirectorySettings:
    if engine == "sqlite":
        shutil.copy(template(engine), tmp_path / "directory.sqlite")
        return DirectorySettings(**FAST)
    running: Postgres = request.getfixturevalue("cluster")
    return DirectorySettings(url=running.url(running.create_database(template(engine))), **FAST)


Opener = Callable[[], Database]


@pytest.fixture
def opener(settings: DirectorySettings, tmp_path: Path) -> Iterator[Opener]:
    """Each call opens the same database anew, as another process would."""
    opened: list[Database] = []

    def open_it() -> Database:
        opened.append(open_database(settings, tmp_path))
        return opened[-1]

    yield open_it
    for database in opened:
        database.close()


@pytest.fixture
def admin(opener: Opener, settings: DirectorySettings) -> Admin:
    """As the command line is: beside the services, with connections of its own."""
    return Admin(opener(), settings)


DirectoryMaker = Callable[..., AbstractAsyncContextManager[LocalDirectory]]


@pytest.fixture
def directory(opener: Opener, settings: DirectorySettings) -> DirectoryMaker:
    """``async with directory() as d``; settings may be given by name, LDAP servers as ``ldap=[…]``."""

    @contextlib.asynccontextmanager
    async def make(ldap: tuple[LdapSettings, ...] = (), **changes: object) -> AsyncIterator[LocalDirectory]:
        made = LocalDirectory(opener(), settings.model_copy(update=changes), ldap)
        try:
            yield made
        finally:
            await made.close()

    return make
