"""What calendar and contact programs ask and hear, through Radicale's application to our handlers."""

from functools import partial

import pytest

from caldav.session import contents, propfind
from optimails.acl.decision import Effective, Through
from optimails.groupware import account
from optimails.groupware.api import Bounds
from optimails.model.rights import Right, parse_rights
from tests.support.calendars import calendar, card, component, event
from tests.support.dav import CAL, CARD, DAV, NAMESPACES, Door

HOME = "/dav/claire@example.org/"
CALENDAR = "/claire@example.org/calendar/"
BOOK = "/claire@example.org/contacts/"
SERVER = "{http://calendarserver.org/ns/}"
WEEK = '<C:time-range start="20261102T000000Z" end="20261109T000000Z"/>'


@pytest.fixture
def door():
    return Door()


def put(door, name="1.ics", text=None, where=CALENDAR, **headers):
    return door("PUT", where + name, text or event(name.partition(".")[0]), **headers)


def query(inside, data="<D:prop><D:getetag/><C:calendar-data/></D:prop>"):
    return (
        f'{data}<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">{inside}</C:comp-filter>'
        "</C:comp-filter></C:filter>"
    )


# -- discovery ---------------------------------------------------------------------------------------------------------


def test_from_the_root_to_the_homes(door):
    root = door.propfind("/", "D:current-user-principal").items["/dav/"]
    assert root[f"{DAV}current-user-principal"][0].text == HOME
    home = door.propfind("/claire@example.org/", "C:calendar-home-set", "A:addressbook-home-set", "D:principal-URL",
                         "C:calendar-user-address-set", "D:displayname", "D:nonsense")  # fmt: skip
    found = home.items[HOME]
    assert {found[name][0].text for name in (f"{CAL}calendar-home-set", f"{CARD}addressbook-home-set")} == {HOME}
    assert found[f"{CAL}calendar-user-address-set"][0].text == "mailto:claire@example.org"
    assert found[f"{DAV}displayname"].text == "Claire"
    assert home.missing[HOME] == {f"{DAV}nonsense": 404}


def test_a_home_lists_its_collections_with_their_kinds(door):
    listed = door.propfind("/claire@example.org/", "D:resourcetype", "C:supported-calendar-component-set", depth="1")
    kinds = {path: {one.tag for one in found[f"{DAV}resourcetype"]} for path, found in listed.items.items()}
    assert kinds == {
        HOME: {f"{DAV}collection", f"{DAV}principal"},
        f"{HOME}calendar/": {f"{DAV}collection", f"{CAL}calendar"},
        f"{HOME}tasks/": {f"{DAV}collection", f"{CAL}calendar"},
        f"{HOME}contacts/": {f"{DAV}collection", f"{CARD}addressbook"},
    }
    tasks = listed.items[f"{HOME}tasks/"][f"{CAL}supported-calendar-component-set"]
    assert [one.get("name") for one in tasks] == ["VTODO"]


def test_allprop_and_propname(door):
    everything = door.propfind(CALENDAR).items[f"/dav{CALENDAR}"]
    assert everything[f"{DAV}displayname"].text == "Calendar"
    names = door("PROPFIND", CALENDAR, f"<D:propfind {NAMESPACES}><D:propname/></D:propfind>", depth="0")
    assert f"{DAV}acl" in names.items[f"/dav{CALENDAR}"]
    assert all(one.text is None for one in names.items[f"/dav{CALENDAR}"].values())
    assert door("PROPFIND", CALENDAR, "", depth="0").items[f"/dav{CALENDAR}"].keys() == everything.keys()


def test_infinite_depth_above_collections_is_refused(door):
    assert door("PROPFIND", "/claire@example.org/").precondition == [f"{DAV}propfind-finite-depth"]


