"""Planning a meeting: what programs ask the scheduling outbox, and what they hear of each person."""

from xml.etree import ElementTree as ET

import pytest

from optimails.acl.decision import Effective, Through
from optimails.model.errors import Unavailable
from optimails.model.rights import parse_rights
from tests.support.calendars import calendar, component, event
from tests.support.dav import CAL, DAV, NAMESPACES, Door

OUTBOX = "/claire@example.org/schedule-outbox/"
HOME = "/dav/claire@example.org/"
WHO = ("claire", "james", "nobody")
TIMES = ("DTSTART:20261103T000000Z", "DTEND:20261104T000000Z")


@pytest.fixture
def door():
    door = Door()
    door.people.busy_shown = True
    door("PUT", "/james@example.org/calendar/1.ics", event("1", "20261103T090000Z", "SUMMARY:Secret"), "james")
    return door


def request(*lines, method="REQUEST", organizer="mailto:claire@example.org", kind="VFREEBUSY", times=TIMES):
    return calendar(f"METHOD:{method}", component(kind, "u-1", f"ORGANIZER:{organizer}", *times, *lines))


def attendee(who):
    return f"ATTENDEE;CN=X:mailto:{who}" if who[0] != "/" and "@" in who else f"ATTENDEE:{who}"


def ask(door, *who, user="claire", path=OUTBOX, **options):
    lines = options.pop("lines", ())
    return door("POST", path, request(*map(attendee, who), *lines, **options), user, type="text/calendar")


def told(reply):
    """Request status, and the busy lines, by recipient."""
    found = {}
    for one in ET.fromstring(reply.body).findall(f"{CAL}response"):
        data = one.findtext(f"{CAL}calendar-data") or ""
        busy = [line for line in data.splitlines() if line.startswith("FREEBUSY")]
        found[one.findtext(f"{CAL}recipient/{DAV}href")] = (one.findtext(f"{CAL}request-status")[:3], busy)
    return found


def test_the_principal_has_an_outbox(door):
    found = door.propfind("/claire@example.org/", "C:schedule-outbox-URL").items[HOME]
    assert found[f"{CAL}schedule-outbox-URL"][0].text == f"{HOME}schedule-outbox/"
    (outbox,) = door.propfind(OUTBOX, "D:resourcetype", "D:current-user-privilege-set", depth="1").items.values()
    assert f"{CAL}schedule-outbox" in {one.tag for one in outbox[f"{DAV}resourcetype"]}
    privileges = {one[0].tag for one in outbox[f"{DAV}current-user-privilege-set"]}
    assert f"{CAL}schedule-send-freebusy" in privileges
    assert door("MKCALENDAR", OUTBOX).status == 403
    assert door("PUT", OUTBOX + "1.ics", event("1")).status == 404
    assert door("GET", OUTBOX).status == 403


def test_each_person_has_an_answer(door):
    james = "mailto:james@example.org"
    strangers = ("mia@example.net", "x&y@example.net")
    answer = ask(door, "James@example.org", "claire@example.org", "nobody@example.org", *strangers,
                 "/dav/james@example.org/", "urn:uuid:1", lines=["ATTENDEE:mailto:james@example.org"])  # fmt: skip
    assert (answer.status, answer.headers["Content-Type"][:15]) == (200, "application/xml")
    busy = ["FREEBUSY:20261103T090000Z/20261103T100000Z"]
    assert told(answer) == {
        "mailto:James@example.org": ("2.0", busy),
        "mailto:claire@example.org": ("2.0", []),
        "mailto:nobody@example.org": ("3.7", []),
        **{f"mailto:{one}": ("5.3", []) for one in strangers},
        "/dav/james@example.org/": ("2.0", busy),
        "urn:uuid:1": ("5.3", []),
        james: ("2.0", busy),
    }
    text = ET.fromstring(answer.body)[0].findtext(f"{CAL}calendar-data")
    assert {"METHOD:REPLY", "UID:u-1", "ORGANIZER:mailto:claire@example.org",
            "ATTENDEE;CN=X:mailto:James@example.org", *TIMES} < set(text.splitlines())  # fmt: skip
    assert "Secret" not in answer.text
    assert [line[2:4] for line in door.audit] == [("dav free-busy", "james@example.org")]  # once in an hour


def test_who_shows_nothing(door):
    door.people.busy_shown = False
    answer = told(ask(door, "james@example.org", "claire@example.org"))
    assert answer == {"mailto:james@example.org": ("3.8", []), "mailto:claire@example.org": ("2.0", [])}


