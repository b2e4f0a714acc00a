"""One account's collections and items: writes, conditions, changes, limits; what a restart and a crash leave."""

import contextlib
import sqlite3

import pytest

from optimails.groupware import visited
from optimails.groupware.api import Bounds, Conditions, Kind, NewCollection, Rule, Unfit
from optimails.groupware.service import LocalGroupware
from optimails.index.groupware import items
from optimails.model.errors import Reason, Refused
from tests.support.calendars import ACCOUNT, calendar, card, component, event, in_memory


@pytest.fixture
def account():
    with in_memory().open(ACCOUNT) as opened:
        yield opened


def put(account, name, text, where="calendar", **conditions):
    return account.put(account.collection(where), name, text.encode(), Conditions(**conditions))


def test_first_use_makes_a_calendar_a_task_list_and_an_address_book(account):
    assert [(one.name, one.kind, one.components, one.display_name) for one in account.collections()] == [
        ("calendar", Kind.CALENDAR, ("VEVENT",), "Calendar"),
        ("tasks", Kind.CALENDAR, ("VTODO",), "Tasks"),
        ("contacts", Kind.BOOK, (), "Contacts"),
    ]


def test_text_comes_back_byte_for_byte(account):
    text = event("1", "20261103T090000Z", 'X-UNKNOWN;X-P="a:b":kept', "SUMMARY:Folded\r\n  line").replace("\r\n", "\n")
    item, created = put(account, "1.ics", text)
    assert created
    found, data = account.read(account.collection("calendar"), "1.ics")
    assert data == text.encode()
    assert (found.etag, found.uid, found.component) == (item.etag, "1", "VEVENT")


def test_changes_since_any_moment(account):
    calendar_ = account.collection("calendar")
    for number in range(5):
        put(account, f"{number}.ics", event(str(number)))
    start = account.collection("calendar").change
    put(account, "1.ics", event("1", "20261104T090000Z"))
    account.delete(calendar_, "2.ics")
    put(account, "new.ics", event("new"))
    changes = account.changes(calendar_, start, 100)
    assert [name for name, _ in changes.changed] == ["1.ics", "new.ics"]
    assert (changes.gone, changes.complete) == (["2.ics"], True)
    assert changes.change == account.collection("calendar").change
    part = account.changes(calendar_, start, 2)
    assert ([name for name, _ in part.changed], part.gone, part.complete) == (["1.ics"], ["2.ics"], False)
    rest = account.changes(calendar_, part.change, 2)
    assert ([name for name, _ in rest.changed], rest.gone, rest.complete) == (["new.ics"], [], True)
    first = account.changes(calendar_, 0, 3)
    assert (len(first.changed), first.complete) == (3, False)
    assert not account.changes(calendar_, changes.change, 100).changed


def test_an_item_that_came_back_is_no_longer_gone(account):
    put(account, "1.ics", event("1"))
    start = account.collection("calendar").change
    account.delete(account.collection("calendar"), "1.ics")
    put(account, "1.ics", event("1"))
    changes = account.changes(account.collection("calendar"), start, 10)
    assert (len(changes.changed), changes.gone) == (1, [])


def test_forgotten_deletions_end_old_tokens(account):
    put(account, "1.ics", event("1"))
    old = account.collection("calendar").change
    account.delete(account.collection("calendar"), "1.ics")
    now = account.collection("calendar").change
    assert account.forget(-1) == 1
    with pytest.raises(Unfit) as wrong:
        account.changes(account.collection("calendar"), old, 10)
    assert wrong.value.rule is Rule.TOKEN
    assert not account.changes(account.collection("calendar"), now, 10).gone
    with pytest.raises(Unfit):
        account.changes(account.collection("calendar"), now + 100, 10)