def test_expand_property(door):
    inside = (
        '<D:property name="current-user-principal"><D:property name="displayname"/>'
        '<D:property name="calendar-home-set" namespace="urn:ietf:params:xml:ns:caldav"/></D:property>'
    )
    found = door.report("/", "D:expand-property", inside).items["/dav/"][f"{DAV}current-user-principal"]
    assert found.find(f".//{DAV}displayname").text == "Claire"
    assert found.find(f".//{CAL}calendar-home-set/{DAV}href").text == HOME


@pytest.mark.parametrize("name", ["", "a b", "x/&gt;&lt;y", "a:b"])
def test_names_of_properties_are_names(door, name):
    assert door.report("/", "D:expand-property", f'<D:property name="{name}"/>').status == 400


@pytest.mark.parametrize(
    ("prop", "match", "found"),
    [
        ("S:email-address-set", "james@example.org", ["/dav/james@example.org/"]),
        ("C:calendar-user-address-set", "mailto:james@example.org", ["/dav/james@example.org/"]),
        ("D:displayname", "clai", [HOME]),
        ("D:displayname", "jam", []),  # people are not listed to anybody
        ("S:email-address-set", "nobody@example.org", []),
    ],
)
def test_principal_property_search(door, prop, match, found):
    inside = f"<D:property-search><D:prop><{prop}/></D:prop><D:match>{match}</D:match></D:property-search>"
    answer = door.report("/", "D:principal-property-search", inside + "<D:prop><D:displayname/></D:prop>")
    assert list(answer.items) == found


def test_principals_as_python_caldav_asks_for_them(door):
    answer = door.report("/", "D:principal-property-search", "<D:prop/><C:calendar-home-set/><D:displayname/>")
    assert answer.items[HOME].keys() == {f"{CAL}calendar-home-set", f"{DAV}displayname"}


def test_principal_search_property_set_and_match(door):
    assert b"displayname" in door.report("/", "D:principal-search-property-set", "").body
    matched = door.report("/", "D:principal-match", "<D:self/><D:prop><D:displayname/></D:prop>")
    assert list(matched.items) == [HOME]


# -- items -------------------------------------------------------------------------------------------------------------


def test_put_get_delete(door):
    made = put(door)
    assert (made.status, door("GET", CALENDAR + "1.ics").body) == (201, event("1").encode())
    etag = made.headers["ETag"]
    assert put(door, text=event("1", "20261104T090000Z"), if_match=etag).status == 204
    assert put(door, if_match=etag).status == 412
    assert put(door, if_none_match="*").status == 412
    now = door("GET", CALENDAR + "1.ics").headers["ETag"]
    assert door("GET", CALENDAR + "1.ics", if_none_match=now).status == 304
    head = door("HEAD", CALENDAR + "1.ics")
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", now)
    assert door("DELETE", CALENDAR + "1.ics", if_match=etag).status == 412
    assert door("DELETE", CALENDAR + "1.ics", if_match=now).status == 204
    assert door("GET", CALENDAR + "1.ics").status == 404
    assert door("DELETE", CALENDAR + "1.ics").status == 404


def test_names_that_need_quoting(door):
    name = "Été & <co> 100% a:b,c'd*e?.ics"
    assert put(door, name).status == 201
    listed = door.propfind(CALENDAR, "D:getetag", depth="1")
    path = f"/dav{CALENDAR}%C3%89t%C3%A9%20&%20%3Cco%3E%20100%25%20a:b,c'd*e%3F.ics"
    assert path in listed.items
    got = door.report(
        CALENDAR,
        "C:calendar-multiget",
        f"<D:prop><C:calendar-data/></D:prop><D:href>{path.replace('&', '&amp;')}</D:href>",
    )
    assert path in got.items


