"""The audit log only grows, and an act that cannot be noted is not done."""

import pytest

from optimails.audit import AuditLog, of_owner
from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable


def test_every_act_is_a_line_that_can_be_read_back(tmp_path):
    log = AuditLog(tmp_path)
    assert list(log.entries()) == []
    log.record("root", "cli", "export", "Zoé@demo.test", {"path": "/tmp/a\nb"})
    log.record("root", "cli", "domain add", "demo.test")
    assert [(entry.act, entry.subject, dict(entry.details)) for entry in log.entries()] == [
        ("export", "Zoé@demo.test", {"path": "/tmp/a\nb"}),
        ("domain add", "demo.test", {}),
    ]
    assert [entry.act for entry in log.entries("zoé@DEMO.test")] == ["export"]
    assert len(log.path.read_bytes().splitlines()) == 2
    assert log.path.stat().st_mode & 0o777 == 0o600


def test_a_damaged_line_hides_no_other(tmp_path):
    log = AuditLog(tmp_path)
    log.record("root", "cli", "first")
    with log.path.open("ab") as file:
        file.write(b'{"time": \n[]\n')
    log.record("root", "cli", "second")
    assert [entry.act for entry in log.entries()] == ["first", "second"]


def test_what_cannot_be_noted_is_refused(tmp_path):
    with pytest.raises(Unavailable):
        AuditLog(tmp_path / "missing").record("root", "cli", "export")


def test_an_owner_reads_what_others_did_newest_first(tmp_path):
    log, claire = AuditLog(tmp_path), EmailAddress.parse("claire@demo.test")
    assert of_owner(log, claire, limit=5) == []
    for number in range(1200):  # more than is read at once
        log.record("james@demo.test", "dav", f"act {number}", "Claire@demo.test" if number % 2 else "zoe@demo.test")
    log.record("claire@demo.test", "dav", "dav delegate", "claire@demo.test")
    log.record("root", "cli", "export", "claire@demo.test")
    found = of_owner(log, claire, limit=4)
    assert [one.act for one in found] == ["export", "act 1199", "act 1197", "act 1195"]
    assert [one.act for one in of_owner(log, claire, limit=1, skip=2)] == ["act 1197"]
    assert list(log.newest()) == list(log.entries())[::-1]
