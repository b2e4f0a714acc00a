# ruff: noqa: SIM117, E501, ASYNC110 - a server and its client stand in lines of their own; tables are wide; ends are awaited
"""Mail for other servers arrives, whatever they are like; and what does not arrive is not lost."""

import asyncio
import dataclasses
import socket
from pathlib import Path

import pytest

from optimails.queue.api import Body, Notify, QueuedRecipient, Ret, State
from tests.support.dns_server import SERVFAIL, SILENCE, local_dns
from tests.support.in_loop import in_loop
from tests.support.outbound import MESSAGE, config, courier, job, states
from tests.support.scripted_smtp import EXTENSIONS, scripted

ZONE = {
    ("there.example", "MX"): ["10 mx.there.example."],
    ("mx.there.example", "A"): ["127.0.0.1"],
    ("mx.there.example", "TXT"): ['"x"'],
}
STUFFED = MESSAGE.replace(b"\r\n.", b"\r\n..") + b".\r\n"
PLAIN = tuple(one for one in EXTENSIONS if one != "PIPELINING")


def direct(port: int, **more: object) -> dict[str, object]:
    """A route to a server of the test."""
    return {"host": "127.0.0.1", "port": port, **more}


@in_loop
async def test_a_message_arrives_by_mx(tmp_path: Path) -> None:
    with local_dns(ZONE) as dns:
        async with scripted() as server, courier(config(tmp_path, nameserver=dns.address, port=server.port)) as carrier:
            (result,) = await carrier.deliver(job(tmp_path))
            assert (result.state, result.status, result.remote) == (State.DELIVERED, "2.0.0", "mx.there.example")
            assert result.dsn
            (got,) = server.messages
            assert got.content == STUFFED
            assert got.mail.startswith("MAIL FROM:<ann@here.example> SIZE=")
            assert server.lines[0] == "EHLO mail.here.example"


@pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN, ()], ids=["pipelining", "plain", "bare"])
@pytest.mark.parametrize("cut", range(1, 9))
@in_loop
async def test_a_connection_lost_at_any_reply_loses_nothing(
    tmp_path: Path, extensions: tuple[str, ...], cut: int
) -> None:
    """Greeting, EHLO, MAIL, two RCPT, DATA, the end, RSET or QUIT: before each the line goes dead."""
    last = 7

    def tamper(number: int, _step: str, reply: bytes) -> bytes | None:
        return None if number == cut else reply

    async with scripted(tamper=tamper, extensions=extensions) as server:
        routes = (direct(server.port),)
        async with courier(config(tmp_path, routes=routes)) as carrier:
            results = await carrier.deliver(job(tmp_path, "a@there.example", "b@there.example"))
            expected = State.DELIVERED if cut > last else State.DEFERRED
            assert [result.state for result in results] == [expected] * 2
            assert [str(result.recipient) for result in results] == ["a@there.example", "b@there.example"]
            server.tamper = lambda _number, _step, reply: reply
            if cut <= last:
                again = await carrier.deliver(job(tmp_path, "a@there.example", "b@there.example"))
                assert states(again) == ["delivered"] * 2


@pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN], ids=["pipelining", "plain"])
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "END"])
@pytest.mark.parametrize(
    ("reply", "state"),
    [
        (b"451 4.3.0 Later\r\n", "deferred"),
        (b"421 4.3.2 Going down\r\n", "deferred"),
        (b"550 5.7.1 Never\r\n", "failed"),
        (b"333 What\r\n", "deferred"),
    ],
)
@in_loop
async def test_what_a_refusal_means(
    tmp_path: Path, extensions: tuple[str, ...], step: str, reply: bytes, state: str
) -> None:
    def tamper(_number: int, at: str, usual: bytes) -> bytes:
        return reply if at == step else usual

    async with scripted(tamper=tamper, extensions=extensions) as server:
        async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
            (result,) = await carrier.deliver(job(tmp_path))
    if step in {"GREETING", "EHLO"}:
        # Such a server may be ill; another host, or a later attempt, may be well. HELO stands in for a refused EHLO.
        state = "delivered" if step == "EHLO" and reply.startswith(b"5") else "deferred"
    assert result.state.value == state
    assert result.unreachable == (step in {"GREETING", "EHLO"} and state == "deferred")
    if state == "failed":
        assert (result.status, result.reply) == ("5.7.1", "550 5.7.1 Never")