@pytest.mark.parametrize(
    ("where", "text", "status", "rule"),
    [
        (CALENDAR, "nonsense", 403, f"{CAL}valid-calendar-data"),
        (CALENDAR, calendar("METHOD:PUBLISH", component("VEVENT", "1", "DTSTART:20261101")), 403,
         f"{CAL}valid-calendar-object-resource"),
        (CALENDAR, calendar(component("VTODO", "1")), 403, f"{CAL}supported-calendar-component"),
        (CALENDAR, event("1", "20261103T090000Z", "SUMMARY:" + "x" * 3000), 413, f"{CAL}max-resource-size"),
        (CALENDAR, event("taken"), 403, f"{CAL}no-uid-conflict"),
        (CALENDAR, event("1", "20261103T090000Z", "SUMMARY:" + "x" * 1800), 507, f"{DAV}quota-not-exceeded"),
        (BOOK, event("1"), 403, f"{CARD}valid-address-data"),
        (BOOK, card("1", "A", "NOTE:" + "x" * 3000), 413, f"{CARD}max-resource-size"),
    ],
)  # fmt: skip
def test_preconditions(where, text, status, rule):
    door = Door(Bounds(item_size=2000, storage=1000))
    assert put(door, "taken.ics").status == 201
    answer = put(door, "1", text, where)
    assert (answer.status, answer.precondition) == (status, [rule])
    if rule.endswith("no-uid-conflict"):
        assert f"<D:href>/dav{CALENDAR}taken.ics</D:href>" in answer.text


def test_where_nothing_can_be_put(door):
    assert put(door, where="/claire@example.org/absent/").status == 409
    assert put(door, "", where=CALENDAR).status == 403
    assert door("PUT", "/claire@example.org/calendar/a/b", "x").status == 404
    assert put(door, type="image/png").precondition == [f"{CAL}supported-calendar-data"]


def test_copy_and_move(door):
    put(door)
    door("MKCALENDAR", "/claire@example.org/work/")
    target = f"http://localhost{HOME}work/one.ics"
    assert door("COPY", CALENDAR + "1.ics", destination=target).status == 201
    assert door("MOVE", CALENDAR + "1.ics", destination=target, overwrite="F").status == 412
    assert door("MOVE", CALENDAR + "1.ics", destination=target).status == 204
    assert door("GET", CALENDAR + "1.ics").status == 404
    assert door("GET", "/claire@example.org/work/one.ics").body == event("1").encode()
    assert door("MOVE", "/claire@example.org/work/one.ics", destination="http://elsewhere/x").status == 400
    absent = f"{HOME}absent/1.ics"
    assert door("MOVE", "/claire@example.org/work/one.ics", destination=absent).status == 409
    answer = door("MOVE", "/claire@example.org/work/one.ics", destination=f"{HOME}contacts/x")
    assert (answer.status, answer.precondition) == (403, [f"{CAL}valid-calendar-data"])


# -- collections -------------------------------------------------------------------------------------------------------


def test_mkcalendar_and_its_properties(door):
    body = (
        f"<C:mkcalendar {NAMESPACES}><D:set><D:prop><D:displayname>Work &amp; more</D:displayname>"
        '<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set>'
        "<I:calendar-color>#FF0000FF</I:calendar-color><I:calendar-order>7</I:calendar-order>"
        '<x:own xmlns:x="urn:x">kept <x:deep/></x:own></D:prop></D:set></C:mkcalendar>'
    )
    assert door("MKCALENDAR", "/claire@example.org/work/", body).status == 201
    names = ("D:displayname", "I:calendar-color", "I:calendar-order", "C:supported-calendar-component-set")
    found = door.propfind("/claire@example.org/work/", *names).items[f"{HOME}work/"]
    assert [one.text for one in found.values()][:3] == ["Work & more", "#FF0000FF", "7"]
    assert [one.get("name") for one in found[f"{CAL}supported-calendar-component-set"]] == ["VTODO"]
    asked = f'<D:propfind {NAMESPACES}><D:prop><x:own xmlns:x="urn:x"/></D:prop></D:propfind>'
    own = door("PROPFIND", "/claire@example.org/work/", asked, depth="0")
    assert own.items[f"{HOME}work/"]["{urn:x}own"].text == "kept "
    assert door("MKCALENDAR", "/claire@example.org/work/").precondition == [f"{DAV}resource-must-be-null"]
    assert door("MKCALENDAR", "/claire@example.org/work/deep/").status == 403
    assert put(door, "t.ics", calendar(component("VTODO", "t")), "/claire@example.org/work/").status == 201
    assert door("DELETE", "/claire@example.org/work/").status == 204
    assert [on.kind for _, on in door.people.forgotten] == ["tasks"]
    assert door("GET", "/claire@example.org/work/t.ics").status == 404


