"""Calendars of a real service, over TLS: log-in, discovery, limits, what survives kill -9, who waits for whom."""

import http.client
import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from tests.support.calendars import calendar, component, event
from tests.support.dav import NAMESPACES
from tests.support.dav_site import Site
from tests.support.eventually import eventually
from tests.support.free_ports import free_ports
from tests.support.service import children, started

SETTINGS = """
[[listener]]
protocol = "http"
address = "127.0.0.1:{port}"
tls = "implicit"
[dav]
max_item = 65536
"""
USER = "user00@example.org"
PLAN = "basic"
CALENDAR = f"/dav/{USER}/calendar/"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    (port,) = free_ports(1)
    with started(tmp_path_factory.mktemp("dav"), users=5, settings=SETTINGS.format(port=port)) as service:
        yield Site(service, port, USER)


def test_discovery_leads_straight_to_the_principal(site):
    for name in ("caldav", "carddav"):
        assert site("PROPFIND", f"/.well-known/{name}").headers["Location"] == f"/dav/{USER}/"
        assert site("GET", f"/.well-known/{name}", user="").headers["Location"] == "/dav/"
    asked = f"<D:propfind {NAMESPACES}><D:prop><D:current-user-principal/></D:prop></D:propfind>"
    assert f"<D:href>/dav/{USER}/</D:href>" in site("PROPFIND", "/", asked, Depth="0").content.decode()
    people = f"<D:principal-property-search {NAMESPACES} test='anyof'><D:prop><D:displayname/></D:prop>"
    everybody = site("REPORT", "/", f"{people}</D:principal-property-search>", Depth="0")
    assert f"<D:href>/dav/{USER}/</D:href>" in everybody.content.decode()
    nobody = site("PROPFIND", "/dav/", user="")
    assert (nobody.status, nobody.headers["WWW-Authenticate"].split()[0]) == (401, "Basic")
    assert "calendar-access" in site("OPTIONS", "/dav/", user="").headers["DAV"]


def test_log_in(site):
    assert site("PROPFIND", CALENDAR, password="wrong", Depth="0").status == 401
    assert site("PROPFIND", CALENDAR, user="user01@example.org", Depth="0").status == 404
    only_imap, dav = (
        site.service.optimails("account", "app-password", "add", USER, "--label", name, "--service", name)
        for name in ("imap", "dav")
    )
    assert site("PROPFIND", CALENDAR, password=only_imap["password"], Depth="0").status == 401
    assert site("PROPFIND", CALENDAR, password=dav["password"], Depth="0").status == 207


def test_what_is_too_large(site):
    assert (
        site("PUT", CALENDAR + "1.ics", event("1", "20261103T090000Z", "SUMMARY:" + "x" * 70_000).encode()).status
        == 413
    )
    assert site("PUT", CALENDAR + "1.ics", b"x" * 6_000_000).status == 413


def test_what_was_acknowledged_survives_kill_9(site):
    stored = []
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            try:
                if site("PUT", f"{CALENDAR}k{number}.ics", event(f"k{number}").encode()).status == 201:
                    stored.append(f"k{number}")
                    if len(stored) == 20:
                        stop.set()
            except (OSError, http.client.HTTPException):
                return
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    stop.wait(30)
    site.service.kill()
    writer.join()
    site.service.start()
    listed = site(
        "PROPFIND", CALENDAR, f"<D:propfind {NAMESPACES}><D:prop><D:getetag/></D:prop></D:propfind>", Depth="1"
    )
    assert len(stored) >= 20
    assert [name for name in stored if f"/{name}.ics<" not in listed.content.decode()] == []


