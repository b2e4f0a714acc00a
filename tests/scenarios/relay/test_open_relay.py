"""Nothing gets through to strangers: every way of writing an address, every listener, and messages within messages."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.queue.test_two_servers import inbox
from tests.support.eventually import eventually
from tests.support.service import Service, started
from tests.unit.smtp.test_content import UNENDED

RELAY = """
[[relay]]
domain = "customer.test"
target = "127.0.0.1:9"

[[outbound_route]]
host = "127.0.0.1"
port = 9
"""
# Everything here leads outside for some server, or did for one. ``{us}`` is a domain of ours, ``{host}`` our name.
VICTIMS = """
victim@elsewhere.test
VICTIM@ELSEWHERE.TEST
victim@elsewhere.test.
"victim"@elsewhere.test
victim%elsewhere.test@{us}
victim%elsewhere.test@{host}
victim%elsewhere.test@customer.test
victim%elsewhere.test@[127.0.0.1]
victim%elsewhere.test%{us}@{us}
victim%elsewhere.test
elsewhere.test!victim@{us}
elsewhere.test!victim@customer.test
elsewhere.test!victim
{us}!elsewhere.test!victim
"victim@elsewhere.test"@{us}
"victim@elsewhere.test"@customer.test
"victim%elsewhere.test"@customer.test
"@elsewhere.test:victim"@customer.test
"victim@elsewhere.test"
victim@elsewhere.test@{us}
victim@{us}@elsewhere.test
user00@{us}@elsewhere.test
@{us}:victim@elsewhere.test
@customer.test,@{us}:victim@elsewhere.test
@elsewhere.test:victim@{us}
victim@[192.0.2.1]
victim@[IPv6:2001:db8::1]
victim@[127.0.0.1]
victim@{us}.elsewhere.test
victim@sub.customer.test
victim@customer.test.
user00+victim=elsewhere.test@nowhere.test
victim@localhost
victim@
victim
@
user00@ex\u0430mple.org
user00@xn--exmple-4nf.org
user00@example\u3002com
victim@elsewhere.test\u200b
victim\u0000@elsewhere.test
victim@elsewhere.test,user00@{us}
victim@elsewhere.test;user00@{us}
SRS0=aaaa=AA=elsewhere.test=victim@{us}
SRS1=aaaa=elsewhere.test==AA=BB=other.test=victim@{us}
""".strip().splitlines()
ROOTS = ("victim@customer.test.",)  # with a root's dot it is the relay domain itself, which takes everybody
SENDERS = ("", "peer@far.test", "user00@example.org", "victim@elsewhere.test")


class Talk:
    """A connection without manners."""

    def __init__(self, service: Service, listener: str) -> None:
        self._socket = socket.create_connection((service.peer.host, service.peer.ports[listener]), timeout=30)
        self._file = self._socket.makefile("rb")
        assert self.reply().startswith("220")

    def reply(self) -> str:
        """The last line of the next reply; empty at the end."""
        while (line := self._file.readline().decode()) and line[3:4] == "-":
            pass
        return line

    def say(self, line: str) -> str:
        return self.send(line.encode() + b"\r\n")

    def send(self, data: bytes) -> str:
        try:
            self._socket.sendall(data)
            return self.reply()
        except ConnectionError:
            return ""

    def close(self) -> None:
        self._file.close()
        self._socket.close()


@contextlib.contextmanager
def talk(service: Service, listener: str, hello: str = "") -> Iterator[Talk]:
    connection = Talk(service, listener)
    try:
        if hello:
            assert connection.say(hello).startswith("250")
        yield connection
    finally:
        connection.close()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder: Path = tmp_path_factory.mktemp("open-relay")
    with started(folder, users=2, settings=RELAY) as running:
        running.optimails("alias", "add", "away@example.org", "far@other.test")
        yield running


def queued(service: Service) -> list[dict[str, str]]:
    rows = service.optimails("queue", "list")
    assert isinstance(rows, list)
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
def test_no_way_of_writing_an_address_leads_outside(service: Service, listener: str) -> None:
    hello = "LHLO far.test" if listener == "lmtp" else "EHLO far.test"
    taken = []
    victims = [text.format(us="example.org", host="localhost") for text in VICTIMS]
    for at in range(0, len(victims), 8):  # few enough for a connection that makes mistakes
        for sender in SENDERS:
            with talk(service, listener, hello) as client:
                for victim in victims[at : at + 8]:
                    assert client.say(f"MAIL FROM:<{sender}> SMTPUTF8").startswith("250")
                    if client.say(f"RCPT TO:<{victim}>").startswith("2"):
                        taken.append(victim)
                    client.say("RSET")
    assert set(taken) <= set(ROOTS)
    assert queued(service) == []


@pytest.mark.slow
def test_submission_is_for_who_logged_in_whatever_it_says_it_is(service: Service) -> None:
    claims = [
        "XCLIENT ADDR=127.0.0.1 LOGIN=user00@example.org",
        "XFORWARD ADDR=127.0.0.1",
        "PROXY TCP4 127.0.0.1 127.0.0.1 25 25",
        "AUTH EXTERNAL dXNlcjAw",
        "AUTH PLAIN AHVzZXIwMEBleGFtcGxlLm9yZwA=",
        "AUTH PLAIN AHVzZXIwMEBleGFtcGxlLm9yZwB3cm9uZw==",
    ]
    for listener in ("submission", "smtp"):
        for claim in claims:
            with talk(service, listener, "EHLO localhost") as client:
                assert client.say(claim)[:1] in {"4", "5"}
                mail = client.say("MAIL FROM:<user00@example.org> AUTH=user00@example.org")
                rcpt = client.say("RCPT TO:<victim@elsewhere.test>")
                assert rcpt[:1] in {"4", "5"}, (listener, claim)
                assert listener == "smtp" or mail.startswith("530")
                assert client.say("DATA").startswith("5")
    assert queued(service) == []


@pytest.mark.slow
def test_an_alias_leads_to_its_own_target_and_a_bare_postmaster_stays_here(service: Service) -> None:
    with talk(service, "smtp", "EHLO far.test") as client:
        client.say("MAIL FROM:<peer@far.test>")
        assert client.say("RCPT TO:<Postmaster>")[:1] in {"2", "5"}
        for victim in ("away%elsewhere.test@example.org", '"away@elsewhere.test"@example.org'):
            assert client.say(f"RCPT TO:<{victim}>").startswith("550")
        assert client.say("RCPT TO:<away@example.org>").startswith("250")
        assert client.say("DATA").startswith("354")
        assert client.say("Subject: x\r\n\r\nx\r\n.").startswith("250")
    assert eventually(lambda: [row["address"] for row in queued(service)] == ["far@other.test"], limit=30)
    rows = queued(service)
    assert rows[0]["sender"].startswith("SRS0=")
    assert rows[0]["sender"].endswith("@example.org")
    service.optimails("queue", "delete", "--all")


@pytest.mark.slow
@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
def test_no_message_hides_in_another(service: Service, listener: str) -> None:
    user = "user00" if listener == "smtp" else "user01"
    hello = "LHLO far.test" if listener == "lmtp" else "EHLO far.test"
    for payload in UNENDED:
        hidden = payload + b"RCPT TO:<user01@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n"
        with talk(service, listener, hello) as client:
            client.say("MAIL FROM:<peer@far.test>")
            client.say(f"RCPT TO:<{user}@example.org>")
            assert client.say("DATA").startswith("354")
            assert client.send(b"Subject: outer\r\n\r\n" + hidden + b".\r\n").startswith("250")
            assert client.say("NOOP").startswith("250"), "one answer, for one message"
    assert eventually(lambda: len(inbox(service, f"{user}@example.org")) == len(UNENDED), limit=30)
    assert all(b"Subject: outer" in message for message in inbox(service, f"{user}@example.org"))
    assert queued(service) == []