def test_extended_mkcol(door):
    def mkcol(path, types):
        inside = f"<D:set><D:prop><D:resourcetype>{types}</D:resourcetype></D:prop></D:set>"
        return door("MKCOL", path, f"<D:mkcol {NAMESPACES}>{inside}</D:mkcol>")

    assert mkcol("/claire@example.org/book/", "<D:collection/><A:addressbook/>").status == 201
    assert put(door, "1.vcf", card("1", "Anne"), "/claire@example.org/book/").status == 201
    assert mkcol("/claire@example.org/x/", "<D:collection/>").precondition == [f"{DAV}valid-resourcetype"]
    assert mkcol("/claire@example.org/book/", "<D:collection/><A:addressbook/>").status == 405
    assert mkcol("/james@example.org/book/", "<D:collection/><A:addressbook/>").status == 403


def test_proppatch_is_all_or_nothing(door):
    def patch(inside):
        return door("PROPPATCH", CALENDAR, f"<D:propertyupdate {NAMESPACES}>{inside}</D:propertyupdate>")

    wrong = patch("<D:set><D:prop><D:displayname>X</D:displayname><D:getetag>1</D:getetag></D:prop></D:set>"
                  "<D:set><D:prop><D:sync-token>1</D:sync-token></D:prop></D:set>")  # fmt: skip
    assert wrong.missing[f"/dav{CALENDAR}"][f"{DAV}sync-token"] == 403
    assert wrong.missing[f"/dav{CALENDAR}"][f"{DAV}displayname"] == 424
    assert door.propfind(CALENDAR, "D:displayname").value(f"/dav{CALENDAR}", f"{DAV}displayname") == "Calendar"
    good = patch("<D:set><D:prop><D:displayname>Agenda</D:displayname></D:prop></D:set>"
                 "<D:remove><D:prop><I:calendar-color/></D:prop></D:remove>")  # fmt: skip
    assert len(good.items[f"/dav{CALENDAR}"]) == 2
    found = door.propfind(CALENDAR, "D:displayname", "I:calendar-color")
    assert found.value(f"/dav{CALENDAR}", f"{DAV}displayname") == "Agenda"
    assert len(found.missing[f"/dav{CALENDAR}"]) == 1
    zone = patch("<D:set><D:prop><C:calendar-timezone>nonsense</C:calendar-timezone></D:prop></D:set>")
    assert zone.missing[f"/dav{CALENDAR}"] == {f"{CAL}calendar-timezone": 409}


# -- reports -----------------------------------------------------------------------------------------------------------


def test_calendar_query_by_time_and_by_text(door):
    put(door, "in.ics", event("in", "20261103T090000Z", "SUMMARY:Lunch with Zoë"))
    put(door, "out.ics", event("out", "20270103T090000Z", "SUMMARY:Dinner", end=""))
    put(door, "weekly.ics", event("weekly", "20200106T090000Z", "RRULE:FREQ=WEEKLY", end=""))
    week = door.report(CALENDAR, "C:calendar-query", query(WEEK), depth="1")
    assert set(week.items) == {f"/dav{CALENDAR}in.ics", f"/dav{CALENDAR}weekly.ics"}
    assert "Zoë" in week.value(f"/dav{CALENDAR}in.ics", f"{CAL}calendar-data")
    text = '<C:prop-filter name="SUMMARY"><C:text-match>LUNCH</C:text-match></C:prop-filter>'
    assert set(door.report(CALENDAR, "C:calendar-query", query(text)).items) == {f"/dav{CALENDAR}in.ics"}
    everywhere = door.report("/claire@example.org/", "C:calendar-query", query(WEEK), depth="1")
    assert len(everywhere.items) == 2


