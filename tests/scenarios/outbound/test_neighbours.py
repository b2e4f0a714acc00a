"""Mail goes over TLS to a real Postfix and to our own service, as neighbours in the network are."""

import asyncio
import imaplib
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimails.queue.api import RecipientResult
from tests.support.dns_server import local_dns
from tests.support.in_loop import in_loop
from tests.support.outbound import MESSAGE, config, courier, job, states
from tests.support.postfix import Postfix, postfix
from tests.support.service import PASSWORD, Service


@pytest.fixture(scope="module")
def neighbour() -> Iterator[Postfix]:
    with postfix("there.example") as server:
        yield server


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("service"), users=2)
    made.start()
    yield made
    made.kill()


@pytest.mark.engine
@in_loop
async def test_postfix_takes_mail_over_verified_tls(tmp_path: Path, neighbour: Postfix) -> None:
    zone = {("there.example", "MX"): ["10 localhost."]}
    with local_dns(zone) as dns:
        settings = config(
            tmp_path,
            nameserver=dns.address,
            port=neighbour.port,
            tls="verified",
            ca_file=str(neighbour.ca_file),
            idle_seconds=2,
        )
        async with courier(settings) as carrier:
            results: list[RecipientResult] = []
            for number in range(3):
                content = MESSAGE.replace(b"Subject: hello", b"Subject: hello %d" % number)
                results += await carrier.deliver(job(tmp_path, "bob@there.example", content=content))
            results += await carrier.deliver(job(tmp_path, "nobody@there.example"))
            large = MESSAGE + b"x" * 70 + b"\r\n" + b"y" * 25_000_000 + b"\r\n"
            results += await carrier.deliver(job(tmp_path, "bob@there.example", content=large))
    assert states(results) == ["delivered"] * 3 + ["failed"] * 2, results
    assert (results[3].status, results[4].status) == ("5.1.1", "5.3.4")
    got = neighbour.received("bob", 3)
    for message in got:
        assert b"using TLSv1.3" in message
        body = message.split(b"\n\n", 1)[1]
        assert body == MESSAGE.split(b"\r\n\r\n", 1)[1].replace(b"\r\n", b"\n")
    log = (neighbour.folder / "log/maillog").read_text()
    assert log.count(": connect from") - log.count("lost connection after CONNECT") <= 2, "connections are used again"


@pytest.mark.engine
@in_loop
async def test_postfix_is_not_taken_for_somebody_else(tmp_path: Path, neighbour: Postfix) -> None:
    with local_dns(
        {("there.example", "MX"): ["10 mx.there.example."], ("mx.there.example", "A"): ["127.0.0.1"]}
    ) as dns:
        strict = config(
            tmp_path, nameserver=dns.address, port=neighbour.port, tls="verified", ca_file=str(neighbour.ca_file)
        )
        async with courier(strict) as carrier:
            (result,) = await carrier.deliver(job(tmp_path))
    assert (result.state.value, result.status) == ("deferred", "4.7.5")


@in_loop
async def test_our_own_service_takes_mail(tmp_path: Path, service: Service) -> None:
    with local_dns({("example.org", "MX"): ["10 localhost."]}) as dns:
        settings = config(
            tmp_path,
            nameserver=dns.address,
            port=service.peer.ports["smtp"],
            tls="verified",
            ca_file=str(service.peer.ca_file),
        )
        async with courier(settings) as carrier:
            user = service.peer.users[0].address
            results = await carrier.deliver(job(tmp_path, user, "nobody@example.org"))
    assert {str(one.recipient): one.state.value for one in results} == {
        user: "delivered",
        "nobody@example.org": "failed",
    }
    assert await asyncio.to_thread(_inbox, service, user) == MESSAGE.split(b"\r\n\r\n", 1)[1]


@in_loop
async def test_our_own_service_takes_mail_by_lmtp(tmp_path: Path, service: Service) -> None:
    route = {"host": "127.0.0.1", "port": service.peer.ports["lmtp"], "protocol": "lmtp"}
    async with courier(config(tmp_path, routes=(route,))) as carrier:
        user = service.peer.users[1].address
        results = await carrier.deliver(job(tmp_path, user, "nobody@example.org"))
    assert {str(one.recipient): one.state.value for one in results} == {
        user: "delivered",
        "nobody@example.org": "failed",
    }


def _inbox(service: Service, user: str) -> bytes:
    context = ssl.create_default_context(cafile=str(service.peer.ca_file))
    with imaplib.IMAP4_SSL("localhost", service.peer.ports["imaps"], ssl_context=context) as client:
        client.login(user, PASSWORD)
        until = time.monotonic() + 10
        while client.select("INBOX")[1] == [b"0"] and time.monotonic() < until:
            time.sleep(0.05)
        part = client.fetch("1", "(BODY[TEXT])")[1][0]
        assert isinstance(part, tuple)
        return bytes(part[1])
