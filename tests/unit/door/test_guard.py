"""Who is slowed down and locked out, and who is not."""

import sqlite3
from ipaddress import ip_network
from pathlib import Path

import pytest

from optimails.config.login import LoginSettings
from optimails.door.guard import Guard

SETTINGS = LoginSettings(
    window_seconds=100, account_failures=5, network_failures=20, address_failures=10, lock_seconds=300,
    delay_seconds=1, max_delay_seconds=8, allow=(ip_network("192.0.2.0/24"),),
)  # fmt: skip


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["file", "memory"])
def guard(request, tmp_path, clock) -> Guard:
    made = Guard(SETTINGS, tmp_path / "run" / "guard.sqlite" if request.param == "file" else None, clock)
    yield made
    made.close()


def fail(guard: Guard, login: str, peer: str, times: int) -> list[float]:
    return [guard.failed(login, peer, f"guess {number}") for number in range(times)]


def test_each_failure_is_answered_later_than_the_one_before(guard):
    assert fail(guard, "anna", "198.51.100.1", 4) == [1, 2, 4, 8]
    assert guard.failed("bert", "198.51.100.1", "another") == 8  # never longer than the longest
    assert guard.failed("bert", "203.0.113.1") == 1  # elsewhere it begins anew


def test_an_account_under_attack_from_many_networks_is_locked_for_a_time(guard, clock):
    for number in range(4):
        guard.failed("anna", f"10.0.{number}.1", str(number))
    assert guard.locked("anna", "203.0.113.1") is None
    guard.failed("anna", "10.0.9.1", "last")
    assert guard.locked("anna", "203.0.113.1") == 1
    assert guard.locked("bert", "203.0.113.1") is None
    clock.now += 301
    assert guard.locked("anna", "203.0.113.1") is None
    fail(guard, "anna", "10.1.1.1", 4)  # counted from nothing again
    assert guard.locked("anna", "203.0.113.1") is None


def test_the_owner_gets_in_from_where_he_was_lately(guard, clock):
    guard.succeeded("anna", "203.0.113.1")
    for number in range(5):
        guard.failed("anna", f"10.0.{number}.1", str(number))
    guard._threads.submit(int).result()  # what was to be written is
    assert guard.locked("anna", "203.0.113.99") is None  # the same network
    assert guard.locked("anna", "198.51.100.1") is not None
    clock.now += 31 * 86_400
    for number in range(5):
        guard.failed("anna", f"10.0.{number}.1", f"again {number}")
    assert guard.locked("anna", "203.0.113.1") is not None  # too long ago


def test_an_address_and_a_network_that_try_many_accounts_are_locked(guard):
    for number in range(10):
        guard.failed(f"user{number}", "198.51.100.1", "password1")
    assert guard.locked("anna", "198.51.100.1") is not None
    assert guard.locked("anna", "198.51.100.2") is None
    for number in range(10):
        guard.failed(f"user{number}", f"198.51.100.{number + 10}", "password2")
    assert guard.locked("anna", "198.51.100.2") is not None
    assert guard.locked("anna", "198.51.101.2") is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:198.51.100.1", "198.51.100.200", True),
        ("fe80::1%eth0", "fe80::2", True),
        ("", "", True),
        ("/run/socket", "198.51.100.1", False),
    ],
)
def test_networks(guard, first, second, same):
    for number in range(20):
        guard.failed(f"user{number}", first, str(number))
    assert (guard.locked("anna", second) is not None) is same


def test_allowed_networks_are_neither_slowed_nor_counted(guard):
    assert fail(guard, "anna", "192.0.2.7", 50) == [0.0] * 50
    assert guard.locked("anna", "192.0.2.7") is None
    assert guard.locked("anna", "203.0.113.1") is None
    assert guard.locked("anna", "::ffff:192.0.2.7") is None


def test_a_program_with_an_old_password_locks_nobody(guard):
    for _ in range(100):
        guard.failed("anna", "198.51.100.1", "the old password")
    assert guard.locked("anna", "203.0.113.1") is None
    assert guard.locked("bert", "198.51.100.1") is None


def test_failures_of_long_ago_do_not_count(guard, clock):
    for number in range(20):
        guard.failed("anna", "198.51.100.1", str(number))
        clock.now += 101
    assert guard.locked("anna", "198.51.100.1") is None


def test_limits_of_zero_are_off(clock):
    off = SETTINGS.model_copy(update={"account_failures": 0, "network_failures": 0, "address_failures": 0})
    guard = Guard(off, None, clock)
    fail(guard, "anna", "198.51.100.1", 100)
    assert guard.locked("anna", "198.51.100.1") is None
    guard.close()


def test_workers_share_what_they_saw(tmp_path, clock):
    path = tmp_path / "guard.sqlite"
    one, other = Guard(SETTINGS, path, clock), Guard(SETTINGS, path, clock)
    fail(one, "anna", "198.51.100.1", 3)
    fail(other, "anna", "198.51.100.2", 2)
    assert one.locked("anna", "203.0.113.1") is not None
    assert other.locked("anna", "203.0.113.1") is not None
    one.close()
    other.close()
    restarted = Guard(SETTINGS, path, clock)
    assert restarted.locked("anna", "203.0.113.1") is not None
    restarted.close()


def test_successful_logins_of_known_networks_write_nothing(tmp_path, clock):
    path = tmp_path / "guard.sqlite"
    guard = Guard(SETTINGS, path, clock)
    guard.succeeded("anna", "198.51.100.1")
    guard._threads.submit(int).result()
    watcher = sqlite3.connect(path)
    before = watcher.execute("PRAGMA data_version").fetchone()
    for _ in range(100):
        assert guard.locked("anna", "198.51.100.1") is None
        guard.succeeded("anna", "198.51.100.1")
    guard._threads.submit(int).result()
    assert watcher.execute("PRAGMA data_version").fetchone() == before
    watcher.close()
    guard.close()


def test_a_damaged_file_is_made_anew_and_nobody_is_kept_out(tmp_path, clock):
    path = tmp_path / "guard.sqlite"
    path.write_bytes(b"this is no database" * 500)
    guard = Guard(SETTINGS, path, clock)
    fail(guard, "anna", "198.51.100.1", 5)
    assert guard.locked("anna", "203.0.113.1") is not None
    with sqlite3.connect(path) as vandal:
        vandal.execute("DROP TABLE tally")
    assert guard.locked("anna", "203.0.113.1") is None
    assert guard.failed("anna", "203.0.113.1") == 1
    guard.close()


def test_the_file_does_not_keep_passwords_or_grow_without_end(tmp_path, clock):
    path = Path(tmp_path / "guard.sqlite")
    guard = Guard(SETTINGS, path, clock)
    for number in range(1000):
        guard.failed(f"user{number}", f"10.{number % 250}.1.1", "hunter2-the-secret")
        clock.now += 1
    reader = sqlite3.connect(path)
    assert reader.execute("SELECT count(*) FROM tally").fetchone()[0] < 1500
    reader.close()
    guard.close()
    assert b"hunter2" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())