@pytest.mark.parametrize(
    ("inside", "rule"),
    [
        (query('<C:time-range start="20261102T000000" end="20261109T000000Z"/>'), f"{CAL}valid-filter"),
        (query('<C:time-range start="20261102T000000Z" end="20261101T000000Z"/>'), f"{CAL}valid-filter"),
        (query('<C:prop-filter name="X"><C:text-match collation="i;x">a</C:text-match></C:prop-filter>'),
         f"{CAL}supported-collation"),
        ("<D:prop/><C:filter/>", f"{CAL}valid-filter"),
        (query("<C:comp-filter/>" * 1), f"{CAL}valid-filter"),
        ("<C:timezone-id>Mars/Base</C:timezone-id>" + query(WEEK), f"{CAL}valid-timezone"),
    ],
)  # fmt: skip
def test_filters_that_cannot_be(door, inside, rule):
    put(door)
    answer = door.report(CALENDAR, "C:calendar-query", inside)
    assert (answer.status, answer.precondition) == (403, [rule])


def test_recurrences_written_out(door):
    lines = ("SUMMARY:S", "RRULE:FREQ=DAILY;COUNT=30", "EXDATE:20261104T090000Z")
    put(door, text=event("1", "20261025T090000Z", *lines, end="20261025T100000Z"))
    expand = '<C:expand start="20261103T000000Z" end="20261106T000000Z"/>'
    data = f"<D:prop><C:calendar-data>{expand}</C:calendar-data></D:prop>"
    text = door.report(CALENDAR, "C:calendar-query", query(WEEK, data)).value(
        f"/dav{CALENDAR}1.ics", f"{CAL}calendar-data"
    )
    times = [line for line in text.splitlines() if line.startswith(("DTSTART", "DTEND", "RECURRENCE-ID"))]
    assert times == [
        "DTSTART:20261103T090000Z", "DTEND:20261103T100000Z", "RECURRENCE-ID:20261103T090000Z",
        "DTSTART:20261105T090000Z", "DTEND:20261105T100000Z", "RECURRENCE-ID:20261105T090000Z",
    ]  # fmt: skip
    assert "RRULE" not in text


def test_ends_that_no_calendar_has_are_written_out_all_the_same(door):
    put(door, text=event("1", "20260301T120000Z", "RRULE:FREQ=DAILY", end="99991231T235959Z"))
    expand = '<C:expand start="20261102T000000Z" end="20261103T000000Z"/>'
    data = f"<D:prop><C:calendar-data>{expand}</C:calendar-data></D:prop>"
    assert f"/dav{CALENDAR}1.ics" in door.report(CALENDAR, "C:calendar-query", query(WEEK, data)).items


def test_floating_times_are_written_out_in_the_zone_of_who_asks(door):
    put(door, text=event("1", "20261103T233000", "RRULE:FREQ=DAILY;COUNT=2", end="20261103T234500"))
    expand = '<C:expand start="20261104T040000Z" end="20261104T050000Z"/>'
    data = f"<D:prop><C:calendar-data>{expand}</C:calendar-data></D:prop>"
    window = '<C:time-range start="20261104T040000Z" end="20261104T050000Z"/>'
    asked = query(window, data) + "<C:timezone-id>America/New_York</C:timezone-id>"
    text = door.report(CALENDAR, "C:calendar-query", asked).value(f"/dav{CALENDAR}1.ics", f"{CAL}calendar-data")
    assert [line for line in text.splitlines() if line.startswith("DTSTART")] == ["DTSTART:20261103T233000"]


