"""What strangers read under secret addresses, and what they never find out."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest

from caldav.published import KEY, PublishedPages
from optimails.door.rates import Rates
from optimails.groupware.filters import TimeRange
from optimails.groupware.publishing import MOST, USUAL, window
from optimails.groupware.service import LocalGroupware
from optimails.model.account import Entitlements, Feature
from optimails.model.errors import BadSyntax, Unavailable
from optimails.model.published import Published, name_of, new_name, token_of
from optimails.store.secret import secret
from tests.support.calendars import ACCOUNT, event
from tests.unit.groupware.test_occurrences import at

OWNER = replace(ACCOUNT, name="Claire", entitlements=Entitlements(frozenset(Feature)))
WEEK = "start=2026-11-02&end=2026-11-09"


class Site:
    """The pages, without sockets; the directory knows ``published`` by name."""

    def __init__(self, data, per_minute=1000):
        self.groupware, self.published_by_name, self.away = LocalGroupware(None), {}, False
        self.key = secret(data / KEY)
        config = SimpleNamespace(
            dav=SimpleNamespace(published_per_minute=per_minute),
            traffic=SimpleNamespace(allow=()),
            server=SimpleNamespace(data=data),
        )
        self.pages = PublishedPages(config, self, self.groupware, Rates())
        with self.groupware.open(OWNER) as account:
            self.calendar = account.collection("calendar")
            texts = {
                "1": event("1", "20261103T090000Z", "SUMMARY:Secret plans"),
                "2": event("2", "20261104T090000Z", "SUMMARY:Dentist", "CLASS:PRIVATE", end="20261104T100000Z"),
                "3": event("3", "20261105T090000Z", "STATUS:TENTATIVE", end="20261105T100000Z"),
            }
            for name, text in texts.items():
                account.put(self.calendar, name, text.encode())

    async def published(self, name):
        if self.away:
            raise Unavailable("away")
        return self.published_by_name.get(name)

    def publish(self, owner=OWNER, *, calendar=False, details=False):
        name = new_name()
        self.published_by_name[name] = Published(owner, self.calendar.object_id if calendar else "", details)
        return token_of(self.key, name)

    def __call__(self, path, method="GET", peer="203.0.113.9", **headers):
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "query_string": query.encode(), "client": (peer, 1),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }  # fmt: skip
        assert self.pages.covers(scope)
        sent = []

        async def run():
            async def send(message):
                sent.append(message)

            await self.pages(scope, None, send)

        asyncio.run(run())
        found = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return SimpleNamespace(status=sent[0]["status"], headers=found, text=sent[1]["body"].decode())


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def test_when_somebody_is_busy_and_no_more(site):
    answer = site(f"/freebusy/{site.publish()}.ifb?{WEEK}")
    assert (answer.status, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    assert [line for line in answer.text.splitlines() if line.startswith(("FREEBUSY", "DT", "METHOD"))][2:] == [
        "DTSTART:20261102T000000Z",
        "DTEND:20261109T000000Z",
        "FREEBUSY:20261103T090000Z/20261103T100000Z",
        "FREEBUSY:20261104T090000Z/20261104T100000Z",
        "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261105T090000Z/20261105T100000Z",
    ]
    assert not {"Secret", "Dentist"} & set(answer.text.split())
    assert "noindex" in answer.headers["x-robots-tag"]
    assert (site(f"/freebusy/{site.publish()}", "HEAD").text, site(f"/freebusy/{site.publish()}", "PUT").status) == (
        "",
        405,
    )


def test_a_calendar_with_its_details_but_what_is_private(site):
    path = f"/calendar/{site.publish(calendar=True, details=True)}.ics"
    answer = site(path)
    assert ("Secret plans" in answer.text, "Dentist" in answer.text, "UID:2" in answer.text) == (True, False, False)
    again = site(path, if_none_match=answer.headers["etag"])
    assert (again.status, again.text) == (304, "")
    with site.groupware.open(OWNER) as account:
        account.put(site.calendar, "4", event("4", "20261106T090000Z").encode())
    assert site(path, if_none_match=answer.headers["etag"]).status == 200


def test_a_calendar_that_shows_only_when_it_says_busy(site):
    text = site(f"/calendar/{site.publish(calendar=True)}.ics").text
    assert text.count("BEGIN:VEVENT") == 3
    assert [line for line in text.splitlines() if line.startswith("SUMMARY")] == [
        "SUMMARY:Busy", "SUMMARY:Busy", "SUMMARY:Tentative",
    ]  # fmt: skip
    assert "X-WR-CALNAME:Claire (busy times)" in text


def test_wrong_addresses_are_all_alike(site):
    token, other = site.publish(), site.publish(calendar=True)
    site.published_by_name[new_name()] = Published(OWNER, "", details=False)
    unknown = token_of(site.key, new_name())
    forged = next(iter(site.published_by_name)) + token[16:][::-1]
    basic = site.publish(replace(OWNER, entitlements=Entitlements()))
    gone = site.publish(calendar=True)
    site.published_by_name[gone[:16]] = Published(OWNER, "0" * 32, details=True)
    paths = [
        *(f"/freebusy/{one}" for one in (unknown, forged, basic, other, "x", token[:-1], token.upper(), token + "0")),
        f"/calendar/{token}", f"/calendar/{gone}", f"/freebusy/{token}.exe", f"/freebusy/{token}/x", "/freebusy/",
    ]  # fmt: skip
    assert {(site(path).status, site(path).text) for path in paths} == {(404, "not found\n")}
    assert site(f"/freebusy/{token}").status == 200


def test_one_network_asks_so_often_and_others_still_may(tmp_path):
    site = Site(tmp_path, per_minute=5)
    path = f"/freebusy/{site.publish()}"
    answers = [site(path if number % 2 else "/freebusy/x").status for number in range(8)]
    assert answers == [404, 200, 404, 200, 404, 429, 429, 429]
    assert (site(path, peer="198.51.100.7").status, site(path, peer="127.0.0.1").status) == (200, 200)


def test_nothing_of_the_address_in_logs(site, caplog, monkeypatch):
    token = site.publish()
    monkeypatch.setattr("caldav.published.busy_text", lambda *_: 1 / 0)
    answer = site(f"/freebusy/{token}")
    assert (answer.status, token[:16] in caplog.text + str([vars(one) for one in caplog.records])) == (500, False)
    site.away = True
    assert site(f"/freebusy/{token}").status == 503


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ({}, "20261103 0000", USUAL),
        ({"start": "2026-11-05"}, "20261105 0000", USUAL),
        ({"start": "20261105", "end": "20261106"}, "20261105 0000", 86_400),
        ({"start": "20261105T100000Z", "period": "P1W"}, "20261105 1000", 7 * 86_400),
        ({"start": "2026-11-05T10:00:00+01:00", "period": "PT1H"}, "20261105 0900", 3600),
        ({"start": "2026-11-05T10:00:00 01:00", "end": "2026-11-05T10:00:00Z"}, "20261105 0900", 3600),
        ({"end": "2026-11-04", "period": "P9D"}, "20261103 0000", 86_400),
    ],
)
def test_times_as_addresses_have_them(asked, start, end):
    assert window(asked, at("20261103 1234")) == TimeRange(at(start), at(start) + end)


@pytest.mark.parametrize(
    "asked",
    [{"start": "x"}, {"end": "2020-01-01"}, {"period": "P2000D"}, {"period": "x"}, {"start": "9999-99-99"},
     {"period": "-P1D"}, {"start": "2026-11-01", "end": "2028-11-01"}],
)  # fmt: skip
def test_times_that_are_none(site, asked):
    with pytest.raises(BadSyntax):
        window(asked, at("20261103 1234"))
    query = "&".join(f"{name}={value}" for name, value in asked.items())
    assert site(f"/freebusy/{site.publish()}?{query}").status == 400
    assert MOST > USUAL


def test_tokens():
    key, name = b"k" * 32, new_name()
    token = token_of(key, name)
    assert (len(token), name_of(key, token), name_of(b"other", token)) == (48, name, None)
    assert token_of(b"other", name)[16:] != token[16:]
