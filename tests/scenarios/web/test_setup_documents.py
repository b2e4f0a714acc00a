"""The web worker of a real service, over TLS: what it says, whom it cuts off, how it is replaced."""

import http.client
import json
import os
import re
import signal
import smtplib
import socket
import ssl
import urllib.request
from xml.etree import ElementTree as ET

import pytest

from tests.scenarios.queue.test_two_servers import inbox
from tests.support import certificates
from tests.support.eventually import eventually
from tests.support.free_ports import free_ports
from tests.support.service import started

SETTINGS = """
[[listener]]
protocol = "http"
address = "127.0.0.1:{secure}"
tls = "implicit"
[[listener]]
protocol = "http"
address = "127.0.0.1:{plain}"
[web]
request_timeout = {patience}
keep_alive = {keep_alive}
"""
AUTOCONFIG = "/mail/config-v1.1.xml?emailaddress=anybody%40example.org"


class Site:
    def __init__(self, service, secure, plain):
        self.service = service
        self.secure, self.plain = secure, plain
        self.tls = ssl.create_default_context(cafile=service.peer.ca_file)

    def connection(self):
        return http.client.HTTPSConnection(certificates.HOST, self.secure, timeout=20, context=self.tls)

    def get(self, path, connection=None):
        connection = connection or self.connection()
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer, answer.read()

    def raw(self, data):
        """What comes back until the end."""
        with socket.create_connection(("127.0.0.1", self.plain), 20) as line:
            line.sendall(data)
            received = b""
            while part := line.recv(65536):
                received += part
        return received

    def events(self, name):
        found = [
            json.loads(line) for line in self.service.log.read_text().splitlines(keepends=True) if line[-1] == "\n"
        ]
        return [event for event in found if event["event"] == name]

    def management(self, page):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.service.management}/{page}", timeout=20).read().decode()


def site(folder, keep_alive=5, patience=20):
    """A service; ``patience`` in seconds is also what the agreement on TLS may take, on a machine that is busy."""
    secure, plain = free_ports(2)
    settings = SETTINGS.format(secure=secure, plain=plain, keep_alive=keep_alive, patience=patience)
    return started(folder, users=2, settings=settings), secure, plain


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    service, secure, plain = site(tmp_path_factory.mktemp("web"))
    with service as running:
        yield Site(running, secure, plain)


def test_thunderbirds_document_leads_to_the_real_ports(web):
    answer, body = web.get(AUTOCONFIG)
    assert answer.status == 200
    ports = {
        one.get("type"): int(one.findtext("port")) for one in ET.fromstring(body)[0] if one.find("port") is not None
    }
    told = web.service.peer.ports
    assert ports == {"imap": told["imaps"], "pop3": told["pop3s"], "smtp": told["submissions"]}


def test_one_connection_serves_several_requests(web):
    connection = web.connection()
    assert [web.get(AUTOCONFIG, connection)[0].status for _ in range(3)] == [200] * 3
    connection.request("POST", "/autodiscover/autodiscover.xml", b"x" * 100_000)
    assert connection.getresponse().status == 413


def test_a_signed_profile(web):
    answer, body = web.get("/mobileconfig?email=user00%40example.org")
    assert answer.headers["Content-Type"] == "application/x-apple-aspen-config"
    assert body[:1] == b"\x30"  # DER
    assert b"IncomingMailServerHostName" in body


def test_who_says_nothing_is_cut_off(tmp_path):
    service, secure, plain = site(tmp_path, patience=0.5)
    silent = (
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\n",
        b"POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: x\r\nContent-Le",
    )
    with service as running:
        web = Site(running, secure, plain)
        assert [web.raw(data) for data in silent] == [b""] * 3


@pytest.mark.parametrize(
    "data", [b"\x16\x03\x01\x02\x00\r\n\r\n", b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 40_000, b"EHLO x\r\n\r\n"]
)
def test_what_is_no_request_is_refused(web, data):
    assert web.raw(data).startswith(b"HTTP/1.1 4")


def test_a_member_leaves_a_list_by_one_click(web):
    service, members = web.service, ("user00@example.org", "user01@example.org")
    service.optimails("list", "add", "team@example.org", "--post", "anyone", "--leave")
    service.optimails("list", "members", "add", "team@example.org", *members)
    with smtplib.SMTP(service.peer.host, service.peer.ports["smtp"], timeout=30) as smtp:
        smtp.sendmail("x@far.test", ["team@example.org"], "From: x@far.test\r\nSubject: news\r\n\r\nHello\r\n")
    (message,) = eventually(lambda: inbox(service, members[0]), limit=60)
    host, path = re.search(rb"^List-Unsubscribe: <https://([^/]+)(/[^>]+)>,", message, re.MULTILINE).groups()
    assert host.endswith(b":%d" % web.secure)
    assert web.get(path.decode())[0].status == 200
    connection = web.connection()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", path.decode(), "List-Unsubscribe=One-Click", form)
    assert connection.getresponse().status == 200

    def who():
        return [one["address"] for one in service.optimails("list", "members", "list", "team@example.org")]

    assert eventually(lambda: who() == [members[1]])
    event = eventually(lambda: [one for one in web.events("http_request") if one.get("page") == "lists"])
    assert path.decode() not in json.dumps(event)


def test_it_is_counted_and_logged(web):
    web.get(AUTOCONFIG)
    assert 'optimails_workers{kind="web"} 1.0' in web.management("metrics")
    assert 'optimails_http_requests_total{status="200"}' in web.management("metrics")
    event = eventually(lambda: web.events("http_request"))[-1]
    assert "anybody" not in json.dumps(event)
    assert json.loads(web.management("readyz"))["ready"]


def test_a_killed_worker_is_replaced_and_a_reload_loses_nobody(web):
    pid = next(event["pid"] for event in web.events("worker_started") if event["name"] == "web")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: web.events("worker_died"))
    assert web.get(AUTOCONFIG)[0].status == 200
    before = len(web.events("reloaded"))
    os.kill(web.service.process.pid, signal.SIGHUP)
    while len(web.events("reloaded")) == before:
        assert web.get(AUTOCONFIG)[0].status == 200
    assert web.get(AUTOCONFIG)[0].status == 200
    eventually(lambda: [event for event in web.events("ended") if event["worker"] == "web"])


def test_a_stop_waits_for_nobody_idle(tmp_path):
    service, secure, plain = site(tmp_path, keep_alive=300)
    with service as running:
        web = Site(running, secure, plain)
        idle = web.connection()
        assert web.get(AUTOCONFIG, idle)[0].status == 200
        running.process.terminate()
        assert running.process.wait(30) == 0
        assert [event["signal"] for event in web.events("worker_died")] == []
