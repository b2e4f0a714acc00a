"""How many connections one may hold, over several workers, also when one of them dies."""

import multiprocessing
import os
import signal

import pytest

from optimails.config.login import LoginSettings
from optimails.door.connections import Connections
from optimails.model.errors import Reason, Refused
from optimails.model.ids import AccountId

SETTINGS = LoginSettings(connections_per_account=3, connections_per_address=4)
ANNA, BERT = AccountId("a" * 32), AccountId("b" * 32)


def test_accounts_and_addresses_have_limits_of_their_own(tmp_path):
    connections = Connections(SETTINGS, tmp_path / "run" / "connections")
    held = [connections.of_account(ANNA) for _ in range(3)]
    with pytest.raises(Refused) as refusal:
        connections.of_account(ANNA)
    assert refusal.value.reason is Reason.LIMIT
    connections.of_account(BERT)
    held[0].release()
    held[0].release()
    connections.of_account(ANNA)
    with pytest.raises(Refused):
        connections.of_account(ANNA)
    for _ in range(4):
        connections.from_address("198.51.100.1")
    for same in ("198.51.100.1", "::ffff:198.51.100.1"):
        with pytest.raises(Refused):
            connections.from_address(same)
    connections.from_address("198.51.100.2")
    connections.close()


def test_an_ipv6_client_is_its_network_and_local_sockets_have_no_limit(tmp_path):
    connections = Connections(SETTINGS, tmp_path / "connections")
    for number in range(4):
        connections.from_address(f"2001:db8::{number}")
    with pytest.raises(Refused):
        connections.from_address("2001:db8::99")
    connections.from_address("2001:db8:0:1::1")
    for _ in range(10):
        connections.from_address("")
    connections.close()


def test_zero_is_no_limit_and_without_a_file_a_worker_counts_alone():
    off = Connections(LoginSettings(connections_per_account=0))
    for _ in range(500):
        off.of_account(ANNA)
    alone = Connections(SETTINGS)
    with alone.of_account(ANNA), alone.of_account(ANNA), alone.of_account(ANNA), pytest.raises(Refused):
        alone.of_account(ANNA)
    alone.of_account(ANNA)


def test_workers_count_together(tmp_path):
    one, other = (Connections(SETTINGS, tmp_path / "connections") for _ in range(2))
    one.of_account(ANNA)
    held = other.of_account(ANNA)
    one.of_account(ANNA)
    for worker in (one, other):
        with pytest.raises(Refused):
            worker.of_account(ANNA)
    held.release()
    one.of_account(ANNA)
    one.close()  # a worker that ends takes its connections along
    for _ in range(3):
        other.of_account(ANNA)
    other.close()


def _hold(path, ready):
    connections = Connections(SETTINGS, path)
    for _ in range(3):
        connections.of_account(ANNA)
    ready.set()
    signal.pause()


def test_a_killed_worker_leaves_nothing_behind(tmp_path):
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    worker = context.Process(target=_hold, args=(tmp_path / "connections", ready))
    worker.start()
    assert ready.wait(60)
    connections = Connections(SETTINGS, tmp_path / "connections")
    with pytest.raises(Refused):
        connections.of_account(ANNA)
    os.kill(worker.pid, signal.SIGKILL)
    worker.join()
    for _ in range(3):
        connections.of_account(ANNA)
    with pytest.raises(Refused):
        connections.of_account(ANNA)
    connections.close()


def test_thousands_of_others_do_not_eat_a_limit(tmp_path):
    connections = Connections(LoginSettings(connections_per_account=20), tmp_path / "connections")
    for number in range(5000):
        connections.of_account(AccountId(f"{number:032x}"))
        connections.of_account(AccountId(f"{number:032x}"))
    for _ in range(10):
        connections.of_account(ANNA)
    connections.close()
