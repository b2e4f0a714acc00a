"""Calendars and contacts from the command line."""

import json
import sqlite3

from tests.support.calendars import calendar, card, component

MARIE = "marie@example.org"
ZONE = """BEGIN:VTIMEZONE
TZID:{}
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0100
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE"""


def test_a_calendar_goes_in_and_out_again(ready, tmp_path):
    whole = calendar(
        ZONE.format("Here"),
        ZONE.format("There"),
        component("VEVENT", "one", "DTSTART;TZID=Here:20261101T090000", "SUMMARY:Début", "X-OWN:kept"),
        component("VEVENT", "two/odd ü", "DTSTART:20261102T090000Z", "RRULE:FREQ=DAILY"),
        component("VEVENT", "two/odd ü", "DTSTART:20261103T100000Z", "RECURRENCE-ID:20261103T090000Z"),
        component("VEVENT", "no start"),
        component("VTODO", "task"),
    )
    file = tmp_path / "in.ics"
    file.write_text(whole, newline="")
    out, error = ready("calendar", "import", MARIE, file, expect=3)
    assert out == "2 items stored in calendar of marie@example.org.\n"
    assert error.count("Skipped") == 2
    rows = ready.json("calendar", "list", MARIE)
    assert [(one["name"], one["items"]) for one in rows] == [("calendar", 2), ("tasks", 0)]
    again = ready.json("calendar", "import", MARIE, "-", stdin=whole, expect=3)
    assert (again[0]["items"], len(again[0]["skipped"])) == (2, 2)
    assert ready.json("calendar", "list", MARIE)[0]["items"] == 2
    ready("calendar", "export", MARIE, tmp_path / "out.ics")
    written = (tmp_path / "out.ics").read_text()
    assert (written.count("BEGIN:VEVENT"), written.count("BEGIN:VTIMEZONE"), "X-OWN:kept" in written) == (3, 1, True)
    _, error = ready("calendar", "export", MARIE, tmp_path / "out.ics", language="fr", expect=1)
    assert "existe" in error
    ready("calendar", "export", MARIE, "--calendar", "contacts", expect=1)
    acts = {one["act"] for one in ready.json("log", "--about", MARIE)}
    assert {"calendar import", "calendar export"} <= acts


def test_contacts(ready):
    cards = card("1", "Anne") + card("2", "Zoë").replace("UID:2\r\n", "")
    for _ in range(2):
        ready("contacts", "import", MARIE, "-", stdin=cards)
    assert ready.json("contacts", "list", MARIE)[0]["items"] == 2
    out, _ = ready("contacts", "export", MARIE)
    assert "FN:Zoë" in out


def test_a_radicale_users_folder(ready, tmp_path):
    root = tmp_path / "collection-root" / "marie"
    for name, props, item, text in (
        ("a1b2", {"tag": "VCALENDAR", "D:displayname": "Travail", "ICAL:calendar-color": "#00FF00FF",
                  "C:supported-calendar-component-set": "VEVENT,VTODO"}, "x.ics",
         calendar(component("VTODO", "t"))),
        ("c3d4", {"tag": "VADDRESSBOOK", "D:displayname": "Amis"}, "y.vcf", card("y", "Anne")),
        ("plain", {}, "z", "z"),
    ):  # fmt: skip
        (root / name / ".Radicale.cache").mkdir(parents=True)
        (root / name / ".Radicale.props").write_text(json.dumps(props))
        (root / name / item).write_text(text, newline="")
    answer = ready.json("calendar", "import", MARIE, root)
    assert [(one["collection"], one["items"]) for one in answer] == [("a1b2", 1), ("c3d4", 1)]
    (found,) = (one for one in ready.json("calendar", "list", MARIE) if one["name"] == "a1b2")
    assert (found["display_name"], found["components"]) == ("Travail", "VEVENT, VTODO")
    ready("calendar", "import", MARIE, tmp_path, expect=1)


def test_the_doctor_makes_the_tables_again(ready):
    ready("calendar", "import", MARIE, "-", stdin=calendar(component("VEVENT", "1", "DTSTART:20261101", "SUMMARY:S")))
    (path,) = ready.data.glob("mail/*/*/groupware.sqlite")
    assert ready.json("doctor")["findings"] == []
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM occurrence")
        connection.execute("UPDATE property SET folded = 'wrong' WHERE name = 'SUMMARY'")
        connection.execute("UPDATE collection SET items = 9")
    kinds = [one["kind"] for one in ready.json("doctor", expect=3)["findings"]]
    assert kinds == ["extract", "counters"]
    ready("doctor", "--repair", expect=3)
    assert ready.json("doctor")["findings"] == []
    path.write_bytes(b"not a database" * 1000)
    assert [one["kind"] for one in ready.json("doctor", "--repair", expect=3)["findings"]] == ["groupware_damaged"]
    assert path.read_bytes().startswith(b"not a database")


