"""Workers come back, reloads lose nobody, the end is orderly, and nothing is left behind."""

import json
import os
import signal
import socket
import subprocess

from tests.support.eventually import eventually
from tests.support.supervised import Supervised, alive


def test_both_workers_serve_every_kind_of_listener(steady_toy):
    toy = steady_toy
    lines = toy.lines_to_both_workers()
    assert set(lines) == set(toy.service.workers().values())
    secure = toy.connect(toy.secure, tls=toy.client_tls())
    assert secure.ask("hello") == "hello"
    proxied = toy.connect(toy.proxied, first=b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 143\r\n")
    assert (proxied.peer, proxied.ask("hello")) == ("192.0.2.7", "hello")


def test_a_killed_worker_is_replaced_and_the_other_ones_sessions_live_on(toy):
    lines = toy.lines_to_both_workers()
    victim, survivor = lines
    eventually(lambda: len(toy.service.family()) == 5)  # supervisor, two workers, jobs, spare
    os.kill(victim, signal.SIGKILL)
    assert lines[survivor].ask("still there") == "still there"
    assert toy.service.wait_for("worker_died")["pid"] == victim
    new = eventually(lambda: (found := set(toy.service.workers().values())) and len(found) == 2 and found)
    assert survivor in new
    assert victim not in new
    assert set(toy.lines_to_both_workers()) == new
    assert lines[survivor].ask("and still") == "and still"
    page = toy.service.get("metrics")[1]
    assert 'optimails_worker_deaths_total{kind="mail"} 1.0' in page


def test_reload_takes_up_the_new_configuration_and_keeps_connections(toy):
    before = toy.lines_to_both_workers()
    toy.write(more=f'[[listener]]\nprotocol = "imap"\naddress = "127.0.0.1:{toy.extra}"')
    toy.service.signal(signal.SIGHUP)
    toy.service.wait_for("reloaded")
    assert toy.connect(toy.extra).pid not in before
    assert not set(toy.lines_to_both_workers()) & set(before)
    for line in before.values():
        assert line.read() == "draining"
        assert line.ask("old friends") == "old friends"
        line.close()
    for line in toy.lines:
        if line.pid in before:
            line.close()
    eventually(lambda: not any(map(alive, before)))
    assert not any(map(alive, before))


def test_a_broken_configuration_is_refused_at_reload_and_nothing_changes(toy):
    before = toy.lines_to_both_workers()
    good = toy.config.read_text()
    for text, told in (
        (good.replace("hostname", "hostnam"), 'did you mean "hostname"'),
        (good.replace('hostname = "localhost"', 'hostname = "broken.test"'), "ended before it listened"),
        (good.replace("[server]", '[server]\ndata = "elsewhere"'), "takes a restart"),
        (good + '[tls]\nkey = "nowhere.pem"\n', "nowhere.pem"),
    ):
        toy.config.write_text(text)
        refusals = len(toy.service.events("reload_refused"))
        toy.service.signal(signal.SIGHUP)
        assert told in toy.service.wait_for("reload_refused", refusals + 1)["why"]
        assert set(toy.service.workers().values()) == set(before)
    assert all(line.ask("unmoved") == "unmoved" for line in before.values())
    assert toy.service.get("readyz")[0] == 200
    # A worker that dies now is replaced by one with the configuration that was good.
    deaths = len(toy.service.events("worker_died"))
    os.kill(next(iter(before)), signal.SIGKILL)
    toy.service.wait_for("worker_died", deaths + 1)
    eventually(lambda: len(toy.service.workers()) == 2)
    assert len(toy.lines_to_both_workers()) == 2


def turned_away(toy):
    try:
        return not toy.connect().pid
    except OSError:
        return True


def test_sigterm_drains(toy):
    line = toy.connect()
    family = toy.service.family()
    toy.service.signal(signal.SIGTERM)
    assert line.read() == "draining"
    assert line.ask("one more thing") == "one more thing"
    assert eventually(lambda: turned_away(toy))
    line.close()
    for other in toy.lines:
        other.close()
    assert toy.service.wait() == 0
    assert not any(map(alive, family))


def test_those_who_stay_too_long_are_cut(stopped_toy):
    toy = stopped_toy
    toy.write(drain=0.2)
    with toy.service:
        line = toy.connect()
        toy.service.signal(signal.SIGTERM)
        assert line.read() == "draining"
        assert toy.service.wait() == 0


def test_a_killed_supervisor_leaves_nobody_and_the_next_one_starts_at_once(toy):
    family = toy.service.family()
    assert len(family) >= 4
    os.kill(toy.service.pid, signal.SIGKILL)
    toy.service.wait()
    again = Supervised(toy.service.command, toy.folder / "log2", toy.management)
    with again:
        assert not any(map(alive, family))
        assert toy.connect().ask("new") == "new"


def test_only_one_supervisor_serves_a_folder(steady_toy):
    toy = steady_toy
    second = subprocess.run(toy.service.command, capture_output=True, timeout=60, check=False)
    assert second.returncode == 1
    assert str(toy.service.pid) in second.stderr.decode()
    assert toy.connect().ask("undisturbed") == "undisturbed"


def test_a_start_that_cannot_succeed_ends_with_a_reason(stopped_toy):
    toy = stopped_toy
    toy.write(hostname="broken.test")
    toy.service.start()
    assert toy.service.wait() == 1
    assert "ended before it listened" in toy.service.events("start_failed")[0]["why"]
    (toy.folder / "tls" / "key.pem").unlink()
    toy.service.start()
    assert toy.service.wait() == 1
    assert "key.pem" in toy.service.events("start_failed")[1]["why"]


def test_management_pages(steady_toy):
    toy = steady_toy
    toy.lines_to_both_workers()
    assert toy.service.get("healthz") == (200, "ok\n")
    ready = eventually(lambda: (told := toy.service.get("readyz"))[0] == 200 and told)
    assert json.loads(ready[1]) == {"ready": True, "reasons": []}
    info = toy.service.info()
    assert info["pid"] == toy.service.pid
    assert [len(info[what]) for what in ("workers", "listeners")] == [3, 3]
    accepted = sum(line.port == toy.plain for line in toy.lines)
    page = toy.service.get("metrics")[1]
    assert f'optimails_accepted_connections_total{{listener="imap-{toy.plain}"}} {accepted}.0' in page
    assert 'optimails_workers{kind="mail"} 2.0' in page
    assert toy.service.get("nothing")[0] == 404


def test_an_unexpected_error_is_logged_on_one_line_with_an_id_and_the_service_goes_on(steady_toy):
    toy = steady_toy
    line = toy.connect()
    line.ask("fail")
    event = toy.service.wait_for("unhandled_error")
    assert len(event["id"]) == 8
    assert "as ordered" in event["traceback"]
    assert event["worker"] in toy.service.workers()
    assert toy.connect().ask("on") == "on"


def test_jobs_run_now_and_then(steady_toy):
    toy = steady_toy
    assert toy.service.wait_for("job_done", times=2)["toys"] == 1


def test_systemd_is_told_what_happens(stopped_toy, monkeypatch):
    toy = stopped_toy
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(toy.folder / "notify"))
        systemd.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(toy.folder / "notify"))
        with toy.service:
            assert systemd.recv(200).startswith(b"READY=1\n")
            toy.service.signal(signal.SIGHUP)
            assert systemd.recv(200).startswith(b"RELOADING=1\n")
            assert systemd.recv(200).startswith(b"READY=1\n")
            toy.service.signal(signal.SIGTERM)
            assert systemd.recv(200) == b"STOPPING=1"


def test_a_worker_that_is_still_loading_ends_in_good_order_too(toy):
    first = toy.service.workers()["mail-1"]
    os.kill(first, signal.SIGKILL)  # the spare takes over, or a process that has only just begun
    toy.service.wait_for("worker_died")
    toy.service.signal(signal.SIGTERM)
    assert toy.service.wait() == 0
    started = {event["pid"] for event in toy.service.events("worker_started")} - {first}
    assert len(toy.service.events("ended")) == len(started)