@pytest.mark.parametrize(
    "nonsense",
    [
        b"hello?\r\n",
        b"\r\n",
        b"250 no line end " + b"x" * 9000,
        b"250-" + b"x" * 5000 + b"\r\n250 ok\r\n",
        b"250-more\r\n" * 5000,
        b"250-one\r\n550 other\r\n",
        b"99 short\r\n",
        b"250 ok\r\n" * 20_000,
        b"\xff\xfe\x00\x01\r\n",
    ],
    ids=range(9),
)
@pytest.mark.parametrize("step", ["GREETING", "EHLO", "MAIL", "END"])
@in_loop
async def test_nonsense_defers(tmp_path: Path, step: str, nonsense: bytes) -> None:
    def tamper(_number: int, at: str, usual: bytes) -> bytes:
        return nonsense if at == step else usual

    async with scripted(tamper=tamper) as server:
        async with courier(
            config(tmp_path, routes=(direct(server.port),), command_timeout=1, greeting_timeout=1, end_timeout=1)
        ) as carrier:
            (result,) = await carrier.deliver(job(tmp_path))
    if step == "END" and nonsense.startswith(b"250 ok"):
        assert result.state is State.DELIVERED  # it said so, though too often
    else:
        assert result.state is State.DEFERRED


@in_loop
async def test_a_server_that_never_speaks_is_given_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        route = direct(silent.getsockname()[1])
        async with courier(config(tmp_path, routes=(route,), greeting_timeout=0.3)) as carrier:
            (result,) = await carrier.deliver(job(tmp_path))
    assert (result.state, result.unreachable) == (State.DEFERRED, True)


@in_loop
async def test_only_the_recipient_that_is_refused_fails(tmp_path: Path) -> None:
    for extensions in (EXTENSIONS, PLAIN):
        answers = iter([b"250 2.1.5 Ok\r\n", b"550 5.1.1 Nobody\r\n", b"450 4.2.0 Greylisted\r\n"])

        def tamper(_number: int, at: str, usual: bytes, answers: object = answers) -> bytes:
            return next(answers) if at == "RCPT" else usual

        async with scripted(tamper=tamper, extensions=extensions) as server:
            async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
                results = await carrier.deliver(job(tmp_path, "a@there.example", "b@there.example", "c@there.example"))
        found = {result.recipient.local: (result.state.value, result.status) for result in results}
        assert found == {"a": ("delivered", "2.0.0"), "b": ("failed", "5.1.1"), "c": ("deferred", "4.2.0")}


@in_loop
async def test_too_many_recipients_follow_at_once(tmp_path: Path) -> None:
    count = 0

    def tamper(_number: int, at: str, usual: bytes) -> bytes:
        nonlocal count
        if at == "MAIL":
            count = 0
        count += at == "RCPT"
        return b"452 4.5.3 Too many\r\n" if at == "RCPT" and count > 3 else usual

    names = [f"u{n}@there.example" for n in range(8)]
    async with scripted(tamper=tamper) as server:
        async with courier(config(tmp_path, routes=(direct(server.port),), max_recipients=5)) as carrier:
            results = await carrier.deliver(job(tmp_path, *names))
    assert states(results) == ["delivered"] * 8
    assert server.connections == 1


