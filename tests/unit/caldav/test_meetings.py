"""Meetings over CalDAV (RFC 6638): invited, answered, moved and called off, as a program sees it."""

import re
from asyncio import run

import pytest

from optimails.model.account import Feature
from optimails.model.rights import Bundle, Delegation, SendRight
from tests.support.calendars import event
from tests.support.dav import CAL, DAV, Door, person

CLAIRE, JAMES = "/claire@example.org/", "/james@example.org/"
MINE, INBOX = f"{CLAIRE}calendar/1.ics", f"{JAMES}schedule-inbox/"
EVERY = tuple(Feature)
WEEKLY = "RRULE:FREQ=WEEKLY;COUNT=4"


@pytest.fixture
def door():
    return Door(accounts=[person("claire", features=EVERY), person("james", features=EVERY), person("anne")])


def meeting(*lines, start="20301103T090000Z", who=("james",), uid="1"):
    people = [f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{one}@example.org" for one in who]
    return event(uid, start, "SUMMARY:Talk", "ORGANIZER:mailto:claire@example.org", *people, *lines, end="")


def theirs(door, user="james"):
    """The paths of what is in the calendar."""
    path = f"/dav/{user}@example.org/calendar/"
    return [one.removeprefix("/dav") for one in door.propfind(path[4:], "D:getetag", depth="1", user=user).items
            if one != path]  # fmt: skip


def text(door, path=None, user="james"):
    return door("GET", path or theirs(door, user)[0], user=user).text.replace("\r\n ", "")


def partstat(text, who):
    line = next(one for one in text.splitlines() if one.startswith("ATTENDEE") and who in one)
    return re.search("PARTSTAT=([A-Z-]+)", line)[1]


def accept(door, answer="ACCEPTED", **headers):
    (path,) = theirs(door)
    data = re.sub(r"PARTSTAT=[A-Z-]+(;RSVP=TRUE)?(.*:mailto:james)", rf"PARTSTAT={answer}\2", text(door, path))
    return door("PUT", path, data, "james", **headers)


def test_programs_find_what_they_need_for_meetings(door):
    assert "calendar-auto-schedule" in door("OPTIONS", CLAIRE).headers["DAV"].split(", ")
    names = ("C:schedule-inbox-URL", "C:schedule-outbox-URL", "C:calendar-user-address-set", "C:calendar-user-type",
             "C:schedule-default-calendar-URL")  # fmt: skip
    found = door.propfind(JAMES, *names, user="james").items[f"/dav{JAMES}"]
    assert {name.rpartition("}")[2]: [one.text for one in value] or value.text for name, value in found.items()} == {
        "schedule-inbox-URL": [f"/dav{INBOX}"],
        "schedule-outbox-URL": [f"/dav{JAMES}schedule-outbox/"],
        "calendar-user-address-set": ["mailto:james@example.org", f"/dav{JAMES}"],
        "calendar-user-type": "INDIVIDUAL",
        "schedule-default-calendar-URL": [f"/dav{JAMES}calendar/"],
    }
    (inbox,) = door.propfind(INBOX, "D:resourcetype", "D:current-user-privilege-set", user="james").items.values()
    assert f"{CAL}schedule-inbox" in {one.tag for one in inbox[f"{DAV}resourcetype"]}
    assert f"{CAL}schedule-deliver" in {one[0].tag for one in inbox[f"{DAV}current-user-privilege-set"]}
    limit = door.propfind(f"{JAMES}calendar/", "C:max-attendees-per-instance", user="james")
    assert limit.value(f"/dav{JAMES}calendar/", f"{CAL}max-attendees-per-instance") == "500"


def test_invited_accepted_moved_and_called_off(door):
    made = door("PUT", MINE, meeting())
    assert (made.status, "ETag" in made.headers) == (201, False)  # it is not stored as it was sent
    assert "SCHEDULE-STATUS=1.2" in text(door, MINE, "claire")
    assert partstat(text(door), "james") == "NEEDS-ACTION"
    assert accept(door).status == 204
    assert partstat(text(door, MINE, "claire"), "james") == "ACCEPTED"
    door("PUT", MINE, meeting(start="20301104T090000Z"))
    assert "DTSTART:20301104T090000Z" in text(door)
    assert partstat(text(door), "james") == "NEEDS-ACTION"
    assert door("DELETE", MINE).status == 204
    assert "STATUS:CANCELLED" in text(door)


def test_one_recurrence_called_off(door):
    door("PUT", MINE, meeting(WEEKLY))
    door("PUT", MINE, meeting(WEEKLY, "EXDATE:20301110T090000Z"))
    assert re.search("RECURRENCE-ID:20301110T090000Z", text(door))
    assert text(door).count("STATUS:CANCELLED") == 1


def test_who_deletes_declines_unless_he_says_otherwise(door):
    door("PUT", MINE, meeting())
    assert door("DELETE", theirs(door)[0], user="james").status == 204
    assert partstat(text(door, MINE, "claire"), "james") == "DECLINED"
    door("PUT", MINE, meeting(start="20301104T090000Z"))
    assert door("DELETE", theirs(door)[0], user="james", schedule_reply="F").status == 204
    assert partstat(text(door, MINE, "claire"), "james") == "NEEDS-ACTION"
    door("PUT", MINE, meeting(start="20301105T090000Z"))
    assert door("DELETE", theirs(door)[0], user="james", schedule_reply="x").status == 400


def test_the_schedule_tag(door):
    first = door("PUT", MINE, meeting()).headers["Schedule-Tag"]
    (path,) = theirs(door)
    own = door("GET", path, user="james").headers["Schedule-Tag"]
    found = door.propfind(path, "C:schedule-tag", "D:getetag", user="james")
    assert found.value(f"/dav{path}", f"{CAL}schedule-tag") == own
    assert accept(door, if_schedule_tag_match=own).headers["Schedule-Tag"] == own
    assert door("GET", MINE).headers["Schedule-Tag"] == first  # an answer is no reason to read anew
    again = door("PUT", MINE, meeting("LOCATION:Here"), if_schedule_tag_match=first)
    assert again.status == 204
    assert partstat(text(door, MINE, "claire"), "james") == "ACCEPTED"
    assert door("PUT", MINE, meeting(), if_schedule_tag_match=first).status == 412
    assert accept(door, "DECLINED", if_schedule_tag_match=own).status == 412
    assert door("DELETE", path, user="james", if_schedule_tag_match=own).status == 412
    door("PUT", f"{CLAIRE}calendar/plain.ics", event("plain"))
    plain = door.propfind(f"{CLAIRE}calendar/", "C:schedule-tag", "D:getetag", depth="1")
    assert [f"{CAL}schedule-tag" in plain.items[f"/dav{CLAIRE}calendar/{name}"] for name in ("1.ics", "plain.ics")] == [
        True, False]  # fmt: skip
    assert "Schedule-Tag" not in door("GET", f"{CLAIRE}calendar/plain.ics").headers


def test_preconditions(door):
    door("MKCALENDAR", f"{CLAIRE}other/")
    door("PUT", MINE, meeting())
    (path,) = theirs(door)

    def refused(reply, name):
        return reply.status == 403 and f"{CAL}{name}" in reply.precondition

    twice = door("PUT", f"{CLAIRE}other/x.ics", meeting())
    assert refused(twice, "unique-scheduling-object-resource")
    assert f"<D:href>/dav{MINE}</D:href>" in twice.text
    assert refused(door("COPY", MINE, destination=f"/dav{CLAIRE}other/x.ics"), "unique-scheduling-object-resource")
    mixed = meeting(WEEKLY).replace("END:VCALENDAR", "").rstrip() + "\r\n" + meeting(
        "RECURRENCE-ID:20301110T090000Z", start="20301110T100000Z"
    ).replace("ORGANIZER:mailto:claire", "ORGANIZER:mailto:james").partition("PRODID:-//t//EN\r\n")[2]  # fmt: skip
    assert refused(door("PUT", MINE, mixed), "same-organizer-in-all-components")
    given = meeting().replace("ORGANIZER:mailto:claire", "ORGANIZER:mailto:anne")
    assert refused(door("PUT", MINE, given), "allowed-organizer-scheduling-object-change")
    moved = text(door).replace("20301103T090000Z", "20301103T100000Z")
    assert refused(door("PUT", path, moved, "james"), "allowed-attendee-scheduling-object-change")
    assert door("MOVE", MINE, destination=f"/dav{CLAIRE}other/y.ics").status == 201
    assert "STATUS" not in text(door)


def test_the_inbox(door):
    door("PUT", MINE, meeting())
    (message,) = [one for one in door.propfind(INBOX, "D:getetag", depth="1", user="james").items if one[-1] != "/"]
    assert "METHOD:REQUEST" in door("GET", message[4:], user="james").text
    query = '<D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'
    found = door.report(INBOX, "C:calendar-query", query, "james")
    assert "METHOD:REQUEST" in found.value(message, f"{CAL}calendar-data")
    several = f"<D:prop><C:calendar-data/></D:prop><D:href>{message}</D:href>"
    assert list(door.report(INBOX, "C:calendar-multiget", several, "james").items) == [message]
    wanted = "<D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    assert list(door.report(INBOX, "D:sync-collection", wanted, "james").items) == [message]
    assert door("PUT", f"{INBOX}x.ics", meeting(), "james").status == 403
    assert door("DELETE", INBOX, user="james").status == 403
    assert door("MKCALENDAR", INBOX, user="james").status == 403
    assert door("GET", INBOX, user="anne").status == 404
    assert f"/dav{INBOX}" not in door.propfind(JAMES, "D:getetag", depth="1", user="james").items
    assert door("DELETE", message[4:], user="james").status == 204
    assert not door.propfind(INBOX, "D:getetag", depth="1", user="james").items


def test_where_invitations_go(door):
    door("MKCALENDAR", f"{JAMES}work/", user="james")

    def choose(path):
        value = f"<C:schedule-default-calendar-URL><D:href>{path}</D:href></C:schedule-default-calendar-URL>"
        update = f'<D:propertyupdate xmlns:D="DAV:" xmlns:C="{CAL[1:-1]}"><D:set><D:prop>{value}</D:prop></D:set>'
        return door("PROPPATCH", INBOX, f"{update}</D:propertyupdate>", "james").text

    assert "409 Conflict" in choose(f"/dav{JAMES}contacts/")
    assert "409 Conflict" in choose(f"/dav{CLAIRE}calendar/")
    assert "200 OK" in choose(f"/dav{JAMES}work/")
    door("PUT", MINE, meeting())
    assert theirs(door) == []
    assert len(door.propfind(f"{JAMES}work/", "D:getetag", depth="1", user="james").items) == 1


def test_a_delegate_writes_in_the_owners_name_as_far_as_he_may(door):
    claire, james = (door.accounts[f"{one}@example.org"].id for one in ("claire", "james"))

    def may(send):
        run(door.people.rights.delegate(Delegation(claire, james, Bundle.EDITOR, send)))

    may(SendRight.NO)
    data = meeting(who=("anne",))
    refused = door("PUT", MINE, data, "james")
    assert (refused.status, "schedule-send" in refused.text) == (403, True)
    assert theirs(door, "claire") == theirs(door, "anne") == []
    assert door("PUT", f"{CLAIRE}calendar/plain.ics", event("plain"), "james").status == 201
    may(SendRight.ON_BEHALF)
    assert door("PUT", MINE, data, "james").status == 201
    assert 'ORGANIZER;SENT-BY="mailto:james@example.org":mailto:claire@example.org' in text(door, None, "anne")
    may(SendRight.SEND_AS)
    door("PUT", MINE, data.replace("Talk", "Lunch"), "james")
    assert "SENT-BY" not in text(door, None, "anne")
    assert "SUMMARY:Lunch" in text(door, None, "anne")
    may(SendRight.NO)
    assert door("DELETE", MINE, user="james").status == 403
    assert door("DELETE", f"{CLAIRE}calendar/", user="james").status == 403
    assert "STATUS" not in text(door, None, "anne")


def test_a_calendar_that_goes_takes_its_meetings_with_it(door):
    door("MKCALENDAR", f"{CLAIRE}other/")
    door("PUT", f"{CLAIRE}other/1.ics", meeting())
    assert door("DELETE", f"{CLAIRE}other/").status == 204
    assert "STATUS:CANCELLED" in text(door)
