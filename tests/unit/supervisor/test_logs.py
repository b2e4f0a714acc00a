"""Log lines: one event a line, no secrets, nothing a client sends can forge another line."""

import json
import logging

import pytest

from optimails.config.server import LogSettings
from optimails.supervisor import logs

log = logging.getLogger("somewhere")


@pytest.fixture
def written(tmp_path):
    """Sets logging up with a format and gives a function that reads what was written."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    root.handlers = []

    def start(style):
        logs.set_up(LogSettings(file=tmp_path / "log", format=style), "mail-1")
        return (tmp_path / "log").read_text

    yield start
    for handler in root.handlers:
        handler.close()
    root.handlers, root.level = before


HOSTILE = {
    "login": "anna\r\n2026 INFO fake\x1b[2J\u2028x",
    "size": 3,
    "none": None,
    "list": ["a\n", 1],
    "bytes": b"\xff",
}


def test_json_lines(written):
    read = written("json")
    log.info("login", extra={"fields": HOSTILE | {"session": "s1"}})
    log.debug("unseen")
    (line,) = read().splitlines()
    event = json.loads(line)
    assert event["event"] == "login"
    assert (event["level"], event["worker"], event["logger"], event["session"]) == ("info", "mail-1", "somewhere", "s1")
    assert event["login"] == HOSTILE["login"]
    assert event["time"].endswith("Z")


def test_text_lines(written):
    read = written("text")
    log.warning("login_failed", extra={"fields": HOSTILE})
    (line,) = read().splitlines()
    assert "WARNING mail-1 login_failed login=" in line
    assert "\x1b" not in line
    assert 'login="anna\\\\r\\\\n2026 INFO fake' in line


@pytest.mark.parametrize("style", ["json", "text"])
def test_secrets_are_not_logged(written, style):
    read = written(style)
    log.info("odd", extra={"fields": {"password": "pw1", "Secret_Key": "pw2", "inner": {"auth_token": "pw3"}}})
    assert "pw" not in read()
    assert read().count(logs.REDACTED) == 3


def test_errors_carry_an_id_and_their_traceback(written):
    read = written("json")
    name = logs.unhandled(RuntimeError("one\ntwo"), session="s2")
    (line,) = read().splitlines()
    event = json.loads(line)
    assert (event["event"], event["id"], event["session"]) == ("unhandled_error", name, "s2")
    assert "RuntimeError" in event["traceback"]


def test_a_traceback_in_text_cannot_look_like_an_event(written):
    read = written("text")
    logs.unhandled(RuntimeError("first\n2026-01-01 INFO forged"))
    assert all(line.startswith("    ") for line in read().splitlines()[1:])


def test_a_field_cannot_replace_the_head(written):
    read = written("json")
    log.info("login", extra={"fields": {"event": "other", "level": "debug", "time": 0}})
    event = json.loads(read())
    assert (event["event"], event["level"]) == ("login", "info")


def test_long_values_are_cut(written):
    read = written("json")
    log.info("long", extra={"fields": {"value": "x" * 100_000}})
    assert len(read()) < 3000