def test_somebody_else_writes_while_reports_run(site):
    """The threads for reports are all in use by one account; another's write needs none of them."""
    inside = '<D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter>'
    query = f"<C:calendar-query {NAMESPACES}>{inside}</C:calendar-query>"
    statuses = []
    threads = [
        threading.Thread(target=lambda: statuses.append(site("REPORT", CALENDAR, query, Depth="1").status))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    other = "/dav/user02@example.org/calendar/x.ics"
    assert site("PUT", other, event("x").encode(), user="user02@example.org").status == 201
    for thread in threads:
        thread.join()
    assert statuses == [207] * 12


def test_processes_for_reports_are_replaced_and_never_outlive_the_service(site):
    def running():
        (web,) = (pid for pid in site.service.workers() if b"web" in Path(f"/proc/{pid}/cmdline").read_bytes())
        return children(web)

    before = running()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    assert site("PROPFIND", CALENDAR, Depth="1").status == 207
    assert before
    assert set(running()).isdisjoint(before)
    site.service.kill_supervisor()  # and waits until nothing of its session is left
    site.service.start()
    assert site("PROPFIND", CALENDAR, Depth="1").status == 207


def test_a_program_that_asks_all_day_leaves_one_line(site):
    before = site.service.times_logged("login")
    for _ in range(3):
        assert site("PROPFIND", "/dav/user01@example.org/", user="user01@example.org", Depth="0").status == 207
    assert site.service.times_logged("login") <= before + 1


def test_the_log_names_no_addresses_of_pages(site):
    events = [json.loads(line) for line in site.service.log.read_text().splitlines() if '"http_request"' in line]
    assert {one["page"] for one in events} == {"/dav"}


def test_a_delegate_reads_until_the_delegation_ends(site):
    owner, delegate = "user02@example.org", "user03@example.org"
    item = f"/dav/{owner}/calendar/d.ics"
    assert site("PUT", item, event("d").encode(), user=owner).status == 201
    assert site("GET", item, user=delegate).status == 404
    site.service.optimails("plan", "set", PLAN, "--feature", "delegation")
    site.service.optimails("delegate", "add", owner, delegate, "--bundle", "reader")
    assert site("GET", item, user=delegate).status == 200
    assert site("PUT", item, event("d", "20261104T090000Z").encode(), user=delegate).status == 403
    assert f"/dav/{owner}/calendar/" in site("PROPFIND", f"/dav/{owner}/", user=delegate, Depth="1").content.decode()
    site.service.optimails("delegate", "add", owner, delegate, "--bundle", "editor")
    assert site("PUT", item, event("d", "20261104T090000Z").encode(), user=delegate).status == 204
    site.service.optimails("delegate", "remove", owner, delegate)
    assert site("GET", item, user=delegate).status == 404
    acts = [(one["actor"], one["act"]) for one in site.service.optimails("log", "--about", owner)]
    assert (delegate, "dav put") in acts


@pytest.mark.parametrize(("kind", "name"), [("calendar", "calendar"), ("calendar", "tasks"), ("contacts", "contacts")])
def test_rights_on_one_collection_open_that_one(site, kind, name):
    owner, viewer = "user03@example.org", "user01@example.org"
    home = f"/dav/{owner}/"
    site.service.optimails("plan", "set", PLAN, "--feature", "sharing", "--feature", "delegation")
    assert site("PROPFIND", f"{home}{name}/", user=viewer, Depth="1").status == 404
    site.service.optimails("acl", "set", owner, name, viewer, "lr", "--kind", kind)
    listed = site("PROPFIND", home, user=viewer, Depth="1").content.decode()
    assert [part for part in ("calendar", "tasks", "contacts") if f"{home}{part}/<" in listed] == [name]
    assert site("PROPFIND", f"{home}{name}/", user=viewer, Depth="1").status == 207
    assert site("PUT", f"{home}{name}/x", event("x").encode(), user=viewer).status == 403
    site.service.optimails("acl", "delete", owner, name, viewer, "--kind", kind)
    assert site("PROPFIND", f"{home}{name}/", user=viewer, Depth="1").status == 404


def test_a_deleted_calendar_leaves_no_rights(site):
    owner, viewer = "user03@example.org", "user01@example.org"
    path = f"/dav/{owner}/gone/"
    assert site("MKCALENDAR", path, user=owner).status == 201
    site.service.optimails("acl", "set", owner, "gone", viewer, "lr", "--kind", "calendar")
    assert site("PROPFIND", path, user=viewer, Depth="0").status == 207
    assert site("DELETE", path, user=owner).status == 204
    assert site("MKCALENDAR", path, user=owner).status == 201
    assert site("PROPFIND", path, user=viewer, Depth="0").status == 404


def test_everybody_of_the_domain_is_in_the_company_book(site):
    book = f"/dav/{USER}/company/"
    site.service.optimails("account", "set", "user02@example.org", "--name", "Zoé Martin")
    site.service.optimails("alias", "add", "zoe@example.org", "user02@example.org")

    def found(words):
        inside = f'<A:prop-filter name="EMAIL"><A:text-match>{words}</A:text-match></A:prop-filter>'
        query = f"<A:addressbook-query {NAMESPACES}><D:prop><A:address-data/></D:prop><A:filter>{inside}</A:filter>"
        return site("REPORT", book, f"{query}</A:addressbook-query>".encode(), Depth="1").content.decode()

    assert "FN:Zoé Martin" in found("zoe@example.org")
    assert found("@example.org").count("BEGIN:VCARD") == 5
    site.service.optimails("account", "remove", "user04@example.org")
    assert "user04@" not in found("@example.org")


def test_who_may_open_somebody_elses_calendar_is_told_so_until_he_may_not(site):
    asked = f"<D:propfind {NAMESPACES}><D:prop><S:calendar-proxy-read-for/><S:calendar-proxy-write-for/></D:prop>"

    def told():
        body = site("PROPFIND", f"/dav/{USER}/", f"{asked}</D:propfind>".encode(), Depth="0").content.decode()
        where = {name: body.partition(f"<CS:calendar-proxy-{name}-for>")[2].partition("</CS:")[0]
                 for name in ("read", "write")}  # fmt: skip
        return {name for name, found in where.items() if "/dav/user01@example.org/" in found}

    def give(rights):
        site.service.optimails("acl", "set", "user01@example.org", "calendar", USER, rights, "--kind", "calendar")

    site("PROPFIND", "/dav/user01@example.org/", user="user01@example.org", Depth="1")  # makes it
    site.service.optimails("plan", "set", PLAN, "--feature", "none")
    give("reader")
    assert told() == set()  # the plan does not allow it
    site.service.optimails("plan", "set", PLAN, "--feature", "sharing")
    assert told() == {"read"}
    give("editor")
    assert told() == {"write"}
    site.service.optimails("acl", "delete", "user01@example.org", "calendar", USER, "--kind", "calendar")
    assert told() == set()
    site.service.optimails("plan", "set", PLAN, "--feature", "delegation")
    site.service.optimails("delegate", "add", "user01@example.org", USER, "--bundle", "editor")
    assert told() == {"write"}
    site.service.optimails("delegate", "remove", "user01@example.org", USER)
    assert told() == set()


def test_who_accepts_a_calendar_has_it_in_his_own_home_until_it_is_taken_away(site):
    owner, viewer = "user01@example.org", "user02@example.org"
    run = site.service.optimails
    run("plan", "set", PLAN, "--feature", "sharing", "--feature", "shared-folders")
    site("PROPFIND", f"/dav/{owner}/", user=owner, Depth="0")  # makes it
    run("acl", "set", owner, "calendar", viewer, "editor", "--kind", "calendar")

    def names():
        asked = f"<D:propfind {NAMESPACES}><D:prop><D:displayname/></D:prop></D:propfind>"
        home = site("PROPFIND", f"/dav/{viewer}/", asked.encode(), user=viewer, Depth="1").content.decode()
        return dict(re.findall(r"<D:href>(/dav/[^<]*/shared-\w+/)</D:href>.*?<D:displayname>([^<]*)<", home))

    name = f"{owner}/calendar"
    assert [(one["mailbox"], one["answer"]) for one in run("share", "list", viewer)] == [(name, "offered")]
    assert names() == {}
    run("share", "accept", viewer, name)
    (path,) = names()
    assert site("PUT", path + "s.ics", event("s").encode(), user=viewer).status == 201
    assert site("GET", f"/dav/{owner}/calendar/s.ics", user=owner).status == 200
    assert ("dav put", viewer) in [(one["act"], one["actor"]) for one in run("log", "--about", owner)]
    run("share", "create", "example.org", "Holidays", "--kind", "calendar")
    assert max(names().values()) == "Holidays"
    run("share", "delete", "example.org", "Holidays", "--kind", "calendar")
    assert list(names()) == [path]
    assert site("DELETE", path + "s.ics", user=viewer).status == 204
    (gone,) = run("calendar", "deleted", owner)
    assert (gone["collection"], run("calendar", "restore", owner, str(gone["id"]))["items"]) == ("calendar", 1)
    assert site("GET", path + "s.ics", user=viewer).status == 200
    run("share", "refuse", viewer, name)
    assert (names(), site("GET", path + "s.ics", user=viewer).status) == ({}, 404)


def test_colleagues_see_when_others_are_busy(site):
    owner, colleague = "user02@example.org", "user03@example.org"
    meeting = event("busy", "20261110T090000Z", "SUMMARY:Secret", end="20261110T100000Z").encode()
    assert site("PUT", f"/dav/{owner}/calendar/busy.ics", meeting, user=owner).status == 201
    people = f"ORGANIZER:mailto:{colleague}\r\nATTENDEE:mailto:{owner}"
    times = "DTSTART:20261110T000000Z\r\nDTEND:20261111T000000Z"
    body = calendar("METHOD:REQUEST", component("VFREEBUSY", "1", people, times)).encode()

    def ask():
        outbox = f"/dav/{colleague}/schedule-outbox/"
        return site("POST", outbox, body, user=colleague, **{"Content-Type": "text/calendar"}).content.decode()

    site.service.optimails("plan", "set", PLAN, "--feature", "delegation")
    assert "<C:request-status>3.8;No authority</C:request-status>" in ask()
    site.service.optimails("plan", "set", PLAN, "--feature", "delegation", "--feature", "free-busy")
    assert "FREEBUSY:20261110T090000Z/20261110T100000Z" in ask()
    assert "Secret" not in ask()
    site.service.optimails("account", "set", owner, "--free-busy", "no")
    assert "3.8;No authority" in ask()


def test_a_secret_address_until_it_is_taken_back(site):
    owner = "user03@example.org"
    site("PUT", f"/dav/{owner}/calendar/s.ics", event("s", "20261117T090000Z", end="20261117T100000Z").encode(), owner)

    def words(act, *more):
        return site.service.optimails("calendar", "freebusy", "url", act, owner, *more)

    def read(url):
        return site("GET", "/" + url.split("/", 3)[3], user="")

    site.service.optimails("plan", "set", PLAN, "--feature", "free-busy", "--feature", "sharing")
    first = words("create")["url"]
    answer = read(first + "?start=2026-11-17&period=P1D")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    assert b"FREEBUSY:20261117T090000Z/20261117T100000Z" in answer.content
    second = words("renew")["url"]
    assert (read(first).status, read(second).status) == (404, 200)
    assert [one["url"] for one in words("list")] == [second]
    words("revoke")
    assert read(second).status == 404
    assert first.rpartition("/")[2][:16] not in site.service.log.read_text()


def meeting(uid, *people, start="20301105T090000Z", lines=()):
    who = [f"ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{one}" for one in people]
    return event(uid, start, "SUMMARY:Talk", f"ORGANIZER:mailto:{USER}", *who, *lines, end="").encode()


def test_a_meeting_from_its_invitation_to_its_end(site):
    guest, other = "user01@example.org", "user02@example.org"
    path, weekly = f"{CALENDAR}m1.ics", ["RRULE:FREQ=WEEKLY;COUNT=4"]

    def seen(user, uid="m1"):
        return [one.replace("\r\n ", "") for one in site.texts("calendar", user) if f"UID:{uid}\r\n" in one]

    def change(user, before, after):
        listed = site("PROPFIND", f"/dav/{user}/calendar/", user=user, Depth="1").content.decode()
        for name in re.findall(rf"<D:href>(/dav/{user}/calendar/[^<]+)</D:href>", listed):
            text = site("GET", name, user=user).content.decode().replace("\r\n ", "")
            if "UID:m1\r\n" in text:
                assert re.search(before, text)
                return site("PUT", name, re.sub(before, after, text).encode(), user).status
        raise AssertionError("it is not there")

    assert site("PUT", path, meeting("m1", guest, lines=weekly)).status == 201
    assert "PARTSTAT=NEEDS-ACTION" in seen(guest)[0]
    assert change(guest, f"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{guest}", f"PARTSTAT=ACCEPTED:mailto:{guest}") == 204
    assert re.search(f"PARTSTAT=ACCEPTED[^:]*:mailto:{guest}", seen(USER)[0])
    assert change(guest, "DTSTART:20301105T090000Z", "DTSTART:20301105T100000Z") == 403
    assert site("PUT", path, meeting("m1", guest, start="20301106T090000Z", lines=weekly)).status == 204
    assert "DTSTART:20301106T090000Z" in seen(guest)[0]
    assert "PARTSTAT=NEEDS-ACTION" in seen(guest)[0]
    out = [*weekly, "EXDATE:20301113T090000Z"]
    assert site("PUT", path, meeting("m1", guest, start="20301106T090000Z", lines=out)).status == 204
    assert "RECURRENCE-ID:20301113T090000Z" in seen(guest)[0]
    handed_on = (
        f'PARTSTAT=DELEGATED;DELEGATED-TO="mailto:{other}":mailto:{guest}\r\n'
        f'ATTENDEE;PARTSTAT=NEEDS-ACTION;DELEGATED-FROM="mailto:{guest}":mailto:{other}'
    )
    assert change(guest, f"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:{guest}", handed_on) == 204
    assert f"mailto:{other}" in seen(USER)[0]
    assert len(seen(other)) == 1
    assert site("DELETE", path).status == 204
    assert all("STATUS:CANCELLED" in seen(who)[0] for who in (guest, other))
    assert site.service.optimails("calendar", "pending", USER) == []


def test_after_kill_9_nobody_has_a_meeting_that_the_other_has_not(site):
    """The jobs worker delivers what the web worker had written and could not bring any more."""
    guest = "user02@example.org"

    def uids(user):
        return sorted(re.findall("UID:(kill-[^\r]+)", "".join(site.texts("calendar", user))))

    def invite():
        for number in range(20):
            try:
                site("PUT", f"{CALENDAR}kill-{number}.ics", meeting(f"kill-{number}", guest))
            except (OSError, http.client.HTTPException):
                return

    inviting = threading.Thread(target=invite)
    inviting.start()
    assert eventually(lambda: uids(USER))
    (web,) = [one for one in site.service.workers() if b"\0web\0" in Path(f"/proc/{one}/cmdline").read_bytes()]
    os.kill(web, signal.SIGKILL)
    inviting.join()
    assert eventually(lambda: site.service.optimails("calendar", "pending", USER) == [])
    assert eventually(lambda: uids(USER) == uids(guest))
    assert len(uids(guest)) == len(set(uids(guest))) > 0


def test_a_room_is_booked_once(site):
    room = "room@example.org"
    site.service.optimails("resource", "add", room, "--name", "Room", "--horizon", "none")

    def book(uid, user):
        people = f"ORGANIZER:mailto:{user}\r\nATTENDEE;CUTYPE=ROOM:mailto:{room}"
        times = "DTSTART:20990105T090000Z\r\nDTEND:20990105T100000Z"
        body = calendar(component("VEVENT", uid, times, people)).encode()
        assert site("PUT", f"/dav/{user}/calendar/{uid}.ics", body, user=user).status == 201
        text = site("GET", f"/dav/{user}/calendar/{uid}.ics", user=user).content.decode().replace("\r\n ", "")
        return next(line for line in text.splitlines() if room in line and line.startswith("ATTENDEE"))

    assert "PARTSTAT=ACCEPTED" in book("first", "user01@example.org")
    assert "PARTSTAT=DECLINED" in book("second", "user02@example.org")
    condition = "<D:property-search><D:prop><C:calendar-user-type/></D:prop><D:match>ROOM</D:match></D:property-search>"
    search = f"<D:principal-property-search {NAMESPACES}>{condition}<D:prop><D:displayname/></D:prop>"
    found = site("REPORT", "/dav/", f"{search}</D:principal-property-search>".encode(), Depth="0")
    assert f"/dav/{room}/" in found.content.decode()


def test_invitations_lists_proxies_and_files_through_the_service(site):
    """What unit tests try without sockets: questions of reports' processes, query strings, sizes of bodies."""
    owner, viewer = "user01@example.org", "user02@example.org"
    run, calendar = site.service.optimails, f"/dav/{owner}/calendar/"
    run("plan", "set", PLAN, "--feature", "sharing", "--feature", "delegation")
    body = f"<S:set><D:href>mailto:{viewer}</D:href><S:read-write/></S:set>"
    assert site("POST", calendar, f"<S:share {NAMESPACES}>{body}</S:share>".encode(), user=owner).status == 200

    def asked(path, *names, user, depth="0"):
        inside = "".join(f"<{name}/>" for name in names)
        body = f"<D:propfind {NAMESPACES}><D:prop>{inside}</D:prop></D:propfind>"
        return site("PROPFIND", path, body.encode(), user=user, Depth=depth).content.decode()

    (note,) = re.findall(
        r"/dav/[^<]*/invite-\w+\.xml", asked(f"/dav/{viewer}/notifications/", "D:getetag", user=viewer, depth="1")
    )
    uid = site("GET", note, user=viewer).content.decode().partition("<CS:uid>")[2].partition("<")[0]
    reply = f"<S:invite-reply {NAMESPACES}><S:invite-accepted/><S:in-reply-to>{uid}</S:in-reply-to></S:invite-reply>"
    mounted = site("POST", f"/dav/{viewer}/", reply.encode(), user=viewer).content.decode()
    path = mounted.partition("<D:href>")[2].partition("<")[0]
    told = asked(calendar, "S:invite", "D:acl", "D:resourcetype", user=owner)
    assert [one for one in ("CS:invite-accepted", f"/dav/{viewer}/", "CS:shared-owner") if one not in told] == []

    assert site("PUT", path + "f.ics", event("f").encode(), user=viewer).status == 201
    added = site("POST", path + "f.ics?action=attachment-add", b"x" * 5_000_000, user=viewer,
                 **{"Content-Type": "text/plain", "Content-Disposition": "attachment; filename=big.txt"})  # fmt: skip
    where = added.headers["Location"]
    assert (added.status, where.startswith(f"/dav/{owner}/attachments/")) == (201, True)
    assert f"{site.url}{where}" in (site("GET", path + "f.ics", user=viewer).content.decode().replace("\r\n ", ""))
    site.service.kill()
    site.service.start()
    assert len(site("GET", where, user=viewer).content) == 5_000_000
    assert site("GET", where, user="user00@example.org").status == 404

    group = f"/dav/{owner}/calendar-proxy-read/"
    member = f"<D:set><D:prop><D:group-member-set><D:href>/dav/{USER}/</D:href></D:group-member-set></D:prop></D:set>"
    update = f"<D:propertyupdate {NAMESPACES}>{member}</D:propertyupdate>"
    assert b"200 OK" in site("PROPPATCH", group, update.encode(), user=owner).content
    assert f"/dav/{USER}/" in asked(group, "D:group-member-set", user=owner)
    assert [(one["delegate"], one["scope"]) for one in run("delegate", "list", owner)] == [(USER, "calendars")]
    assert site("ACL", calendar, f"<D:acl {NAMESPACES}/>".encode(), user=owner).status == 200
    assert site("PROPFIND", path, user=viewer, Depth="0").status == 404