@in_loop
async def test_what_a_server_announced_is_kept_to(tmp_path: Path) -> None:
    eight = MESSAGE + "caf\N{LATIN SMALL LETTER E WITH ACUTE}\r\n".encode()
    cases = [
        (("SIZE 20",), {}, "5.3.4"),
        ((), {"content": eight, "body": Body.EIGHT_BIT}, "5.6.3"),
        ((), {"content": MESSAGE, "body": Body.EIGHT_BIT}, "2.0.0"),  # nothing of it has 8 bits after all
        (("8BITMIME",), {"content": eight, "body": Body.EIGHT_BIT}, "2.0.0"),
        ((), {"body": Body.BINARY}, "5.6.3"),
        ((), {"require_tls": True}, "4.7.5"),
        ((), {"smtputf8": True}, "2.0.0"),
        ((), {"smtputf8": True, "content": "Subject: \N{SNOWMAN}\r\n\r\nx\r\n".encode()}, "5.6.7"),
        (("SMTPUTF8", "8BITMIME"), {"smtputf8": True, "content": "Subject: \N{SNOWMAN}\r\n\r\nx\r\n".encode()}, "2.0.0"),
    ]  # fmt: skip
    for extensions, more, status in cases:
        async with scripted(extensions=extensions) as server:
            async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
                (result,) = await carrier.deliver(job(tmp_path, **more))
            assert result.status == status, (extensions, more, result)
            assert bool(server.messages) == status.startswith("2")
            assert all(line.isascii() or "SMTPUTF8" in extensions for line in server.lines)


@in_loop
async def test_an_international_recipient_needs_smtputf8(tmp_path: Path) -> None:
    name = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    for extensions, recipient, status in (
        (EXTENSIONS, f"{name}@there.example", "2.0.0"),
        ((), f"{name}@there.example", "5.6.7"),
        ((), f"bob@{name}.example", "2.0.0"),
    ):
        async with scripted(extensions=extensions) as server:
            async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
                (result,) = await carrier.deliver(job(tmp_path, recipient, smtputf8=True))
            assert result.status == status
    assert "RCPT TO:<bob@xn--caf-dma.example>" in server.lines


@in_loop
async def test_wishes_for_reports_go_on(tmp_path: Path) -> None:
    async with scripted() as server:
        async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
            one = job(tmp_path, ret=Ret.HEADERS, envid="QQ314159")
            wish = QueuedRecipient(
                one.recipients[0].address, frozenset({Notify.SUCCESS, Notify.FAILURE}), "rfc822;bob@x"
            )
            await carrier.deliver(dataclasses.replace(one, recipients=(wish,)))
    assert server.messages[0].mail.endswith(" RET=HDRS ENVID=QQ314159")
    assert server.messages[0].recipients == ["RCPT TO:<bob@there.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;bob@x"]


@in_loop
async def test_binary_content_goes_by_bdat(tmp_path: Path) -> None:
    content = MESSAGE + b"\x00\n.\r\n" * 3
    async with scripted(extensions=("CHUNKING", "BINARYMIME")) as server:
        async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
            (result,) = await carrier.deliver(job(tmp_path, content=content, body=Body.BINARY))
    assert result.state is State.DELIVERED
    assert server.messages[0].content == content


@in_loop
async def test_lmtp_answers_for_each_recipient(tmp_path: Path) -> None:
    answers = iter([b"250 2.0.0 Ok\r\n", b"552 5.2.2 Full\r\n", b"451 4.3.0 Later\r\n"])

    def tamper(_number: int, at: str, usual: bytes) -> bytes:
        return next(answers) if at == "END" else usual

    async with scripted(tamper=tamper, lmtp=True) as server:
        async with courier(config(tmp_path, routes=(direct(server.port, protocol="lmtp"),))) as carrier:
            results = await carrier.deliver(job(tmp_path, "a@there.example", "b@there.example", "c@there.example"))
    assert states(results) == ["delivered", "failed", "deferred"]
    assert server.lines[0].startswith("LHLO")


@in_loop
async def test_connections_are_used_again_and_closed_when_idle(tmp_path: Path) -> None:
    async with scripted() as server:
        settings = config(tmp_path, routes=(direct(server.port),), idle_seconds=0.3, messages_per_connection=3)
        async with courier(settings) as carrier:
            for _ in range(4):
                assert states(await carrier.deliver(job(tmp_path))) == ["delivered"]
            assert server.connections == 2, "three messages, then another connection"
            while "QUIT" not in server.lines[-1]:
                await asyncio.sleep(0.05)


@in_loop
async def test_a_kept_connection_that_died_costs_nothing(tmp_path: Path) -> None:
    def tamper(_number: int, at: str, usual: bytes) -> bytes | None:
        return None if at == "RSET" else usual

    async with scripted(tamper=tamper) as server:
        async with courier(config(tmp_path, routes=(direct(server.port),), idle_seconds=5)) as carrier:
            for _ in range(3):
                assert states(await carrier.deliver(job(tmp_path))) == ["delivered"]
    assert len(server.messages) == 3


