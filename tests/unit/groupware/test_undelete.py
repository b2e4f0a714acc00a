"""What was deleted comes back: to its place, or where that was; for the plan's time, and not without bounds."""

import pytest

from optimails.groupware.api import Bounds, Conditions, Kind, NewCollection
from optimails.groupware.service import LocalGroupware
from optimails.groupware.undelete import deleted_items, forget_deleted, restore
from tests.support.calendars import ACCOUNT, card, event, in_memory


@pytest.fixture
def account():
    with in_memory().open(ACCOUNT) as opened:
        yield opened


def put(account, name, text, where="calendar"):
    return account.put(account.collection(where), name, text.encode(), Conditions())


def deleted(account, kind=Kind.CALENDAR):
    return deleted_items(account, kind)


def test_a_deleted_item_comes_back_byte_for_byte_under_its_name(account):
    text = event("1", "20261103T090000Z", "SUMMARY:Zoé\\, Été")
    put(account, "1.ics", text)
    put(account, "1.vcf", card("1", "Anne Martin"), "contacts")
    account.delete(account.collection("calendar"), "1.ics")
    account.delete(account.collection("contacts"), "1.vcf")
    before = account.usage()
    (one,), (contact,) = deleted(account), deleted(account, Kind.BOOK)
    assert [(one.collection, one.title, one.component), contact.title] == [
        ("calendar", "Zoé, Été", "VEVENT"), "Anne Martin",
    ]  # fmt: skip
    token = account.collection("calendar").change
    done = restore(account, [one])
    assert ([x.uid for x in done.items], done.refused, deleted(account)) == (["1"], [], [])
    assert account.read(account.collection("calendar"), "1.ics")[1] == text.encode()
    assert account.changes(account.collection("calendar"), token, 10).changed[0][0] == "1.ics"
    assert account.usage() > before == 0
    assert restore(account, [one]).items == []  # it is back already


def test_what_is_in_the_way_stays(account):
    put(account, "1.ics", event("1"))
    account.delete(account.collection("calendar"), "1.ics")
    put(account, "1.ics", event("2"))  # its name is taken
    restore(account, deleted(account))
    names = {name: text for name, (_, text) in account.texts(account.collection("calendar"), ["1.ics"]).items()}
    assert names == {"1.ics": event("2").encode()}
    assert account.collection("calendar").items == 2
    account.delete(account.collection("calendar"), "1.ics")
    put(account, "3.ics", event("2", "20261105T090000Z"))  # its UID is there again
    done = restore(account, deleted(account))
    assert ([one.uid for one, _ in done.refused], len(deleted(account))) == (["2"], 1)


def test_a_deleted_calendar_comes_back_with_its_items(account):
    account.create("work", NewCollection(Kind.CALENDAR, display_name="Work"))
    for number in range(3):
        put(account, f"{number}.ics", event(str(number)), "work")
    account.remove("work")
    assert {one.collection for one in deleted(account)} == {"work"}
    assert len(restore(account, deleted(account)).items) == 3
    assert account.collection("work").items == 3


def test_moved_is_not_deleted_and_the_last_of_several_comes_back(account):
    calendar = account.collection("calendar")
    account.create("work", NewCollection(Kind.CALENDAR))
    put(account, "1.ics", event("1"))
    account.transfer(calendar, "1.ics", account.collection("work"), "1.ics", move=True, overwrite=False)
    assert deleted(account) == []
    for day in (4, 5):
        put(account, "2.ics", event("2", f"2026110{day}T090000Z"))
        account.delete(calendar, "2.ics")
    done = restore(account, deleted(account))
    assert (len(done.items), len(done.refused)) == (1, 1)
    assert b"20261105" in account.read(calendar, "2.ics")[1]


def test_what_is_kept_has_an_end(tmp_path):
    size = len(event("1"))
    with LocalGroupware(tmp_path, Bounds(deleted=2 * size)).open(ACCOUNT) as account:
        for number in range(4):
            put(account, f"{number}.ics", event(str(number)))
            account.delete(account.collection("calendar"), f"{number}.ics")
        assert [one.uid for one in deleted(account)] == ["3", "2"]
        assert (forget_deleted(account, 1), len(deleted(account))) == (0, 2)
        assert (forget_deleted(account, -1), deleted(account)) == (2, [])
    with in_memory(bounds=Bounds(deleted=0)).open(ACCOUNT) as account:
        put(account, "1.ics", event("1"))
        account.delete(account.collection("calendar"), "1.ics")
        assert deleted(account) == []
