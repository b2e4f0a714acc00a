"""Evolution's data server (which GNOME's Calendar, Contacts and To Do use, too): it discovers what is there from the
address alone; events with occurrences, tasks and contacts go there and back."""

from collections.abc import Callable, Iterator

import pytest

from tests.clients import evolution
from tests.clients.evolution import Evolution, Refused
from tests.support.calendars import card, component, event
from tests.support.dav_site import Site
from tests.support.eventually import eventually
from tests.support.peer import MailUser

pytestmark = [pytest.mark.timeout(240), pytest.mark.slow]
TIMES = ("DTSTART:20261102T090000Z", "DTEND:20261102T100000Z")
WEEKLY = component("VEVENT", "w", *TIMES, "SUMMARY:Weekly", "RRULE:FREQ=WEEKLY;COUNT=3")
AT_THE_LAKE = component("VEVENT", "w", "RECURRENCE-ID:20261109T090000Z", "DTSTART:20261109T140000Z",
                        "DTEND:20261109T150000Z", "SUMMARY:At the lake")  # fmt: skip


@pytest.fixture(scope="module")
def user(dav_site: Site) -> MailUser:
    return dav_site.service.peer.fresh_user()


@pytest.fixture(scope="module")
def owner(dav_site: Site, user: MailUser) -> str:
    login = dav_site.service.peer.fresh_user().login
    dav_site.share(login, user.login)
    return login


@pytest.fixture(scope="module")
def data_server(
    dav_site: Site, user: MailUser, owner: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Evolution]:
    directory = tmp_path_factory.mktemp("evolution")
    # From this machine itself passwords are taken without TLS: GLib reads the system's certificates alone.
    with evolution.started(directory, dav_site.plain_url, user.login, user.password) as running:
        wanted = ["Calendar", f"Calendar ({owner})", "Company", "Contacts", "Tasks"]
        assert eventually(lambda: running("sources") == wanted), running("sources")
        yield running


@pytest.fixture
def stored(dav_site: Site, user: MailUser) -> Callable[[str], str]:
    """What the service has in a collection. What is changed before the first look at it is over goes there after it."""
    return lambda collection: "".join(dav_site.texts(collection, user.login))


def test_events_and_one_of_their_occurrences(data_server: Evolution, stored: Callable[[str], str]) -> None:
    assert data_server("create", "Calendar", WEEKLY) == "w"
    # It changes nothing that it has not seen there.
    assert eventually(lambda: "CALDAV-ETAG" in "".join(data_server("parts", "Calendar")))
    data_server("rename", "Calendar", "w", "Équipe")
    data_server("change occurrence", "Calendar", AT_THE_LAKE)
    data_server("remove", "Calendar", "w", "20261116T090000Z")
    wanted = {"SUMMARY:Équipe", "SUMMARY:At the lake", "RECURRENCE-ID:20261109T090000Z", "EXDATE:20261116T090000Z"}
    assert eventually(lambda: wanted <= {*stored("calendar").splitlines()})
    data_server("remove", "Calendar", "w", None)
    assert eventually(lambda: stored("calendar") == "")


def test_what_another_program_does_is_seen(data_server: Evolution, dav_site: Site, user: MailUser) -> None:
    def seen() -> str:
        data_server("refresh", "Calendar")
        return "".join(data_server("parts", "Calendar"))

    path = f"/dav/{user.login}/calendar/new.ics"
    for title in ("Dentist", "Optician"):
        text = event("new", "20261112T090000Z", f"SUMMARY:{title}", end="20261112T100000Z")
        assert dav_site("PUT", path, text.encode(), user.login).status in (201, 204)
        assert eventually(lambda title=title: f"SUMMARY:{title}" in seen())
    assert dav_site("DELETE", path, user=user.login).status == 204
    assert eventually(lambda: "Optician" not in seen())


def test_tasks(data_server: Evolution, stored: Callable[[str], str]) -> None:
    data_server("create", "Tasks", component("VTODO", "t", "SUMMARY:Call", "DUE:20261105T090000Z"))
    assert eventually(lambda: "SUMMARY:Call" in stored("tasks"))
    assert eventually(lambda: "CALDAV-ETAG" in "".join(data_server("parts", "Tasks")))
    data_server("rename", "Tasks", "t", "Write")
    assert eventually(lambda: "SUMMARY:Write" in stored("tasks"))
    data_server("remove", "Tasks", "t", None)
    assert eventually(lambda: stored("tasks") == "")


def test_a_calendar_that_one_may_read_is_not_written_to(data_server: Evolution, dav_site: Site, owner: str) -> None:
    name = f"Calendar ({owner})"
    assert eventually(lambda: "SUMMARY:Hers" in "".join(data_server("parts", name)))
    assert eventually(lambda: data_server("read only", name))
    with pytest.raises(Refused):
        data_server("create", name, WEEKLY)
    assert len(dav_site.texts("calendar", owner)) == 1


def test_contacts(data_server: Evolution, stored: Callable[[str], str], owner: str) -> None:
    uid = data_server("add contact", "Contacts", card("", "Anne", "EMAIL:anne@example.net").replace("UID:\r\n", ""))
    assert eventually(lambda: "anne@example.net" in stored("contacts"))
    data_server("change contact", "Contacts", uid, "anne@example.com")
    assert data_server("contacts", "Contacts") == [["Anne", "anne@example.com"]]
    assert eventually(lambda: "anne@example.com" in stored("contacts"))
    data_server("remove contact", "Contacts", uid)
    assert eventually(lambda: stored("contacts") == "")
    assert eventually(lambda: owner in [address for _, address in data_server("contacts", "Company")])
    with pytest.raises(Refused):
        data_server("add contact", "Company", card("b", "Béa"))
