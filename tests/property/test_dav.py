"""Any request to the calendars' door has an answer, and none is a mistake of ours."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from caldav.session.dispatch import METHODS
from tests.support.calendars import card, event
from tests.support.dav import NAMESPACES, Door

NAMES = [
    "D:propfind", "D:prop", "D:allprop", "D:propname", "D:propertyupdate", "D:set", "D:remove", "D:mkcol", "D:href",
    "D:sync-collection", "D:sync-token", "D:sync-level", "D:limit", "D:nresults", "D:expand-property", "D:property",
    "D:principal-property-search", "D:property-search", "D:match", "D:principal-match", "D:resourcetype",
    "D:displayname",
    "D:getetag", "D:acl", "C:calendar", "C:mkcalendar", "C:calendar-query", "C:calendar-multiget", "C:free-busy-query",
    "C:filter", "C:comp-filter", "C:prop-filter", "C:param-filter", "C:text-match", "C:time-range", "C:is-not-defined",
    "C:calendar-data", "C:expand", "C:limit-recurrence-set", "C:comp", "C:timezone", "C:calendar-timezone",
    "C:supported-calendar-component-set", "A:addressbook-query", "A:addressbook-multiget", "A:filter", "A:prop-filter",
    "A:address-data", "A:addressbook", "I:calendar-order", "I:calendar-color", "S:getctag", "D:unknown",
]  # fmt: skip
ATTRIBUTES = {
    "name": ["VCALENDAR", "VEVENT", "SUMMARY", "FN", "displayname", ""], "start": ["20261101T000000Z", "20261101", "x"],
    "end": ["20271101T000000Z", "99991231T235959Z", ""], "collation": ["i;octet", "i;x"], "namespace": ["DAV:", "x"],
    "negate-condition": ["yes"], "match-type": ["equals", "x"], "test": ["allof"], "novalue": ["yes"],
}  # fmt: skip
TEXTS = [
    "",
    "1",
    "-1",
    "x",
    "/dav/claire@example.org/calendar/1.ics",
    "urn:optimails:sync:" + "0" * 32 + ":1",
    "\u20ac",
]
PATHS = ["/", "/claire@example.org/schedule-outbox/", "/claire@example.org/",
         "/claire@example.org/calendar/", "/claire@example.org/calendar/1.ics",
         "/claire@example.org/contacts/", "/claire@example.org/contacts/1.vcf", "/claire@example.org/new/",
         "/james@example.org/calendar/", "/nobody/", "//x//", "/a/b/c/d", "/..", "/%00"]  # fmt: skip
HEADERS = {"depth": ["0", "1", "infinity", "2"], "if_match": ["*", '"x"', "W/"], "if_none_match": ["*", ","],
           "destination": ["/dav/claire@example.org/calendar/2.ics", "http://x/", "", "/dav/"], "overwrite": ["F", "x"],
           "type": ["text/calendar", "text/vcard; charset=latin1", ";;"]}  # fmt: skip

attributes = st.dictionaries(st.sampled_from(sorted(ATTRIBUTES)), st.integers(0, 5), max_size=3)


def element(name, given, inside):
    shown = "".join(f' {key}="{ATTRIBUTES[key][number % len(ATTRIBUTES[key])]}"' for key, number in given.items())
    return f"<{name}{shown}>{inside}</{name}>"


trees = st.recursive(
    st.builds(element, st.sampled_from(NAMES), attributes, st.sampled_from(TEXTS)),
    lambda inner: st.builds(element, st.sampled_from(NAMES), attributes, st.lists(inner, max_size=4).map("".join)),
    max_leaves=12,
).map(lambda text: text.replace(">", f" {NAMESPACES}>", 1) if "/>" not in text.partition(">")[0] + ">" else text)
bodies = st.one_of(trees.map(str.encode), st.binary(max_size=80), st.just(event("1").encode()), st.just(b""))
headers = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in HEADERS.items()})


@pytest.fixture(scope="module")
def door():
    made = Door()
    made("PUT", "/claire@example.org/calendar/1.ics", event("1", "20261103T090000Z", "RRULE:FREQ=DAILY"))
    made("PUT", "/claire@example.org/contacts/1.vcf", card("1", "Anne"))
    return made


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(st.sampled_from([*METHODS, "OPTIONS", "POST", "LOCK"]), st.sampled_from(PATHS), bodies, headers)
def test_any_request(door, method, path, body, given):
    assert door(method, path, body, **given).status != 500


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500, deadline=None)
@given(st.sampled_from(PATHS[:6]), trees, headers)
def test_any_report(door, path, body, given):
    assert door("REPORT", path, body, **given).status in (200, 207, 400, 403, 404, 507)
