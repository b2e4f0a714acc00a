"""Thunderbird's calendar and address book: its own discovery, changes here and there, what one may only read."""

from collections.abc import Iterator

import pytest

from tests.clients.thunderbird.thunderbird import Thunderbird, started
from tests.support.calendars import calendar, card, component, event
from tests.support.dav_site import Site
from tests.support.eventually import eventually
from tests.support.peer import MailUser

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
NOVEMBER = ("20261101T000000Z", "20261201T000000Z")
WEEKLY = event("w", "20261102T090000Z", "SUMMARY:Weekly", "RRULE:FREQ=WEEKLY;COUNT=3", end="20261102T100000Z")
TASK = calendar(component("VTODO", "t", "SUMMARY:Call", "DUE:20261105T090000Z"))


@pytest.fixture(scope="module")
def user(dav_site: Site) -> MailUser:
    return dav_site.service.peer.fresh_user()


@pytest.fixture(scope="module")
def owner(dav_site: Site, user: MailUser) -> str:
    """Whose calendar the user may read."""
    login = dav_site.service.peer.fresh_user().login
    dav_site.share(login, user.login)
    return login


@pytest.fixture(scope="module")
def thunderbird(
    dav_site: Site, user: MailUser, owner: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Thunderbird]:
    with started(tmp_path_factory.mktemp("thunderbird"), dav_site.service.peer, user) as running:
        running.call("storeWebPassword", user.login, user.password, dav_site.url)
        found = running.call("findCalendars", user.login, user.password, dav_site.url)
        assert sorted(found) == [
            ["caldav", "Calendar", False],
            ["caldav", f"Calendar ({owner})", True],
            ["caldav", "Tasks", False],
        ]
        yield running


def test_events_and_one_of_their_occurrences(thunderbird: Thunderbird, dav_site: Site, user: MailUser) -> None:
    def stored() -> str:
        return "".join(dav_site.texts("calendar", user.login))

    item = thunderbird.call("addItem", "Calendar", WEEKLY)
    assert thunderbird.call("agenda", "Calendar", *NOVEMBER) == [
        ["Weekly", f"202611{day}T090000Z"] for day in ("02", "09", "16")
    ]
    assert stored().count("BEGIN:VEVENT") == 1
    thunderbird.call("rename", "Calendar", item, "Équipe")
    thunderbird.call("renameOccurrence", "Calendar", item, "20261109T090000Z", "At the lake")
    thunderbird.call("cancelOccurrence", "Calendar", item, "20261116T090000Z")
    text = stored()
    assert text.count("BEGIN:VEVENT") == 2
    assert {"SUMMARY:Équipe", "SUMMARY:At the lake", "RECURRENCE-ID:20261109T090000Z", "EXDATE:20261116T090000Z"} <= {
        *text.splitlines()
    }
    thunderbird.call("removeItem", "Calendar", item)
    assert stored() == ""


def test_what_another_program_does_is_seen(thunderbird: Thunderbird, dav_site: Site, user: MailUser) -> None:
    path = f"/dav/{user.login}/calendar/new.ics"
    for title in ("Dentist", "Optician"):
        text = event("new", "20261112T090000Z", f"SUMMARY:{title}", end="20261112T100000Z")
        assert dav_site("PUT", path, text.encode(), user.login).status in (201, 204)
        thunderbird.call("seesTitle", "Calendar", *NOVEMBER, title)
    assert dav_site("DELETE", path, user=user.login).status == 204
    thunderbird.call("seesTitle", "Calendar", *NOVEMBER, "Optician", False)


def test_tasks(thunderbird: Thunderbird, dav_site: Site, user: MailUser) -> None:
    item = thunderbird.call("addItem", "Tasks", TASK)
    (text,) = dav_site.texts("tasks", user.login)
    assert "SUMMARY:Call" in text
    thunderbird.call("complete", "Tasks", item)
    (text,) = dav_site.texts("tasks", user.login)
    assert "STATUS:COMPLETED" in text
    thunderbird.call("removeItem", "Tasks", item)
    assert dav_site.texts("tasks", user.login) == []


def test_a_calendar_that_one_may_read_is_not_written_to(thunderbird: Thunderbird, dav_site: Site, owner: str) -> None:
    name = f"Calendar ({owner})"
    thunderbird.call("seesTitle", name, *NOVEMBER, "Hers")
    assert thunderbird.call("tryToWrite", name, WEEKLY) == [True, "refused"]
    assert len(dav_site.texts("calendar", owner)) == 1


def test_contacts(thunderbird: Thunderbird, dav_site: Site, user: MailUser, owner: str) -> None:
    def stored() -> str:
        return "".join(dav_site.texts("contacts", user.login))

    assert thunderbird.call("findBooks", user.login, user.password, dav_site.url) == ["Company", "Contacts"]
    assert not thunderbird.call("bookIsReadOnly", "Contacts")
    uid = thunderbird.call("addCard", "Contacts", card("c", "Anne", "EMAIL:anne@example.net"))
    assert eventually(lambda: "FN:Anne" in stored())
    thunderbird.call("changeCard", "Contacts", uid, "anne@example.com")
    assert eventually(lambda: "anne@example.com" in stored())
    bea = card("b", "Béa", "EMAIL:bea@example.net").encode()
    assert dav_site("PUT", f"/dav/{user.login}/contacts/b.vcf", bea, user.login).status == 201
    assert thunderbird.call("cards", "Contacts") == [["Anne", "anne@example.com"], ["Béa", "bea@example.net"]]
    thunderbird.call("removeCard", "Contacts", uid)
    assert eventually(lambda: "FN:Anne" not in stored())
    assert thunderbird.call("bookIsReadOnly", "Company")
    assert owner in [address for _, address in thunderbird.call("cards", "Company")]