def test_only_some_properties(door):
    put(door, text=event("1", "20261103T090000Z", "SUMMARY:S", "DESCRIPTION:long"))
    data = (
        '<D:prop><C:calendar-data><C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT">'
        '<C:prop name="UID"/><C:prop name="SUMMARY"/></C:comp></C:comp></C:calendar-data></D:prop>'
    )
    text = door.report(CALENDAR, "C:calendar-query", query(WEEK, data)).value(
        f"/dav{CALENDAR}1.ics", f"{CAL}calendar-data"
    )
    assert text.splitlines() == [
        "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", "SUMMARY:S", "END:VEVENT", "END:VCALENDAR",
    ]  # fmt: skip


def test_multiget(door):
    put(door)
    hrefs = f"<D:href>/dav{CALENDAR}1.ics</D:href><D:href>/dav{CALENDAR}no.ics</D:href><D:href>/etc/passwd</D:href>"
    asked = f"<D:prop><D:getetag/><C:calendar-data/></D:prop>{hrefs}"
    answer = door.report(CALENDAR, "C:calendar-multiget", asked)
    assert list(answer.items) == [f"/dav{CALENDAR}1.ics"]
    assert answer.statuses == {f"/dav{CALENDAR}no.ics": 404, "/etc/passwd": 404}
    assert door.report(CALENDAR, "A:addressbook-multiget", asked).status == 403


def test_free_busy(door):
    put(door)
    put(door, "free.ics", event("free", "20261103T120000Z", "TRANSP:TRANSPARENT", end="20261103T130000Z"))
    for path in (CALENDAR, "/claire@example.org/"):
        answer = door.report(path, "C:free-busy-query", WEEK)
        assert answer.status == 200
        assert [line for line in answer.text.splitlines() if line.startswith("FREEBUSY")] == [
            "FREEBUSY:20261103T090000Z/20261103T100000Z"
        ]


def test_a_colleague_is_told_when_and_never_what(door):
    put(door, text=event("1", "20261103T090000Z", "CLASS:PRIVATE", "SUMMARY:Dentist"))
    ask = partial(door.report, "/claire@example.org/", "C:free-busy-query", WEEK, "james")
    assert ask().status == 403
    door.people.busy_shown = True
    assert "FREEBUSY:20261103T090000Z/20261103T100000Z" in ask().text
    assert "Dentist" not in ask().text
    assert door.audit[-1][:4] == ("james@example.org", "dav", "dav free-busy", "claire@example.org")
    listed = door.propfind("/claire@example.org/", "D:displayname", depth="1", user="james")
    assert list(listed.items) == [HOME]  # nothing of hers is listed for it
    assert door.report(CALENDAR, "C:free-busy-query", WEEK, "james").status == 404


def test_sync_collection(door):
    def sync(token="", limit=""):
        inside = (
            f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>{limit}<D:prop><D:getetag/></D:prop>"
        )
        return door.report(CALENDAR, "D:sync-collection", inside, depth="0")

    for number in range(3):
        put(door, f"{number}.ics")
    first = sync()
    assert len(first.items) == 3
    assert not sync(first.token).items
    door("DELETE", CALENDAR + "1.ics")
    put(door, "2.ics", event("2", "20261104T090000Z"))
    then = sync(first.token)
    assert (list(then.items), then.statuses) == ([f"/dav{CALENDAR}2.ics"], {f"/dav{CALENDAR}1.ics": 404})
    assert door.propfind(CALENDAR, "D:sync-token").value(f"/dav{CALENDAR}", f"{DAV}sync-token") == then.token
    part = sync(first.token, "<D:limit><D:nresults>1</D:nresults></D:limit>")
    assert part.statuses == {f"/dav{CALENDAR}1.ics": 404, f"/dav{CALENDAR}": 507}
    assert list(sync(part.token).items) == [f"/dav{CALENDAR}2.ics"]
    for wrong in ("nonsense", first.token[:-1] + "999", first.token.replace(first.token[20:30], "0" * 10)):
        assert sync(wrong).precondition == [f"{DAV}valid-sync-token"]


