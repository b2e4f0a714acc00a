"""SASL exchanges, step by step, against a directory in memory."""

import asyncio
import base64
import contextlib
import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.config.login import LoginSettings
from optimails.door import sasl
from optimails.door.guard import Guard
from optimails.door.login import Login
from optimails.door.sasl import Challenge, Done, decode, encode, mechanism, offered
from optimails.door.scram import ScramExchange
from optimails.model.account import Service
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from tests.support.in_loop import in_loop
from tests.support.memory_directory import MemoryDirectory

PEER = "198.51.100.1"
RIGHT = "correct horse"


@pytest.fixture
def directory() -> MemoryDirectory:
    return MemoryDirectory({"anna@demo.test": RIGHT, '"o,dd=name"@demo.test': RIGHT})


@pytest.fixture
def login(directory) -> Login:
    return Login(directory, Guard(LoginSettings(delay_seconds=0)))


async def refused(exchange, response: bytes) -> Reason:
    with pytest.raises(Refused) as refusal:
        await exchange.step(response)
    return refusal.value.reason


@in_loop
async def test_plain(login):
    for response in (b"\0anna@demo.test\0correct horse", b"Anna@demo.test\0anna@demo.test\0correct horse"):
        done = await mechanism("plain", login, Service.IMAP, PEER).step(response)
        assert isinstance(done, Done)
        assert str(done.account.address) == "anna@demo.test"
    exchange = mechanism("PLAIN", login, Service.IMAP, PEER)
    assert await exchange.step(None) == Challenge(b"")
    assert isinstance(await exchange.step(b"\0anna@demo.test\0correct horse"), Done)
    exchange = mechanism("PLAIN", login, Service.IMAP, PEER)
    assert await refused(exchange, b"\0anna@demo.test\0wrong") is Reason.AUTHENTICATION_FAILED
    assert await refused(exchange, b"bert@demo.test\0anna@demo.test\0correct horse") is Reason.AUTHORIZATION_FAILED


@pytest.mark.parametrize("response", [b"", b"\0", b"\0\0", b"anna", b"\0anna\0", b"\0\0pass", b"\0a\0b\0c",
                                      b"\0\xff\0x", b"\0a\0" + b"x" * 5000])  # fmt: skip
@in_loop
async def test_plain_that_is_none(login, response):
    with pytest.raises(BadSyntax):
        await mechanism("PLAIN", login, Service.IMAP, PEER).step(response)


@in_loop
async def test_login(login):
    for first in (None, b""):
        exchange = mechanism("LOGIN", login, Service.IMAP, PEER)
        assert await exchange.step(first) == Challenge(b"Username:")
        assert await exchange.step(b"anna@demo.test") == Challenge(b"Password:")
        assert isinstance(await exchange.step(b"correct horse"), Done)
    exchange = mechanism("LOGIN", login, Service.IMAP, PEER)
    assert await exchange.step(b"anna@demo.test") == Challenge(b"Password:")
    with pytest.raises(BadSyntax):
        await exchange.step(b"")


@in_loop
async def test_an_unknown_mechanism(login):
    for name in ("CRAM-MD5", "", "SCRAM-SHA-256-PLUS"):
        with pytest.raises(Refused) as refusal:
            mechanism(name, login, Service.IMAP, PEER)
        assert refusal.value.reason is Reason.CANNOT


class ScramClient:
    """The client's side, written from RFC 5802 on its own."""

    def __init__(self, user: str, password: str, header: bytes = b"n,,", binding: bytes = b"") -> None:
        name = user.replace("=", "=3D").replace(",", "=2C").encode()
        self.header, self.binding, self.password = header, binding, password.encode()
        self.bare = b"n=" + name + b",r=fyko+d2lbbFgONRv9qkxdawL"
        self.first = header + self.bare

    def final(self, server_first: bytes, nonce: bytes | None = None) -> bytes:
        fields = dict(part.split(b"=", 1) for part in server_first.split(b","))
        assert fields[b"r"].startswith(b"fyko+d2lbbFgONRv9qkxdawL")
        assert len(fields[b"r"]) > len(b"fyko+d2lbbFgONRv9qkxdawL") + 16
        bare = b"c=" + base64.b64encode(self.header + self.binding) + b",r=" + (nonce or fields[b"r"])
        message = b",".join((self.bare, server_first, bare))
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        self.expected = b"v=" + base64.b64encode(hmac.digest(server_key, message, "sha256"))
        return bare + b",p=" + base64.b64encode(proof)


@pytest.mark.parametrize("user", ["anna@demo.test", '"o,dd=name"@demo.test'])
@pytest.mark.parametrize("header", [b"n,,", b"y,,", b"n,a=USER,"])
@in_loop
async def test_scram(login, user, header):
    escaped = user.replace("=", "=3D").replace(",", "=2C").encode()
    client = ScramClient(user, RIGHT, header.replace(b"USER", escaped))
    exchange = mechanism("SCRAM-SHA-256", login, Service.IMAP, PEER)
    assert await exchange.step(None) == Challenge(b"")
    first = await exchange.step(client.first)
    assert isinstance(first, Challenge)
    last = await exchange.step(client.final(first.data))
    assert last == Challenge(client.expected)
    done = await exchange.step(b"")
    assert isinstance(done, Done)
    assert str(done.account.address) == user