@pytest.mark.parametrize(
    ("conditions", "fits"),
    [
        ({"match": ("*",)}, True),
        ({"match": ("other",)}, False),
        ({"none_match": ("*",)}, False),
        ({"none_match": ("other",)}, True),
    ],
)
def test_conditions(account, conditions, fits):
    item, _ = put(account, "1.ics", event("1"))
    changed = event("1", "20261104T090000Z")
    if fits:
        assert put(account, "1.ics", changed, **conditions)[0].etag != item.etag
    else:
        with pytest.raises(Unfit) as wrong:
            put(account, "1.ics", changed, **conditions)
        assert wrong.value.rule is Rule.MATCH
    with pytest.raises(Unfit):
        put(account, "absent.ics", event("2"), match=("*",))


@pytest.mark.parametrize(
    ("where", "text", "rule"),
    [
        ("calendar", "nonsense", Rule.VALID_DATA),
        ("calendar", "BEGIN:VCALENDAR\r\nEND:VEVENT\r\n", Rule.VALID_DATA),
        ("calendar", calendar(component("VEVENT", "1")), Rule.VALID_DATA),
        ("calendar", calendar(component("VEVENT", "1", "DTSTART:20261399")), Rule.VALID_DATA),
        ("calendar", calendar("METHOD:REQUEST", component("VEVENT", "1", "DTSTART:20261101")), Rule.VALID_OBJECT),
        ("calendar", event("1").replace("UID:1\r\n", ""), Rule.VALID_OBJECT),
        (
            "calendar",
            calendar(component("VEVENT", "1", "DTSTART:20261101"), component("VEVENT", "2", "DTSTART:20261101")),
            Rule.VALID_OBJECT,
        ),
        ("calendar", calendar(component("VTODO", "1")), Rule.SUPPORTED_COMPONENT),
        ("tasks", event("1"), Rule.SUPPORTED_COMPONENT),
        ("tasks", calendar(component("VSECRET", "1")), Rule.SUPPORTED_COMPONENT),
        ("contacts", event("1"), Rule.VALID_DATA),
        ("contacts", card("1", "A").replace("UID:1\r\n", ""), Rule.VALID_OBJECT),
        ("calendar", event("taken"), Rule.NO_UID_CONFLICT),
        ("calendar", event("1", "20261103T090000Z", "SUMMARY:" + "x" * 5000), Rule.MAX_SIZE),
    ],
)
def test_what_does_not_fit_is_named(where, text, rule):
    with in_memory(bounds=Bounds(item_size=4000)).open(ACCOUNT) as account:
        put(account, "taken.ics", event("taken"))
        with pytest.raises(Unfit) as wrong:
            put(account, "1", text, where)
        assert wrong.value.rule is rule
        assert wrong.value.other == ("taken.ics" if rule is Rule.NO_UID_CONFLICT else "")
        assert account.collection(where).items == (1 if where == "calendar" else 0)


def test_bounds_of_an_account():
    with in_memory(bounds=Bounds(items=2, storage=900, collections=4)).open(ACCOUNT) as account:
        for number in range(2):
            put(account, f"{number}.ics", event(str(number)))
        with pytest.raises(Unfit) as wrong:
            put(account, "3.ics", event("3"))
        assert wrong.value.rule is Rule.QUOTA
        with pytest.raises(Unfit) as wrong:
            put(account, "1.ics", event("1", "20261103T090000Z", "SUMMARY:" + "x" * 800))
        assert wrong.value.reason is Reason.OVER_QUOTA
        account.create("more", NewCollection(Kind.BOOK))
        with pytest.raises(Refused) as refused:
            account.create("again", NewCollection(Kind.BOOK))
        assert refused.value.reason is Reason.LIMIT