def test_addressbook_query(door):
    put(door, "1.vcf", card("1", "Anne Martin"), BOOK)
    put(door, "2.vcf", card("2", "Éloïse", "X-ADDRESSBOOKSERVER-KIND:group", version="4.0"), BOOK)
    asked = (
        '<D:prop><D:getetag/><A:address-data/></D:prop><A:filter><A:prop-filter name="FN">{}</A:prop-filter></A:filter>'
    )
    match = '<A:text-match collation="i;unicode-casemap" match-type="starts-with">élo</A:text-match>'
    answer = door.report(BOOK, "A:addressbook-query", asked.format(match))
    assert list(answer.items) == [f"/dav{BOOK}2.vcf"]
    limited = asked.format("") + "<A:limit><A:nresults>1</A:nresults></A:limit>"
    answer = door.report(BOOK, "A:addressbook-query", limited)
    assert (len(answer.items), answer.statuses) == (1, {f"/dav{BOOK}": 507})


def test_nothing_of_radicales_own_answers(door):
    for path in ("/", CALENDAR, "/.sharing/v1/", "/.web/", "/.token/x"):
        assert door("POST", path, "x").status in (400, 404)
        assert door("GET", path + "?freebusy").status in (200, 404)


def test_too_many_matches():
    door = Door(max_matches=1)
    put(door, "1.ics")
    put(door, "2.ics")
    answer = door.report(CALENDAR, "C:calendar-query", query(WEEK))
    assert (answer.status, answer.precondition) == (507, [f"{DAV}number-of-matches-within-limits"])


def test_more_text_than_an_answer_holds(door, monkeypatch):
    put(door, "1.ics")
    for module in (account, propfind, contents):
        monkeypatch.setattr(module, "MAX_ANSWER", 100)
    hrefs = f"<D:prop><C:calendar-data/></D:prop><D:href>/dav{CALENDAR}1.ics</D:href>"
    assert door.report(CALENDAR, "C:calendar-query", query(WEEK)).status == 507
    assert door.report(CALENDAR, "C:calendar-multiget", hrefs).status == 507
    assert door.propfind(CALENDAR, "C:calendar-data", depth="1").status == 507
    assert door("GET", CALENDAR).status == 507