@in_loop
async def test_scram_where_success_carries_data(login):
    client = ScramClient("anna@demo.test", RIGHT)
    exchange = mechanism("SCRAM-SHA-256", login, Service.SIEVE, PEER, success_data=True)
    first = await exchange.step(client.first)
    done = await exchange.step(client.final(first.data))
    assert isinstance(done, Done)
    assert done.final_data == client.expected


@in_loop
async def test_scram_that_proves_nothing(login):
    for user, password, nonce in (
        ("anna@demo.test", "wrong", None),
        ("nobody@demo.test", RIGHT, None),
        ("anna@demo.test", RIGHT, b"fyko+d2lbbFgONRv9qkxdawLreplayed"),
    ):
        client = ScramClient(user, password)
        exchange = mechanism("SCRAM-SHA-256", login, Service.IMAP, PEER)
        first = await exchange.step(client.first)
        assert await refused(exchange, client.final(first.data, nonce)) is Reason.AUTHENTICATION_FAILED
    exchange = mechanism("SCRAM-SHA-256", login, Service.IMAP, PEER)
    other = ScramClient("anna@demo.test", RIGHT, b"n,a=bert@demo.test,")
    assert await refused(exchange, other.first) is Reason.AUTHORIZATION_FAILED


@in_loop
async def test_scram_with_channel_binding(login):
    bindings = {"tls-exporter": b"exported" * 4, "tls-server-end-point": b"hash of certificate"}

    async def outcome(name, header, binding, ours):
        client = ScramClient("anna@demo.test", RIGHT, header, binding)
        exchange = mechanism(name, login, Service.IMAP, PEER, ours)
        first = await exchange.step(client.first)
        await exchange.step(client.final(first.data))
        return type(await exchange.step(b""))

    plus = "SCRAM-SHA-256-PLUS"
    for kind, data in bindings.items():
        assert await outcome(plus, b"p=" + kind.encode() + b",,", data, bindings) is Done
        with pytest.raises(Refused):  # somebody sits between, with TLS channels of his own
            await outcome(plus, b"p=" + kind.encode() + b",,", data, {kind: b"another channel"})
    with pytest.raises(Refused):  # somebody hid -PLUS from the client
        await outcome("SCRAM-SHA-256", b"y,,", b"", bindings)
    with pytest.raises(Refused):
        await outcome(plus, b"p=tls-unique,,", b"x", bindings)
    with pytest.raises(BadSyntax):
        await outcome("SCRAM-SHA-256", b"p=tls-exporter,,", b"x", bindings)
    with pytest.raises(BadSyntax):
        await outcome(plus, b"n,,", b"", bindings)


@in_loop
async def test_a_directory_that_is_away(login, directory):
    directory.away = True
    with pytest.raises(Unavailable):
        await mechanism("PLAIN", login, Service.IMAP, PEER).step(b"\0anna@demo.test\0correct horse")
    with pytest.raises(Unavailable):
        await mechanism("SCRAM-SHA-256", login, Service.IMAP, PEER).step(ScramClient("anna@demo.test", RIGHT).first)


@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_a_scram_message_or_bad_syntax(data, plus):
    for message in (data, b"n,," + data, b"n,,n=a,r=" + data, b"p=tls-exporter,," + data):
        with contextlib.suppress(BadSyntax, Refused):
            ScramExchange(message, {"tls-exporter": b"x"}, plus=plus)


@given(st.lists(st.one_of(st.none(), st.binary(max_size=80)), min_size=1, max_size=3), st.sampled_from(offered()))
def test_any_responses_end_in_an_error_of_the_protocol(responses, name):
    async def talk():
        exchange = mechanism(name, Login(MemoryDirectory({}), GUARD), Service.IMAP, PEER)
        for response in responses:
            await exchange.step(response)

    with contextlib.suppress(BadSyntax, Refused):
        asyncio.run(talk())


GUARD = Guard(LoginSettings(delay_seconds=0, account_failures=0, network_failures=0, address_failures=0))


def test_base64_of_responses_is_strict():
    assert decode(b"AGE=") == b"\0a"
    assert decode(b"=", initial=True) == b""
    assert decode(b"") == b""
    assert encode(b"\0a") == b"AGE="
    for wrong in (b"=", b"*", b"AGE", b"AG E=", b"AGE=\r", b"!!!!", b"AGE==", b"A" * (sasl.MAX_LINE + 4), b"\xff\xff"):
        with pytest.raises(BadSyntax):
            decode(wrong)


@given(st.binary(max_size=100))
def test_any_line_decodes_or_is_bad_syntax(line):
    with contextlib.suppress(BadSyntax):
        assert encode(decode(line)) == line


def test_what_is_offered():
    assert offered() == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert offered(plain=False, channel_binding=True) == ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256")
    assert offered(scram=False) == ("PLAIN", "LOGIN")
    assert [name for name in offered() if sasl.shows_password(name)] == ["PLAIN", "LOGIN"]