def test_busy_times_and_working_hours(ready, tmp_path):
    jean = "jean@example.org"
    ready("account", "add", jean)
    busy = calendar(component("VEVENT", "one", "DTSTART:20261103T090000Z", "DURATION:PT90M", "SUMMARY:Secret"))
    ready("calendar", "import", MARIE, "-", stdin=busy)
    ready("calendar", "freebusy", "hours", jean, "--on", "mo-fr 8-12 13:30-18", "--zone", "Etc/UTC")
    words = ("calendar", "freebusy", "show", MARIE, jean, "nobody@example.org", "--from", "2026-11-03", "--zone", "UTC")
    out, error = ready(*words)
    rows = {line.split()[0]: line.split()[1] for line in out.splitlines() if "@" in line}
    assert rows[MARIE] == "·" * 18 + "███" + "·" * 27
    assert rows[jean] == "─" * 16 + "·" * 8 + "───" + "·" * 9 + "─" * 12
    assert rows["nobody@example.org"] == "?" * 48
    assert "All free: 08:00 09:00, 10:30 12:00, 13:30 18:00" in out.replace("\N{EN DASH}", " ")
    assert ("Secret" in out, "nobody" in error) == (False, True)
    told = ready.json(*words)
    assert told["people"][0]["busy"] == [
        {"start": "2026-11-03T09:00:00+00:00", "end": "2026-11-03T10:30:00+00:00", "kind": "busy"}
    ]
    assert [one["refused"] for one in told["people"]] == [None, None, "unknown"]

    def seen(viewer):
        return ready.json(*words, "--as", viewer)["people"][0]["refused"]

    assert seen(jean) == "forbidden"  # by his plan
    ready("account", "set", jean, "--plan", "premium")
    assert seen(jean) is None
    ready("account", "set", MARIE, "--free-busy", "no")
    assert (seen(jean), seen(MARIE)) == ("forbidden", None)
    ready("account", "set", MARIE, "--free-busy", "domain")
    ready("domain", "set", "example.org", "--free-busy", "no")
    assert seen(jean) == "forbidden"

    ready("calendar", "freebusy", "hours", jean, "--none")
    assert ready.json("calendar", "freebusy", "hours", jean)["availability"] is None
    ready("calendar", "freebusy", "hours", jean, "--on", "mo 9-12", expect=2)


def test_of_what_mails_remind(ready):
    assert ready.json("calendar", "reminders", MARIE) == [
        {"name": "calendar", "mail": "alarms"},
        {"name": "tasks", "mail": "alarms"},
    ]
    out, _ = ready("calendar", "reminders", MARIE, "--mail", "all", "--calendar", "tasks")
    assert out == f"Mail reminds {MARIE} of everything in 1 calendar.\n"
    ready("calendar", "reminders", MARIE, "--mail", "none", "--calendar", "calendar")
    assert [one["mail"] for one in ready.json("calendar", "reminders", MARIE)] == ["none", "all"]
    ready("calendar", "reminders", MARIE, "--calendar", "contacts", expect=1)


def test_what_is_not_delivered(ready):
    assert ready("calendar", "pending", MARIE)[0] == "Nothing waits: all invitations and answers are delivered.\n"
    assert ready.json("calendar", "pending", MARIE) == []


def test_rooms_and_equipment(ready):
    room = "room@example.org"
    words = ("--name", "Room 1", "--capacity", "12", "--max-duration", "4h", "--booker", MARIE, "--manager", MARIE)
    ready("resource", "add", room, *words)
    (row,) = ready.json("resource", "list", "--domain", "example.org")
    assert {name: row[name] for name in ("kind", "capacity", "max_duration", "horizon", "booking", "bookers")} == {
        "kind": "room", "capacity": 12, "max_duration": 240, "horizon": 365, "booking": "automatic", "bookers": [MARIE],
    }  # fmt: skip
    changed = ready.json("resource", "set", room, "--max-duration", "none", "--booker", "none", "--conflicts", "25")
    assert (changed["max_duration"], changed["bookers"], changed["conflicts"]) == (None, [], 25)
    out, _ = ready("resource", "show", room, language="fr")
    assert ("salle" in out, MARIE in out) == (True, True)
    ready("resource", "set", MARIE, "--capacity", "3", expect=1)
    ready("resource", "remove", room)
    assert ready.json("resource", "list") == []