def test_collections_come_and_go_with_their_items(account):
    account.create("work", NewCollection(Kind.CALENDAR, display_name="Work", color="#FF0000"), {"{x}y": "<y/>"})
    with pytest.raises(Refused):
        account.create("work", NewCollection(Kind.CALENDAR))
    put(account, "1.ics", event("1"), "work")
    assert account.usage() == len(event("1"))
    changed = account.update("work", {"display_name": "Travail"}, {"{x}y": None, "{x}z": "<z/>"})
    assert changed.display_name == "Travail"
    assert account.properties(changed) == {"{x}z": "<z/>"}
    account.remove("work")
    assert (account.collection("work"), account.usage()) == (None, 0)
    with account.database.read() as connection:
        for table in ("item", "body", "occurrence", "property", "tombstone", "collection_property"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_copy_and_move(account):
    account.create("work", NewCollection(Kind.CALENDAR))
    source, work = account.collection("calendar"), account.collection("work")
    put(account, "1.ics", event("1"))
    assert account.transfer(source, "1.ics", work, "one.ics", move=False, overwrite=False)
    with pytest.raises(Unfit) as wrong:
        account.transfer(source, "1.ics", work, "one.ics", move=True, overwrite=False)
    assert wrong.value.rule is Rule.MATCH
    with pytest.raises(Unfit) as wrong:
        account.transfer(source, "1.ics", work, "two.ics", move=True, overwrite=True)
    assert (wrong.value.rule, wrong.value.other) == (Rule.NO_UID_CONFLICT, "one.ics")
    assert not account.transfer(source, "1.ics", work, "one.ics", move=True, overwrite=True)
    assert account.etags(source) == []
    assert account.transfer(work, "one.ics", work, "renamed.ics", move=True, overwrite=False)
    assert [name for name, _ in account.etags(account.collection("work"))] == ["renamed.ics"]


def test_what_was_acknowledged_is_there_after_a_restart(tmp_path):
    service = LocalGroupware(tmp_path)
    with service.open(ACCOUNT) as account:
        put(account, "1.ics", event("1"))
    with LocalGroupware(tmp_path).open(ACCOUNT) as account:  # beside the first
        put(account, "2.ics", event("2"))
        assert [name for name, _ in account.etags(account.collection("calendar"))] == ["1.ics", "2.ics"]
    with service.open(ACCOUNT) as account:
        assert account.collection("calendar").items == 2
    service.close()


def test_a_write_that_fails_in_the_middle_leaves_nothing(account, monkeypatch):
    put(account, "1.ics", event("1"))
    before = account.collection("calendar")
    real = items._write_extract

    def fails(*arguments):
        real(*arguments)
        raise OSError(28, "no space")

    monkeypatch.setattr(items, "_write_extract", fails)
    with pytest.raises(Exception, match="unavailable"):
        put(account, "1.ics", event("1", "20261104T090000Z"))
    with pytest.raises(Exception, match="unavailable"):
        put(account, "2.ics", event("2"))
    monkeypatch.undo()
    assert account.collection("calendar") == before
    assert account.read(account.collection("calendar"), "1.ics")[1] == event("1").encode()


def test_idle_accounts_are_closed(tmp_path):
    service = LocalGroupware(tmp_path, open_accounts=1)
    for letter in "abc":
        other = ACCOUNT.__class__(**{**{key: getattr(ACCOUNT, key) for key in ACCOUNT.__slots__}, "id": letter * 4})
        with service.open(other) as account:
            assert len(account.collections()) == 3
    assert len(service._open) == 1


def test_a_file_of_an_older_version_is_brought_up_to_date(tmp_path):
    service = LocalGroupware(tmp_path)
    with service.open(ACCOUNT) as account:
        put(account, "1.ics", event("1"))
    service.close()
    with contextlib.closing(sqlite3.connect(service.path(ACCOUNT.id))) as old:
        newer = "".join(
            f"DROP TABLE {name};" for name in ("visited", "deleted", "attachment", "reminder", "reminder_choice")
        )
        old.executescript(f"{newer} PRAGMA user_version = 2")
    with LocalGroupware(tmp_path).open(ACCOUNT) as account:
        visited.keep(account, "0" * 32, {"color": "#123456"})
        assert (account.collection("calendar").items, visited.kept(account)) == (1, {"0" * 32: {"color": "#123456"}})
