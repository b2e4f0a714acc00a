"""Files that belong to events: added, replaced, taken away; who gets them, how many, and what is left of them."""

import os

import pytest

from caldav.session.attachments import filename
from optimails.groupware.api import Bounds, Kind
from optimails.groupware.attachments import Attachments
from optimails.groupware.undelete import deleted_items, restore
from optimails.model.account import Feature
from tests.support.calendars import calendar, component, event
from tests.support.dav import CAL, Door, person
from tests.unit.caldav.test_shared import share

EVENT = "/claire@example.org/calendar/1.ics"
DISPOSITION = {"type": "application/pdf", "content_disposition": 'attachment; filename="plan.pdf"'}


@pytest.fixture
def door(tmp_path):
    people = [person(name, features=tuple(Feature)) for name in ("claire", "james", "anne")]
    found = Door(Bounds(attachment=1000, storage=5000), people, tmp_path)
    assert found("PUT", EVENT, event("1")).status == 201
    return found


def add(door, data=b"content", path=EVENT, user="claire", more="", **headers):
    return door("POST", f"{path}?action=attachment-add{more}", data, user, **{**DISPOSITION, **headers})


def lines(door, path=EVENT, user="claire"):
    text = door("GET", path, user=user).text.replace("\r\n ", "")
    return [line for line in text.splitlines() if line.startswith("ATTACH")]


def files(door):
    folder = door.groupware.attachments(door.accounts["claire@example.org"].id)
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def test_a_file_is_added_replaced_and_taken_away(door):
    assert "calendar-managed-attachments" in door("OPTIONS", "/").headers["DAV"]
    reply = add(door)
    identity, where = reply.headers["Cal-Managed-ID"], reply.headers["Location"]
    assert (reply.status, where) == (201, f"/dav/claire@example.org/attachments/{identity}")
    assert lines(door) == [
        f"ATTACH;MANAGED-ID={identity};FMTTYPE=application/pdf;FILENAME=plan.pdf;SIZE=7:https://localhost{where}"
    ]
    got = door("GET", where.removeprefix("/dav"))
    assert (got.body, got.headers["Content-Type"]) == (b"content", "application/pdf")
    assert (got.headers["Content-Disposition"], got.headers["X-Content-Type-Options"]) == (
        "attachment; filename*=UTF-8''plan.pdf", "nosniff",
    )  # fmt: skip

    new = door("POST", f"{EVENT}?action=attachment-update&managed-id={identity}", b"other", **DISPOSITION)
    fresh = new.headers["Cal-Managed-ID"]
    assert (new.status, len(lines(door)), fresh in lines(door)[0], files(door)) == (204, 1, True, [fresh])
    assert door("GET", where.removeprefix("/dav")).status == 404

    gone = door("POST", f"{EVENT}?action=attachment-remove&managed-id={fresh}", prefer="return=representation")
    assert (gone.status, "ATTACH" in gone.text, "UID:1" in gone.text) == (200, False, True)
    assert (lines(door), files(door)) == ([], [])


def test_the_whole_series_has_it_and_the_answer_may_be_the_event(door):
    parts = [component("VEVENT", "s", "DTSTART:20261103T090000Z", "RRULE:FREQ=DAILY;COUNT=3"),
             component("VEVENT", "s", "RECURRENCE-ID:20261104T090000Z", "DTSTART:20261104T100000Z")]  # fmt: skip
    path = "/claire@example.org/calendar/s.ics"
    door("PUT", path, calendar(*parts))
    reply = add(door, path=path, prefer="return=representation")
    assert (reply.status, reply.text.count("ATTACH;"), reply.headers["Content-Location"]) == (201, 2, f"/dav{path}")
    assert reply.headers["ETag"] == door("GET", path).headers["ETag"]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("action=attach", "valid-action"),
        ("action=attachment-add&rid=20261104T090000Z", "valid-rid"),
        ("action=attachment-add&managed-id=x", "valid-managed-id"),
        ("action=attachment-update", "valid-managed-id"),
        ("action=attachment-remove&managed-id=x", "valid-managed-id"),
    ],
)
def test_what_cannot_be_asked(door, query, why):
    reply = door("POST", f"{EVENT}?{query}", b"x")
    assert (reply.status, reply.precondition) == (403, [f"{CAL}{why}"])
    assert (lines(door), files(door)) == ([], [])