def test_what_is_planned_anew_does_not_count(door):
    assert told(ask(door, "james@example.org", lines=["X-CALENDARSERVER-MASK-UID:1"])) == {
        "mailto:james@example.org": ("2.0", [])
    }


def test_one_calendar_that_is_away_does_not_keep_the_others(door, monkeypatch):
    opened = door.groupware.open

    def away(account):
        if account.address.local == "james":
            raise Unavailable("damaged")
        return opened(account)

    monkeypatch.setattr(door.groupware, "open", away)
    assert {who: status for who, (status, _) in told(ask(door, "james@example.org", "claire@example.org")).items()} == {
        "mailto:james@example.org": "5.1", "mailto:claire@example.org": "2.0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"organizer": "mailto:james@example.org"}, "organizer-allowed"),
        ({"organizer": "/dav/"}, "organizer-allowed"),
        ({"method": "REPLY"}, "valid-scheduling-message"),
        ({"kind": "VEVENT"}, "valid-scheduling-message"),
        ({"times": ()}, "valid-scheduling-message"),
        ({"times": TIMES[::-1]}, None),
        ({"times": ("DTSTART:20261103T000000Z", "DTEND:20261103T000000Z")}, "valid-scheduling-message"),
        ({"times": ("DTSTART:00010101T000000Z", "DTEND:99991231T000000Z")}, "valid-scheduling-message"),
        ({"times": ("DTSTART:x", "DTEND:y")}, "valid-calendar-data"),
        ({"lines": [attendee(f"p{number}@example.org") for number in range(201)]}, "max-attendees-per-instance"),
        ({"lines": ["ORGANIZER:mailto:other@example.org"]}, "valid-scheduling-message"),
    ],
)
def test_what_cannot_be_asked(door, options, rule):
    answer = ask(door, "james@example.org", **options)
    assert (answer.status, answer.precondition) == (403, [f"{CAL}{rule}"]) if rule else answer.status == 200


def test_bodies_that_are_no_request(door):
    for body in ("", "nonsense", calendar("METHOD:REQUEST"), request()):
        assert door("POST", OUTBOX, body, type="text/calendar").status == 403
    assert door("POST", OUTBOX, request(attendee("james@example.org")), type="text/plain").status == 403


def test_a_delegate_asks_in_the_owners_outbox_with_his_own_eyes(door):
    path = "/claire@example.org/schedule-outbox/"
    assert ask(door, "james@example.org", user="james", path=path).status >= 400
    ids = [door.accounts[f"{name}@example.org"].id for name in ("james", "claire")]
    door.people.granted[tuple(ids)] = Effective(parse_rights("lr"), Through.DELEGATION)
    assert ask(door, "james@example.org", user="james", path=path).status >= 400
    door.people.granted[tuple(ids)] = Effective(parse_rights("lrswite"), Through.DELEGATION)
    assert told(ask(door, "james@example.org", user="james", path=path))["mailto:james@example.org"][0] == "2.0"
    assert door.propfind("/claire@example.org/", "C:schedule-outbox-URL", user="james").items[HOME]


# -- working hours -----------------------------------------------------------------------------------------------------

INBOX = "/claire@example.org/schedule-inbox/"
NAMES = ("C:calendar-availability", "S:calendar-availability")


def availability(door, name, text):
    inside = f"<{name}>{text}</{name}>" if text is not None else f"<{name}/>"
    act = "set" if text is not None else "remove"
    body = f"<D:propertyupdate {NAMESPACES}><D:{act}><D:prop>{inside}</D:prop></D:{act}></D:propertyupdate>"
    answer = door("PROPPATCH", INBOX, body)
    return "HTTP/1.1 200 OK" in answer.text


@pytest.mark.parametrize("name", NAMES)
def test_programs_set_working_hours_on_the_inbox(door, name):
    assert "calendar-availability" in door("OPTIONS", INBOX).headers["DAV"]
    text = calendar(component("VAVAILABILITY", "1", "DTSTART:20261103T120000Z"))
    assert availability(door, name, text)
    for one in NAMES:
        (found,) = door.propfind(INBOX, one).items.values()
        assert next(iter(found.values())).text.split() == text.split()
    assert "calendar-availability" not in door.propfind(INBOX).text  # RFC 7953 §7.2.4: only who asks for it gets it
    busy = told(ask(door, "claire@example.org"))["mailto:claire@example.org"][1]
    assert busy == ["FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261103T120000Z/20261104T000000Z"]
    assert not availability(door, name, event("1"))
    assert not availability(door, name, "nonsense")
    assert availability(door, name, None)
    assert told(ask(door, "claire@example.org"))["mailto:claire@example.org"][1] == []
