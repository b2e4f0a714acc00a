"""The tables: migrations, several processes, an engine that is away."""

import multiprocessing
import sqlite3
import threading
import traceback

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from optimails.config.directory import DirectorySettings
from optimails.directory import migrate
from optimails.directory.admin import Admin
from optimails.directory.database import open_database
from optimails.directory.local import LocalDirectory
from optimails.directory.schema import metadata
from optimails.model.account import Service
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from tests.support.in_loop import in_loop


def test_the_migrations_make_exactly_the_tables_of_the_program(opener):
    with opener().read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_migration_is_the_one_the_program_expects():
    config = Config()
    config.set_main_option("script_location", "optimails.directory:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [migrate.HEAD]


def test_a_database_of_a_newer_program_is_left_alone(opener, settings, tmp_path):
    database = opener()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Unavailable, match="newer version"):
        open_database(settings, tmp_path)


def test_only_the_owner_may_read_the_file_with_the_password_hashes(tmp_path):
    open_database(DirectorySettings(), tmp_path / "new").close()
    assert (tmp_path / "new" / "directory.sqlite").stat().st_mode & 0o077 == 0


def _open_and_add(folder, number):
    settings = DirectorySettings()
    admin = Admin(open_database(settings, folder), settings)
    admin.domain_add(f"d{number}.test")


def test_errors_of_the_database_do_not_show_the_values(opener):
    with pytest.raises((DBAPIError, Unavailable)) as failure, opener().write() as connection:
        connection.execute(text("INSERT INTO nowhere VALUES (:hash)"), {"hash": "$2b$12$secret"})
    assert "secret" not in "".join(traceback.format_exception(failure.value)).replace('{"hash": "$2b$12$secret"}', "")


def test_processes_that_start_together_on_an_empty_folder_agree(tmp_path):
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_open_and_add, args=(tmp_path, number)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    settings = DirectorySettings()
    domains = Admin(open_database(settings, tmp_path), settings).domain_list()
    assert [domain.name for domain in domains] == ["d0.test", "d1.test", "d2.test"]


def test_writers_wait_for_each_other_and_none_is_lost(opener, settings):
    admin = Admin(opener(), settings)
    admin.domain_add("demo.test")
    before = admin.database.version()
    failed = []

    def add(prefix):
        mine = Admin(opener(), settings)
        try:
            for number in range(10):
                mine.account_add(f"{prefix}{number}@demo.test")
        except Exception as error:  # noqa: BLE001 - shown by the assertion
            failed.append(error)

    threads = [threading.Thread(target=add, args=(prefix,)) for prefix in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(admin.account_list()) == 30
    assert admin.database.version() == before + 30


def test_what_is_refused_changes_nothing(opener, settings):
    admin = Admin(opener(), settings)
    admin.domain_add("demo.test")
    before = admin.database.version()
    for wrong in (lambda: admin.domain_add("demo.test"), lambda: admin.account_add("x@demo.test", plan="gold")):
        with pytest.raises(Exception, match=r"exists|no plan"):
            wrong()
    assert admin.database.version() == before


@pytest.mark.engine
@in_loop
async def test_a_postgresql_that_stops_is_unavailable_and_comes_back(cluster, tmp_path):
    settings = DirectorySettings(url=cluster.url(cluster.create_database()), bcrypt_cost=4, connect_seconds=2)
    database = open_database(settings, tmp_path)
    admin = Admin(database, settings)
    admin.domain_add("demo.test")
    admin.account_add("anna@demo.test", password="correct horse")
    services = LocalDirectory(database, settings)
    await services.authenticate("anna@demo.test", "correct horse", Service.IMAP)
    cluster.stop()
    try:
        # A remembered login too: whether the account was suspended meanwhile cannot be known.
        with pytest.raises(Unavailable):
            await services.authenticate("anna@demo.test", "correct horse", Service.IMAP)
        for address in ("anna", "nobody"):
            with pytest.raises(Unavailable):
                await services.resolve(EmailAddress(address, "demo.test"))
    finally:
        cluster.start()
    await services.authenticate("anna@demo.test", "correct horse", Service.IMAP)
    await services.close()
    database.close()


@in_loop
async def test_a_damaged_file_is_unavailable_and_never_no_such_user(tmp_path):
    settings = DirectorySettings(bcrypt_cost=4)
    database = open_database(settings, tmp_path)
    Admin(database, settings).domain_add("demo.test")
    services = LocalDirectory(database, settings)
    with sqlite3.connect(tmp_path / "directory.sqlite") as connection:
        connection.execute("ALTER TABLE directory RENAME TO gone")
    with pytest.raises(Unavailable):
        await services.resolve(EmailAddress("anna", "demo.test"))
    await services.close()
    database.close()


def test_a_url_that_is_no_database_is_a_plain_error(tmp_path):
    for url in ("mysql://host/db", "nonsense"):
        with pytest.raises(ValueError, match="url"):
            open_database(DirectorySettings(url=url), tmp_path)


def test_a_database_of_the_first_version_keeps_its_accounts(tmp_path):
    settings = DirectorySettings(bcrypt_cost=4, scram_iterations=4096)
    path = tmp_path / "directory.sqlite"
    admin = Admin(open_database(settings, tmp_path), settings)
    admin.domain_add("demo.test")
    admin.account_add("anna@demo.test")
    admin.database.close()
    with sqlite3.connect(path) as old:
        old.execute("ALTER TABLE account DROP COLUMN forward")
        old.execute("ALTER TABLE account DROP COLUMN forward_copy")
        for table in ("account", "domain"):
            old.execute(f"ALTER TABLE {table} DROP COLUMN free_busy")
        lists = ("list_bounce", "list_role", "list_member", "mailing_list")
        for table in (
            "acl_entry",
            "common_seen",
            "share_answer",
            "delegation",
            *lists,
            "contact",
            "photo",
            "secret_address",
            "resource",
        ):
            old.execute(f"DROP TABLE {table}")
        old.execute("ALTER TABLE address DROP COLUMN list")
        old.execute("ALTER TABLE address DROP COLUMN hidden")
        old.execute("ALTER TABLE plan DROP COLUMN features")
        old.execute("ALTER TABLE plan DROP COLUMN family")
        old.execute("UPDATE alembic_version SET version_num = '0001'")
    old.close()
    again = Admin(open_database(settings, tmp_path), settings)
    (anna,) = again.account_list()
    assert (anna.address, anna.forward, anna.forward_copy) == ("anna@demo.test", (), True)
    assert {plan.id: len(plan.features) for plan in again.plan_list()} == {"basic": 2, "premium": 4, "shex": 4}
    again.database.close()
