"""Processes that make long answers: what they answer, and what becomes of it when they die or are late."""

import os
import signal
import sys
import threading

import pytest

from caldav import reporters
from caldav.answering import Answering, Asked, Place
from caldav.application import ACCOUNT, BODY
from caldav.reporters import Reporters
from caldav.session.visits import Visits
from optimails.acl.decision import Effective, Through
from optimails.config.dav import DavSettings
from optimails.config.server import LogSettings
from optimails.model.errors import Reason, Refused, Unavailable
from optimails.model.rights import parse_rights
from optimails.supervisor.reporter import ReporterOrder
from tests.support.calendars import event
from tests.support.dav import NAMESPACES, Lines, Nobody, person

COMMAND = (sys.executable, "-m", "optimails.supervisor.reporter")
QUERY = (
    f"<C:calendar-query {NAMESPACES}><D:prop><C:calendar-data/></D:prop>"
    '<C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>'
)
CLAIRE, JAMES = person("claire"), person("james")


class Directory(Nobody):
    """``before`` is called whenever something is asked."""

    def __init__(self):
        super().__init__({str(one.address): one for one in (CLAIRE, JAMES)})
        self.granted[JAMES.id, CLAIRE.id] = Effective(parse_rights("lr"), Through.SHARE)
        self.before = lambda: None

    def by_address(self, address):
        self.before()
        return super().by_address(address)

    def company(self, domain, known):
        return 1, ()

    def photos(self, ids):
        return {}


def request(method="REPORT", path="/claire@example.org/calendar/", user=JAMES, body=QUERY):
    return {"REQUEST_METHOD": method, "SCRIPT_NAME": "/dav", "PATH_INFO": path, "SERVER_PROTOCOL": "HTTP/1.1",
            ACCOUNT: user, BODY: body.encode(), "HTTP_HOST": "localhost", "HTTP_DEPTH": "1"}  # fmt: skip


@pytest.fixture(scope="module")
def directory():
    return Directory()


@pytest.fixture(scope="module")
def asked(directory):
    return Asked(directory, Visits(Lines()))


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return Place(tmp_path_factory.mktemp("data"), DavSettings(), 10)


@pytest.fixture(scope="module")
def here(place, asked):
    """The same in this process, with an event of Claire's."""
    answering = Answering(place, asked)
    assert answering.answer(request("PUT", "/claire@example.org/calendar/1.ics", CLAIRE, event("1"))).status == 201
    yield answering
    answering.close()


@pytest.fixture(scope="module")
def apart(place, asked, here):
    """One process, as it takes a while to start; who ends it leaves the next test another."""
    order = ReporterOrder("report", LogSettings(), place)
    made = Reporters(COMMAND, order, asked, size=1, patience=60)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def nothing_happens(directory):
    yield
    directory.before = lambda: None


@pytest.fixture
def pids(apart):
    return lambda: [one.pid for one in apart._all if one._running is not None]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_the_answer_is_that_of_the_web_worker(apart, here):
    requests = [request(), request("PROPFIND", "/claire@example.org/", body=""), request(user=CLAIRE),
             request(path="/nobody@example.org/"), request(body="<nonsense")]  # fmt: skip
    for one in requests:
        answer, expected = apart.answer(one), here.answer(one)
        assert (answer.status, answer.headers, answer.body) == (expected.status, expected.headers, expected.body)
    assert "UID:1" in apart.answer(request()).body.decode()


def test_a_visit_that_both_answer_leaves_one_line(apart, here, asked):
    here.answer(request())
    apart.answer(request())
    assert [(line[0], line[2], line[3]) for line in asked.visits._audit] == [
        ("james@example.org", "dav open", "claire@example.org")
    ]


@pytest.mark.parametrize(
    ("trouble", "status"),
    [(Unavailable("it is away"), 503), (Refused(Reason.NO_PERMISSION, "not you"), 403), (KeyError("ours"), 503)],
)
def test_the_directorys_trouble_is_told_as_such(apart, directory, trouble, status):
    def raises():
        raise trouble

    directory.before = raises
    assert apart.answer(request()).status == status
    directory.before = lambda: None
    assert apart.answer(request()).status == 207


def test_a_process_that_is_killed_while_it_answers_is_replaced(apart, directory, pids):
    apart.answer(request())
    (first,) = pids()
    directory.before = lambda: os.kill(first, signal.SIGKILL) if pids() == [first] else None
    assert apart.answer(request()).status == 207
    assert pids() != [first]


def test_what_kills_every_process_is_given_up(apart, directory, pids):
    directory.before = lambda: os.kill(*pids(), signal.SIGKILL)
    answer = apart.answer(request())
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert pids() == []


def test_a_process_that_has_grown_is_replaced_and_one_that_is_late_is_ended(apart, pids, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(reporters, "LARGEST", 1)
        assert apart.answer(request()).status == 207
        assert pids() == []
    assert apart.answer(request()).status == 207
    (pid,) = pids()
    monkeypatch.setattr(apart, "_patience", 0)
    assert apart.answer(request()).status == 503
    assert gone(pid)


def test_closing_ends_what_is_being_answered(apart, directory, pids):
    asked, closed, answers = threading.Event(), threading.Event(), []
    directory.before = lambda: (asked.set(), closed.wait(30))
    waiting = threading.Thread(target=lambda: answers.append(apart.threads.submit(apart.answer, request()).result()))
    waiting.start()
    assert asked.wait(30)
    (pid,) = pids()
    closing = threading.Thread(target=apart.close)
    closing.start()
    closed.set()
    closing.join(30)
    waiting.join(30)
    assert [one.status for one in answers] == [503]
    assert gone(pid)
