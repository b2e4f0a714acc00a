"""The journal: what it has is read back after a reboot, group by group, whatever happens to its files."""

import errno
import os
import threading

import pytest

from optimails.store import journal as module
from optimails.store.journal import Journal
from optimails.store.remains import Orphans, Remains
from optimails.store.segment import PAGE, Record

BOOT, NEXT = "boot-one", "boot-two"


@pytest.fixture
def place(tmp_path):
    return tmp_path / "journal"


def new(place):
    return Journal(place, place.parent / "mail", BOOT)


def record(name, content=b"text\r\n", account="aa", folder=""):
    return Record(account, folder, name, content)


def found(place, account="aa"):
    return sorted(Remains(place, NEXT).of(account))


def only_segment(place):
    (path,) = place.iterdir()
    return path


@pytest.mark.parametrize("size", [0, 1, PAGE - 60, PAGE, 3 * PAGE + 1, 250_000])
def test_what_is_written_is_read_back_after_the_next_boot(place, size):
    content = os.urandom(size)
    journal = new(place)
    journal.write([record("one", content), record("two", b"2", folder=".Été")])
    journal.write([record("three", content, account="bb")])
    assert found(place) == [("", "one", content), (".Été", "two", b"2")]
    assert found(place, "bb") == [("", "three", content)]
    assert list(Remains(place, BOOT).of("aa")) == []  # in the same boot the files are there


def test_what_was_taken_back_is_not_restored(place):
    journal = new(place)
    journal.write([record("one"), record("two")])
    journal.take_back([record("one", None)])
    journal.write([record("three")])
    assert [name for _, name, _ in found(place)] == ["three", "two"]


def test_all_that_wait_share_a_sync(place, monkeypatch):
    journal, syncs, entered, go_on = new(place), [], threading.Event(), threading.Event()

    def sync(descriptor):
        syncs.append(descriptor)
        entered.set()
        assert go_on.wait(30)

    monkeypatch.setattr(module.os, "fdatasync", sync)
    threads = [threading.Thread(target=journal.write, args=([record(f"m{number}")],)) for number in range(9)]
    threads[0].start()
    assert entered.wait(30)
    for thread in threads[1:]:
        thread.start()
    while journal._open is None or len(journal._open.records) < 8:
        threading.Event().wait(0.01)
    go_on.set()
    for thread in threads:
        thread.join()
    assert len(syncs) == 2
    assert len(found(place)) == 9


def test_settling_frees_the_space_and_what_was_in_it_is_forgotten(place, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 8 * PAGE)
    journal = new(place)
    for number in range(20):
        journal.write([record(f"a{number}")])
    segments = len(list(place.iterdir()))
    assert segments == 3
    journal.settle()
    assert found(place) == []
    for number in range(20):
        journal.write([record(f"b{number}")])
    assert {name for _, name, _ in found(place)} == {f"b{number}" for number in range(20)}
    assert len(list(place.iterdir())) == segments
    journal.close()
    assert list(place.iterdir()) == []
    with pytest.raises(OSError, match="journal"):
        journal.write([record("late")])


def test_a_torn_tail_ends_the_reading_and_old_records_do_not_come_back(place, monkeypatch):
    monkeypatch.setattr(module, "SEGMENT", 64 * PAGE)
    journal = new(place)
    for number in range(10):
        journal.write([record(f"old{number}")])
    journal.settle()
    journal.write([record("new0", bytes(2 * PAGE))])
    path = only_segment(place)
    whole = path.read_bytes()
    assert [name for _, name, _ in found(place)] == ["new0"]
    for cut in range(PAGE, 4 * PAGE, 512):  # as the disk may have left what was being written
        path.write_bytes(whole[:cut] + b"\xff" * 512 + whole[cut + 512 :])
        assert {content for _, _, content in found(place)} <= {bytes(2 * PAGE)}
    for garbage in (b"", b"x", os.urandom(3 * PAGE), whole[:PAGE], whole[: PAGE + 30]):
        path.write_bytes(garbage)
        assert found(place) == []


def test_a_failing_disk_is_told_to_all_and_the_next_segment_works(place, monkeypatch):
    journal = new(place)
    journal.write([record("before")])
    with monkeypatch.context() as broken:
        broken.setattr(module.os, "fdatasync", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(OSError, match="journal"):
            journal.write([record("lost")])
    journal.write([record("after")])
    assert {name for _, name, _ in found(place)} >= {"before", "after"}
    with monkeypatch.context() as stuck:
        stuck.setattr(module, "SEGMENT", 2 * PAGE)
        stuck.setattr(module, "sync_file_system", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(OSError, match="journal"):
            any(journal.write([record("more")]) for _ in range(module.MOST + 1))
        journal.close()
    assert "before" in {name for _, name, _ in found(place)}


def test_after_a_failed_settling_nothing_is_settled_until_the_next_boot(place, monkeypatch):
    journal, other = new(place), new(place)
    journal.write([record("one")])
    other.write([record("two")])
    with monkeypatch.context() as broken:
        broken.setattr(module, "sync_file_system", lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
        with pytest.raises(OSError, match="broken"):
            journal.settle()
    journal.write([record("three")])
    for one in (journal, other):
        one.settle()  # the kernel says nothing more, and knows nothing better
        one.close()
    assert Orphans(place, BOOT).segments == []
    assert {name for _, name, _ in found(place)} == {"one", "two", "three"}
    orphans = Orphans(place, NEXT)
    assert len(orphans.segments) == 3
    orphans.release(place)
    assert found(place) == []
    again = Journal(place, place.parent / "mail", NEXT)
    again.write([record("four")])
    again.close()
    assert not list(place.glob("*.segment"))


def test_without_room_for_a_segment_the_caller_hears_of_it(place, monkeypatch):
    journal = new(place)
    with monkeypatch.context() as full:
        full.setattr(module.os, "posix_fallocate", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
        with pytest.raises(OSError, match="journal"):
            journal.write([record("no room")])
    assert list(place.iterdir()) == []
    journal.write([record("room again")])
    assert len(found(place)) == 1


def test_only_the_segments_of_dead_processes_are_orphans(place):
    journal = new(place)
    journal.write([record("one")])
    assert Orphans(place, BOOT).segments == []
    alive = only_segment(place)
    dead = place / "1-1-1.segment"
    dead.write_bytes(alive.read_bytes())
    orphans = Orphans(place, BOOT)
    assert orphans.segments == [dead]
    assert Orphans(place, BOOT).segments == []  # somebody has them
    assert Remains(place, NEXT).accounts(dead) == ["aa"]
    orphans.keep(dead)
    Orphans(place, BOOT).release(place)
    assert list(place.iterdir()) == [alive]
