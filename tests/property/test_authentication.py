"""Any bytes give a value: signatures, keys, records, chains, results."""

import asyncio
import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.authentication import header, message, spf_record
from optimails.authentication.authenticator import Authenticator, Origin
from optimails.config.authentication import AuthenticationSettings
from optimails.dkim import signature
from optimails.dkim.public_key import BadKey, parse_key
from optimails.dns import Answer
from optimails.model.errors import Unavailable

WORDS = (
    b"DKIM-Signature: |ARC-Seal: |ARC-Message-Signature: |ARC-Authentication-Results: |From: |Authentication-Results: |"
    b"i=1; |i=2;|a=rsa-sha256; |b=AAAA; |bh=AAAA; |d=a.test; |s=x; |h=from:from; |v=1; |cv=none; |cv=fail; |l=3; |"
    b'x=9; |c=simple/relaxed; |a@b.test|<|>|,|:|;|\r\n|\r\n |\r|\n|\0|\xff|(|"|mx.test|\xc3\xa9'
).split(b"|")
HEADERS = st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=6)), max_size=60).map(b"".join)
TERMS = [
    *("v=spf1", " ", "include:", "a", "/33", "//0", "%{", "d", "3r-", "}", "%", ":", "b.test", "redirect=", "-", "all"),
    *("ip4:1.2.3.4", "ip6:::", "é", "\0", "v=DKIM1;", "p=", "AAAA", "k=ed25519;", "t=s;", "="),
]
RECORDS = st.lists(st.sampled_from(TERMS), max_size=20).map("".join)


class Names:
    """A DNS that says the same to every question, or nothing."""

    def __init__(self, text: str) -> None:
        self.text = text

    async def query(self, name: str, kind: str) -> Answer:
        if not self.text:
            raise Unavailable(name)
        record = type("Text", (), {"strings": (self.text.encode(),)})
        return Answer((record,) if kind == "TXT" else (), exists=True, authenticated=False, canonical=name)

    async def texts(self, name: str) -> list[str]:
        await self.query(name, "TXT")
        return [self.text]


@settings(max_examples=300, deadline=None)
@given(HEADERS, st.binary(max_size=40), RECORDS, st.sampled_from(["", "a.test", "[::1]", "é.test", "x" * 300]))
def test_whole_messages(fields: bytes, body: bytes, record: str, helo: str) -> None:
    authenticator = Authenticator(Names(record), AuthenticationSettings())
    found = asyncio.run(authenticator.check(Origin("192.0.2.1", helo, None), fields + b"\r\n", lambda: [body], 1))
    rendered = header.render("mx.test", found)
    assert rendered.isascii()
    assert header.newest(rendered, "mx.test") is not None


@settings(max_examples=300, deadline=None)
@given(HEADERS)
def test_claims(fields: bytes) -> None:
    kept = header.without_claims(fields, "mx.test")
    assert header.newest(kept, "mx.test") is None
    assert header.without_claims(kept, "mx.test") == kept
    if b"authentication-results" not in fields.lower():
        assert kept == fields


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), RECORDS)
def test_parts(data: bytes, record: str) -> None:
    for field in (data, b"DKIM-Signature:" + data):
        with contextlib.suppress(signature.BadSignature):
            signature.parse(field)
    for text in (record, data.decode("latin-1")):
        with contextlib.suppress(BadKey):
            parse_key(text)
        with contextlib.suppress(spf_record.BadRecord):
            spf_record.parse(text)
    message.read(data, [data], 8)