@in_loop
async def test_a_destination_has_its_number_of_connections(tmp_path: Path) -> None:
    async with scripted() as server:
        async with courier(config(tmp_path, routes=(direct(server.port),), connections=2)) as carrier:
            results = await asyncio.gather(*(carrier.deliver(job(tmp_path)) for _ in range(10)))
    assert all(states(one) == ["delivered"] for one in results)
    assert server.most_at_once <= 2


@in_loop
async def test_a_route_has_a_number_of_connections_of_its_own(tmp_path: Path) -> None:
    async with scripted() as server:
        async with courier(
            config(tmp_path, routes=(direct(server.port) | {"connections": 1},), connections=5)
        ) as carrier:
            results = await asyncio.gather(*(carrier.deliver(job(tmp_path)) for _ in range(10)))
    assert all(states(one) == ["delivered"] for one in results)
    assert server.most_at_once == 1


@in_loop
async def test_the_next_host_is_tried(tmp_path: Path) -> None:
    zone = {
        ("there.example", "MX"): ["10 dead.there.example.", "20 ill.there.example.", "30 mx.there.example."],
        ("dead.there.example", "A"): ["127.0.0.9"],
        ("ill.there.example", "A"): ["127.0.0.2"],
        ("mx.there.example", "A"): ["127.0.0.1"],
    }
    for step in ("GREETING", "EHLO", "MAIL"):

        def tamper(_number: int, at: str, usual: bytes, step: str = step) -> bytes:
            return b"451 Ill\r\n" if at == step else usual

        async with scripted(host="127.0.0.1") as well:
            async with scripted(host="127.0.0.2", port=well.port, tamper=tamper) as ill:
                with local_dns(zone) as dns:
                    async with courier(config(tmp_path, nameserver=dns.address, port=well.port)) as carrier:
                        (result,) = await carrier.deliver(job(tmp_path))
        assert (result.state, result.remote) == (State.DELIVERED, "mx.there.example")
        assert ill.connections == 1


@in_loop
async def test_after_the_content_nobody_else_is_tried(tmp_path: Path) -> None:
    """The first may have taken it; a second copy is worse than a delay."""
    zone = {
        ("there.example", "MX"): ["10 ill.there.example.", "30 mx.there.example."],
        ("ill.there.example", "A"): ["127.0.0.2"],
        ("mx.there.example", "A"): ["127.0.0.1"],
    }

    def tamper(_number: int, at: str, usual: bytes) -> bytes | None:
        return None if at == "END" else usual

    async with scripted(host="127.0.0.1") as well, scripted(host="127.0.0.2", port=well.port, tamper=tamper):
        with local_dns(zone) as dns:
            async with courier(config(tmp_path, nameserver=dns.address, port=well.port)) as carrier:
                (result,) = await carrier.deliver(job(tmp_path))
    assert (result.state, result.unreachable) == (State.DEFERRED, False)
    assert well.connections == 0


