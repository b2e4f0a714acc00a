"""The audit log only grows, and an act that cannot be noted is not done."""

import pytest

from optimails.audit import AuditLog
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
