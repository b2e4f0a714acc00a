"""Keywords, reserved numbers, schema."""

import pytest

from optimails.index import accounts, mailboxes
from optimails.index.database import Damaged, Database, Schema
from optimails.index.keywords import FIRST_BIT, LAST_BIT, KeywordTable
from optimails.mailbox.api import NewMessage
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.flags import SEEN, Flag
from optimails.model.ids import AccountId
from tests.support.memory import account, memory_mail
from tests.support.old_index import make_old
from tests.support.run import run


def table():
    database = Database(None)
    accounts.prepare(database, AccountId("aa"))
    return database, KeywordTable(database)


def test_a_keyword_keeps_its_bit_and_its_first_spelling():
    database, keywords = table()
    with database.write() as connection:
        mask = keywords.assign(connection, {Flag("$Work"), SEEN})
        assert keywords.assign(connection, {Flag("$WORK"), SEEN}) == mask
    assert keywords.render(mask) == b"\\Seen $Work"
    assert KeywordTable(database).names(mask) == [SEEN, "$Work"]


def test_a_bit_that_another_process_assigned_is_looked_up():
    database, ours = table()
    theirs = KeywordTable(database)
    with database.write() as connection:
        mask = theirs.assign(connection, {Flag("$New")})
    assert ours.render(mask) == b"$New"


def test_the_last_bit_is_refused_until_one_is_free_again():
    database, keywords = table()
    names = [Flag(f"k{bit}") for bit in range(FIRST_BIT, LAST_BIT + 1)]
    with database.write() as connection:
        everything = keywords.assign(connection, names)
        connection.execute("INSERT INTO message (mailbox, uid, flags, modseq) VALUES (1, 1, ?, 1)", (everything,))
        keywords.refresh()
        assert keywords.full()
        with pytest.raises(Refused) as refused:
            keywords.assign(connection, {Flag("another")})
        assert refused.value.reason is Reason.LIMIT
        connection.execute("UPDATE message SET flags = ?", (everything & ~(1 << 20),))
        assert keywords.assign(connection, {Flag("another")}) == 1 << 20
    keywords.refresh()
    assert keywords.names(1 << 20) == ["another"]


def test_a_keyword_whose_change_came_to_nothing_is_not_known():
    database, keywords = table()

    def fail():
        with database.write() as connection:
            keywords.assign(connection, {Flag("never")})
            raise InterruptedError

    with pytest.raises(InterruptedError):
        fail()
    with database.write() as connection:
        mask = KeywordTable(database).assign(connection, {Flag("other")})
    assert keywords.mask({Flag("never")}) == 0
    assert keywords.render(mask) == b"other"


def test_a_bit_given_to_another_name_elsewhere_is_never_written_for_the_old_one():
    database, ours = table()
    with database.write() as connection:
        mask = ours.assign(connection, {Flag("old")})
    ours.refresh()
    with database.write() as connection:
        connection.execute("UPDATE keyword SET name = 'new'")  # as another process does when all bits are taken
        assert ours.assign(connection, {Flag("old")}) != mask
    ours.refresh()
    assert ours.render(mask) == b"new"


def test_numbers_jump_past_the_reserved_block_after_a_reboot():
    database, _ = table()
    with database.write() as connection:
        box = mailboxes.insert(connection, AccountId("aa"), "INBOX", "")
        modseq = accounts.next_modseq(connection)
        connection.execute("UPDATE account SET boot = 'before'")
    opened = accounts.prepare(database, AccountId("aa"))
    assert (opened.created, opened.rebooted) == (False, True)
    with database.write() as connection:
        assert mailboxes.by_id(connection, box.id).uid_next >= accounts.UID_BLOCK
        assert accounts.next_modseq(connection) > modseq + accounts.MODSEQ_BLOCK - 10
    assert accounts.prepare(database, AccountId("aa")).rebooted  # until it is recovered
    accounts.finish(database)
    assert not accounts.prepare(database, AccountId("aa")).rebooted


def test_a_database_of_a_later_version_is_not_touched(tmp_path):
    path = tmp_path / "index.sqlite"
    database = Database(path)
    with database.write() as connection:
        connection.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(Unavailable) as refused:
        Database(path)
    assert not isinstance(refused.value, Damaged)  # which would have it rebuilt, without its flags


def test_a_database_of_an_earlier_version_is_brought_up_to_date(tmp_path):
    path = tmp_path / "index.sqlite"
    database = Database(path)
    accounts.prepare(database, AccountId("aa"))
    with database.write() as connection:
        mailboxes.insert(connection, AccountId("aa"), "INBOX", "")
        make_old(connection)
    database.close()
    for _ in range(2):
        database = Database(path)
        with database.read() as connection:
            assert mailboxes.by_name(connection, "INBOX") is not None
            assert connection.execute("SELECT count(*) FROM annotation").fetchone() == (0,)
        database.close()


def test_a_database_that_no_step_leads_from_is_damaged(tmp_path):
    path = tmp_path / "texts.sqlite"
    Database(path, Schema(1, lambda: ["CREATE TABLE one (id)"])).close()
    with pytest.raises(Damaged):
        Database(path, Schema(3, lambda: ["CREATE TABLE one (id)"]))


@run
async def test_more_messages_than_a_block_has_uids():
    mail = await memory_mail().open(account())
    appended = await mail.append("INBOX", [NewMessage(b"\r\n")] * 2500)
    assert appended.uids == list(range(1, 2501))