@pytest.mark.parametrize(
    ("zone", "state", "status"),
    [
        ({("there.example", "MX"): ["0 ."]}, "failed", "5.1.10"),
        ({("other.example", "A"): ["127.0.0.1"]}, "failed", "5.1.2"),
        ({("there.example", "TXT"): ['"x"']}, "failed", "5.4.4"),
        ({("there.example", "MX"): SERVFAIL}, "deferred", "4.4.3"),
        ({("there.example", "MX"): SILENCE}, "deferred", "4.4.3"),
        ({("there.example", "MX"): ["10 mail.here.example.", "20 mx.there.example."]}, "failed", "5.4.6"),
        ({("there.example", "MX"): ["10 mx.there.example."], ("mx.there.example", "A"): SERVFAIL}, "deferred", "4.4.3"),
        ({("there.example", "MX"): ["10 gone.there.example."]}, "deferred", "4.4.4"),
        ({("there.example", "MX"): ["10 mx.there.example.", "20 mail.here.example."], ("mx.there.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
        ({("there.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
        ({("there.example", "CNAME"): ["real.example."], ("real.example", "MX"): ["1 mx.real.example."], ("mx.real.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
        ({("there.example", "MX"): ["1 alias.example."], ("alias.example", "CNAME"): ["mx.real.example."], ("mx.real.example", "A"): ["127.0.0.1"]}, "delivered", "2.0.0"),
    ],
    ids=["null", "nxdomain", "nothing", "servfail", "silence", "ourselves", "host-servfail", "no-host", "less-preferred", "implicit", "cname", "mx-cname"],
)  # fmt: skip
@in_loop
async def test_where_the_dns_leads(
    tmp_path: Path, zone: dict[tuple[str, str], object], state: str, status: str
) -> None:
    with local_dns(zone) as dns:
        async with scripted() as server, courier(config(tmp_path, nameserver=dns.address, port=server.port)) as carrier:
            (result,) = await carrier.deliver(job(tmp_path))
    assert (result.state.value, result.status) == (state, status)
    assert result.unreachable == (state == "deferred")


@in_loop
async def test_a_server_with_our_own_name_is_a_loop(tmp_path: Path) -> None:
    with local_dns(ZONE) as dns:
        async with scripted(name="MAIL.here.example") as server:
            async with courier(config(tmp_path, nameserver=dns.address, port=server.port)) as carrier:
                (result,) = await carrier.deliver(job(tmp_path))
    assert result.state is State.DEFERRED
    assert not server.messages


@in_loop
async def test_an_address_literal_is_its_own_host(tmp_path: Path) -> None:
    async with scripted() as server, courier(config(tmp_path, port=server.port)) as carrier:
        (result,) = await carrier.deliver(job(tmp_path, "bob@[127.0.0.1]"))
        (bad,) = await carrier.deliver(job(tmp_path, "bob@[500.1.1.1]"))
    assert result.state is State.DELIVERED
    assert (bad.state, bad.status) == (State.FAILED, "5.1.2")


@in_loop
async def test_an_address_that_does_not_answer_costs_a_delay_only(tmp_path: Path) -> None:
    zone = {**ZONE, ("mx.there.example", "A"): ["127.0.0.1"], ("mx.there.example", "AAAA"): ["::1"]}
    with local_dns(zone) as dns:
        async with scripted() as server:
            settings = config(tmp_path, nameserver=dns.address, port=server.port, families=["ipv6", "ipv4"])
            async with courier(settings) as carrier:
                (result,) = await carrier.deliver(job(tmp_path))
    assert result.state is State.DELIVERED


@in_loop
async def test_our_own_address_is_that_of_the_route(tmp_path: Path) -> None:
    seen = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(writer.get_extra_info("peername")[0])
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    route = direct(server.sockets[0].getsockname()[1], senders=["here.example"], source_ipv4="127.0.0.77")
    async with server, courier(config(tmp_path, routes=(route,))) as carrier:
        await carrier.deliver(job(tmp_path))
    assert seen == ["127.0.0.77"]


@in_loop
async def test_a_cancelled_delivery_closes_its_connection(tmp_path: Path) -> None:
    stuck = asyncio.Event()

    def tamper(_number: int, at: str, usual: bytes) -> bytes:
        if at == "DATA":
            stuck.set()
            return b""
        return usual

    async with scripted(tamper=tamper, extensions=()) as server:
        async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
            task = asyncio.create_task(carrier.deliver(job(tmp_path)))
            await stuck.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            while server._now:
                await asyncio.sleep(0.01)
    assert not server.messages


@in_loop
async def test_a_large_message_takes_little_memory(tmp_path: Path) -> None:
    import tracemalloc

    line = b"0123456789" * 7 + b"\r\n"
    content = b"Subject: large\r\n\r\n" + line * 280_000
    one = job(tmp_path, content=content)
    size = len(content)
    del content
    async with scripted(keep_content=False) as server:
        async with courier(config(tmp_path, routes=(direct(server.port),))) as carrier:
            tracemalloc.start()
            (result,) = await carrier.deliver(one)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert result.state is State.DELIVERED
    assert server.content_bytes == size + 3
    assert peak < 6_000_000