def test_bounds(door):
    assert add(door, b"x" * 1001).precondition == [f"{CAL}max-attachment-size"]
    statuses = [add(door, b"x" * 1000).status for _ in range(5)]
    assert statuses == [201] * 4 + [507]
    assert len(files(door)) == 4
    assert (
        door("PUT", "/claire@example.org/calendar/2.ics", event("2", "20261103T090000Z", "X-A:" + "x" * 1500)).status
        == 507
    )
    assert add(door, if_match='"other"').status == 412
    used = door.propfind("/claire@example.org/", "D:quota-used-bytes").items["/dav/claire@example.org/"]
    assert int(used["{DAV:}quota-used-bytes"].text) > 4000


def test_only_who_reads_the_event_gets_the_file(door):
    where = add(door).headers["Location"].removeprefix("/dav")
    assert door("GET", where, user="james").status == 404
    mounted = share(door, "lr0")
    assert door("GET", where, user="james").body == b"content"
    assert door("GET", where, user="anne").status == 404
    assert add(door, path=mounted + "1.ics", user="james").status == 403
    share(door, "lrw")
    reply = add(door, b"from James", path=mounted + "1.ics", user="james")
    assert reply.headers["Location"].startswith("/dav/claire@example.org/attachments/")
    for method in ("PUT", "DELETE", "PROPFIND"):
        assert door(method, where, b"x").status == 403
    door("PUT", EVENT, door("GET", EVENT).text.replace("END:VEVENT", "CLASS:PRIVATE\r\nEND:VEVENT"))
    share(door, "lr0")
    assert door("GET", where, user="james").status == 404


def test_who_is_invited_gets_the_file_and_the_owner_can_see_that(door):
    people = ["ORGANIZER:mailto:claire@example.org", "ATTENDEE:mailto:claire@example.org"]
    meeting = event("m", "20301103T090000Z", *people, "ATTENDEE:mailto:james@example.org", end="20301103T100000Z")
    path = "/claire@example.org/calendar/m.ics"
    assert door("PUT", path, meeting).status == 201
    where = add(door, path=path).headers["Location"].removeprefix("/dav")
    listed = door.propfind("/james@example.org/calendar/", "D:getetag", depth="1", user="james").items
    (theirs,) = (one for one in listed if one.endswith(".ics"))
    assert where in lines(door, theirs.removeprefix("/dav"), "james")[0]
    assert door("GET", where, user="james").body == b"content"
    assert door("GET", where, user="anne").status == 404
    assert [line[:4] for line in door.audit] == [("james@example.org", "dav", "dav attachment", "claire@example.org")]


def test_a_text_names_only_files_that_are_there(door):
    add(door)
    (line,) = lines(door)
    other = "/claire@example.org/calendar/2.ics"
    assert door("PUT", other, event("2", "20261103T090000Z", line)).status == 201
    wrong = event("3", "20261103T090000Z", "ATTACH;MANAGED-ID=0:https://localhost/x")
    assert door("PUT", other.replace("2.", "3."), wrong).precondition == [f"{CAL}valid-managed-id-parameter"]
    identity = line.partition("MANAGED-ID=")[2].partition(";")[0]
    door("POST", f"{EVENT}?action=attachment-remove&managed-id={identity}")
    assert files(door) == [identity]  # the other event has it still


def test_what_nobody_has_is_cleaned_away_but_not_what_can_come_back(door):
    claire = door.accounts["claire@example.org"]
    identity = add(door).headers["Cal-Managed-ID"]
    folder = door.groupware.attachments(claire.id)
    with door.groupware.open(claire) as account:
        kept = Attachments(account, folder)
        kept.store(b"lost", "x", "text/plain")  # whoever stored it died
        (folder / "torn.tmp").write_bytes(b"x")
        door("DELETE", EVENT)
        assert (kept.clean(), len(files(door))) == (0, 3)  # it may be in the making
        assert (kept.clean(age=-10), files(door)) == (2, [identity])
        restore(account, deleted_items(account, Kind.CALENDAR))
        assert door("GET", f"/claire@example.org/attachments/{identity}").body == b"content"
        door("PUT", EVENT, event("1"))
        assert (kept.clean(age=-10), files(door)) == (1, [])


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=a.pdf", "a.pdf"),
        ('attachment; filename="C:\\\\x\\\\b c.pdf"', "b c.pdf"),
        ("attachment; filename=x; filename*=UTF-8''%C3%A9t%C3%A9.txt", "été.txt"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ("attachment; filename*=UTF-8''%0d%0aSet-Cookie%22", "__Set-Cookie_"),
        ("", "attachment"),
    ],
)
def test_names_of_files(disposition, name):
    assert filename(disposition) == name