@pytest.mark.parametrize(
    "body",
    ["<", "<a/>", '<!DOCTYPE a [<!ENTITY b "c">]><D:propfind xmlns:D="DAV:">&b;</D:propfind>',
     "<D:propfind xmlns:D='DAV:'>" + "<D:prop>" * 60 + "</D:prop>" * 60 + "</D:propfind>", "\0", "\xff"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH", "REPORT", "MKCALENDAR", "MKCOL"])
def test_bodies_that_are_none(door, method, body):
    path = "/claire@example.org/new/" if method.startswith("MK") else CALENDAR
    assert door(method, path, body.encode("latin-1"), depth="0").status in (400, 403)


def test_a_whole_calendar_as_one_file(door):
    put(door, "1.ics")
    put(door, "2.ics")
    text = door("GET", CALENDAR).text
    assert (text.count("BEGIN:VCALENDAR"), text.count("BEGIN:VEVENT"), "X-WR-CALNAME:Calendar" in text) == (1, 2, True)


# -- rights ------------------------------------------------------------------------------------------------------------


def test_strangers_see_nothing(door):
    put(door)
    for method, path in [
        ("GET", CALENDAR + "1.ics"),
        ("PROPFIND", CALENDAR),
        ("DELETE", CALENDAR),
        ("PUT", CALENDAR + "2.ics"),
    ]:
        assert door(method, path, "", "james", depth="0").status == 404
    assert list(door.propfind("/claire@example.org/", depth="1", user="james").items) == [HOME]
    assert door.propfind("/claire@elsewhere.example/", user="james").status == 404
    assert (
        "james@example.org",
        "dav",
        "dav open",
        "claire@example.org",
        {"collection": "calendar"},
    ) in door.audit


@pytest.mark.parametrize(("rights", "which"), [("lr", "read"), ("lrwi", "write")])
def test_programs_learn_whose_homes_to_open_and_whose_calendar_is_whose(door, rights, which):
    door.people.granted["id-james", "id-claire"] = Effective(parse_rights(rights), Through.SHARE)
    names = ("read", "write")
    asked = door.propfind("/james@example.org/", *(f"S:calendar-proxy-{one}-for" for one in names), user="james")
    found = asked.items["/dav/james@example.org/"]
    told = {one: [href.text for href in found[f"{SERVER}calendar-proxy-{one}-for"]] for one in names}
    assert told == {one: [HOME] if one == which else [] for one in names}
    listed = door.propfind("/claire@example.org/", "D:displayname", depth="1", user="james").items
    assert listed[f"{HOME}calendar/"][f"{DAV}displayname"].text == "Calendar (Claire)"


@pytest.mark.parametrize(
    ("rights", "allowed"),
    [
        ("lr", {"GET", "PROPFIND", "REPORT", "free-busy"}),
        ("lrw", {"GET", "PROPFIND", "REPORT", "free-busy", "PUT old"}),
        ("lri", {"GET", "PROPFIND", "REPORT", "free-busy", "PUT new"}),
        ("lrt", {"GET", "PROPFIND", "REPORT", "free-busy", "DELETE"}),
        ("9", {"PROPFIND", "free-busy"}),
        ("lra", {"GET", "PROPFIND", "REPORT", "free-busy", "PROPPATCH"}),
    ],
)
def test_each_right_opens_its_methods(door, rights, allowed):
    put(door)
    own = door.accounts["claire@example.org"].id, door.accounts["james@example.org"].id
    door.people.granted[own[1], own[0]] = Effective(parse_rights(rights), Through.SHARE)
    named = "<D:set><D:prop><D:displayname>J</D:displayname></D:prop></D:set>"
    patch = f"<D:propertyupdate {NAMESPACES}>{named}</D:propertyupdate>"
    tries = {
        "GET": door("GET", CALENDAR + "1.ics", user="james"),
        "PROPFIND": door.propfind(CALENDAR, "D:displayname", user="james"),
        "REPORT": door.report(CALENDAR, "C:calendar-query", query(WEEK), "james"),
        "free-busy": door.report(CALENDAR, "C:free-busy-query", WEEK, "james"),
        "PROPPATCH": door("PROPPATCH", CALENDAR, patch, "james"),
        "PUT old": put(door, text=event("1", "20261104T090000Z"), user="james"),
        "PUT new": put(door, "new.ics", user="james"),
        "DELETE": door("DELETE", CALENDAR + "1.ics", user="james"),
    }
    assert {name for name, answer in tries.items() if answer.status < 300} == allowed


def test_private_items_are_hidden(door):
    put(door, "open.ics")
    put(door, "secret.ics", event("secret", "20261103T090000Z", "CLASS:PRIVATE"))
    own = door.accounts["claire@example.org"].id, door.accounts["james@example.org"].id
    door.people.granted[own[1], own[0]] = Effective(
        Right.READ | Right.LOOKUP | Right.WRITE | Right.INSERT, Through.SHARE, hide_private=True
    )
    inside = "<D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop>"
    hrefs = f"<D:prop><D:getetag/></D:prop><D:href>/dav{CALENDAR}secret.ics</D:href>"
    answers = [
        door.propfind(CALENDAR, "D:getetag", depth="1", user="james"),
        door.report(CALENDAR, "C:calendar-query", query(WEEK), "james"),
        door.report(CALENDAR, "D:sync-collection", inside, "james"),
        door.report(CALENDAR, "C:calendar-multiget", hrefs, "james"),
        door("GET", CALENDAR, user="james"),
    ]
    assert all("secret.ics</D:href><D:propstat>" not in one.text and "UID:secret" not in one.text for one in answers)
    assert "open.ics" in answers[0].text
    assert door("GET", CALENDAR + "secret.ics", user="james").status == 404
    assert put(door, "secret.ics", event("secret"), user="james").status == 403
