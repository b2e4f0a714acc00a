"""Calendars on a disk that is full, or read-only, or lost: nothing acknowledged is lost, nobody hears of our errors."""

import os
import sqlite3
from pathlib import Path

import pytest

from optimails.groupware import attachments
from optimails.groupware.service import FILE, LocalGroupware
from optimails.index.database import Damaged
from optimails.model.errors import Unavailable
from tests.support.calendars import ACCOUNT, event


def fill(account, where, stored):
    for number in range(200):
        text = event(f"n{number}", "20261103T090000Z", "SUMMARY:" + "x" * 2000)
        account.put(where, f"n{number}.ics", text.encode())
        stored.append(number)


def test_a_full_disk_refuses_and_keeps_what_is_there(tmp_path):
    service = LocalGroupware(tmp_path)
    with service.open(ACCOUNT) as account:
        where = account.collection("calendar")
        account.put(where, "1.ics", event("1").encode())
        with account.database.write() as connection:  # the file may not grow any more
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
        account.database._writer.execute(f"PRAGMA max_page_count = {pages}")
        stored: list[int] = []
        with pytest.raises(Unavailable):
            fill(account, where, stored)
        account.database._writer.execute("PRAGMA max_page_count = 1073741823")
        account.put(where, "after.ics", event("after").encode())
        assert account.collection("calendar").items == len(stored) + 2
    service.close()
    with LocalGroupware(tmp_path).open(ACCOUNT) as account:
        assert len(account.etags(account.collection("calendar"))) == len(stored) + 2


def test_a_damaged_file_is_left_as_it_is(tmp_path):
    service = LocalGroupware(tmp_path)
    with service.open(ACCOUNT) as account:
        account.put(account.collection("calendar"), "1.ics", event("1").encode())
    service.close()
    path = service.path(ACCOUNT.id)
    assert path.name == FILE
    path.write_bytes(b"nonsense" * 4096)
    for _ in range(2):
        with pytest.raises(Damaged), service.open(ACCOUNT):
            pass
    assert path.read_bytes() == b"nonsense" * 4096


def test_a_file_of_a_later_program_is_not_touched(tmp_path):
    service = LocalGroupware(tmp_path)
    with service.open(ACCOUNT):
        pass
    service.close()
    path = service.path(ACCOUNT.id)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(Unavailable), LocalGroupware(tmp_path).open(ACCOUNT):
        pass
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM collection").fetchone() == (3,)


class _Dies(BaseException):
    """Not an error: the process is gone, and nobody tidies up."""


@pytest.mark.parametrize("kind", ["fails", "dies"])
def test_a_file_of_an_event_is_whole_or_not_there(tmp_path, monkeypatch, kind):
    """Each of the steps that put it on disk fails in turn, or is the last one of the process."""
    service = LocalGroupware(tmp_path)
    folder = service.attachments(ACCOUNT.id)
    with service.open(ACCOUNT) as account:
        files = attachments.Attachments(account, folder)
        kept = files.store(b"kept", "kept.txt", "text/plain")
        for step in range(1, 20):
            left = [step]

            def unlucky(real, left=left):
                def call(*arguments, **options):
                    left[0] -= 1
                    if left[0] == 0:
                        raise _Dies if kind == "dies" else OSError(28, "no space")
                    return real(*arguments, **options)

                return call

            with monkeypatch.context() as patch:
                patch.setattr(attachments.os, "fsync", unlucky(os.fsync))
                patch.setattr(attachments, "sync_folder", unlucky(attachments.sync_folder))
                patch.setattr(Path, "rename", unlucky(Path.rename))
                patch.setattr(attachments.attachments, "insert", unlucky(attachments.attachments.insert))
                if kind == "dies":
                    patch.setattr(Path, "unlink", lambda *_, **__: None)
                try:
                    made = files.store(b"x" * 100, "x.txt", "text/plain")
                except (Unavailable, _Dies):
                    assert files.read(kept.id)[1] == b"kept"
                    continue
            break
        assert step == 6  # so each of them has failed
        assert files.read(made.id)[1] == b"x" * 100
        left = {path.name for path in folder.iterdir()} - {kept.id, made.id}
        assert bool(left) is (kind == "dies")
        account.put(account.collection("calendar"), "1.ics", event("1", "20261103T090000Z",
                    f"ATTACH;MANAGED-ID={kept.id}:https://x/").encode())  # fmt: skip
        files.clean(age=-10)
        assert [path.name for path in folder.iterdir()] == [kept.id]
