"""All checks together: in time, and bounded, whatever a message or its sender's name server does."""

from typing import Any

import pytest

from tests.support.dns_server import SERVFAIL, SILENCE, local_dns
from tests.support.in_loop import in_loop
from tests.support.senders import MESSAGE, checked, key_record, names, signed, txt

GOOD = key_record("example.org") | {
    ("example.org", "TXT"): txt("v=spf1 ip4:192.0.2.1 -all"),
    ("_dmarc.example.org", "TXT"): txt("v=DMARC1; p=reject"),
}


@in_loop
async def test_everything_is_well() -> None:
    with local_dns(GOOD) as server:
        found = await checked(server, signed())
    assert names(found) == {"spf": "pass", "dkim": ["pass"], "dmarc": "pass", "arc": "none"}


@pytest.mark.parametrize("trouble", [SERVFAIL, SILENCE])
@in_loop
async def test_name_servers_in_trouble(trouble: Any) -> None:
    with local_dns(dict.fromkeys(GOOD, trouble)) as server:
        found = await checked(server, signed())
    assert names(found) == {"spf": "temperror", "dkim": ["temperror"], "dmarc": "temperror", "arc": "none"}
    assert found.wish.value == "none"


@in_loop
async def test_what_is_late_is_left() -> None:
    """The key's server is silent for longer than the checks may take; the others' answers count."""
    with local_dns(GOOD | dict.fromkeys(key_record("example.org"), SILENCE)) as server:
        from optimails.authentication.authenticator import Authenticator, Origin
        from optimails.config.authentication import AuthenticationSettings
        from optimails.model.address import EmailAddress
        from tests.support.senders import resolver

        patient = Authenticator(resolver(server, timeout=30, lifetime=60), AuthenticationSettings(timeout=0.4))
        header, _, body = signed().partition(b"\r\n\r\n")
        origin = Origin("192.0.2.7", "x", EmailAddress.parse("ann@example.org"))
        found = await patient.check(origin, header + b"\r\n", lambda: [body], 1)
    assert names(found) == {"spf": "fail", "dkim": ["temperror"], "dmarc": "temperror", "arc": "none"}
    assert found.dkim[0].reason == "it took too long"


@in_loop
async def test_large_messages_are_read_beside_the_loop() -> None:
    large = MESSAGE + b"line of text \r\n" * 20_000
    with local_dns(GOOD) as server:
        assert names(await checked(server, signed(large)))["dkim"] == ["pass"]
        assert names(await checked(server, signed(large) + b"x"))["dkim"] == ["fail"]
