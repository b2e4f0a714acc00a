"""Two running servers and a name server: a stranger's mail is checked, sent on with a seal, and checked again there."""

import re
import smtplib
from collections.abc import Iterator
from dataclasses import dataclass

import dkim
import pytest

from optimails.dkim import KeyStore
from tests.support.dns_server import SERVFAIL, LocalDns, local_dns
from tests.support.eventually import eventually
from tests.support.inboxes import inbox
from tests.support.senders import MESSAGE, dns_of, key_record, signed, txt
from tests.support.service import DOMAIN, Service

THERE = "there.example"
COMMON = """
[dns]
nameservers = ["{dns}"]
timeout = 1.0
lifetime = 2.0
"""
HERE_SETTINGS = """
[smtp]
xclient_networks = ["127.0.0.0/8"]
[authentication]
name = "mx.here.example"
dmarc = "reject"
[[outbound_route]]
destinations = ["{there}"]
host = "localhost"
port = {port}
tls = "none"
"""
THERE_SETTINGS = """
[authentication]
name = "mx.there.example"
trusted_networks = []
dmarc = "reject"
trusted_sealers = ["{domain}"]
"""


@dataclass(frozen=True)
class World:
    dns: LocalDns
    here: Service
    there: Service

    def send(self, recipient: str, message: bytes, sender: str = "ann@bank.example") -> None:
        """As a stranger at 192.0.2.7, through a server that passes his session on."""
        with smtplib.SMTP("localhost", self.here.peer.ports["smtp"]) as client:
            client.ehlo("proxy.example")
            assert client.docmd("XCLIENT", "ADDR=192.0.2.7 HELO=mail.bank.example")[0] == 220
            client.ehlo("mail.bank.example")
            client.sendmail(sender, [recipient], message)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    zone = key_record("bank.example") | {
        ("bank.example", "TXT"): txt("v=spf1 ip4:192.0.2.7 -all"),
        ("_dmarc.bank.example", "TXT"): txt("v=DMARC1; p=reject"),
        ("_dmarc.away.example", "TXT"): SERVFAIL,
        ("away.example", "TXT"): SERVFAIL,
    }
    with local_dns(zone) as dns:
        common = COMMON.format(dns=dns.address)
        settings = common + THERE_SETTINGS.format(domain=DOMAIN)
        there = Service(tmp_path_factory.mktemp("there"), users=1, settings=settings, domain=THERE)
        settings = common + HERE_SETTINGS.format(there=THERE, port=there.peer.ports["smtp"])
        here = Service(tmp_path_factory.mktemp("here"), users=4, settings=settings)
        for key in KeyStore(here.data / "dkim").make(DOMAIN):
            dns.zone[f"{key.selector}._domainkey.{DOMAIN}", "TXT"] = txt(key.record)
        try:
            there.start()
            here.start()
            here.optimails("account", "set", f"user00@{DOMAIN}", "--forward", f"user00@{THERE}")
            yield World(dns, here, there)
        finally:
            here.kill()
            there.kill()


FROM_BANK = MESSAGE.replace(b"ann@example.org", b"ann@bank.example")


@pytest.mark.slow
def test_sent_on_with_a_seal_that_excuses_what_a_forward_breaks(world: World) -> None:
    """SPF alone proves the mail here, and cannot prove it there: the seal of the server in between does."""
    world.send(f"user00@{DOMAIN}", FROM_BANK)
    assert eventually(lambda: len(inbox(world.there, world.there.peer.users[0])) == 1, limit=60), world.here.output()
    (message,) = inbox(world.there, world.there.peer.users[0])
    found = re.sub(rb"\r\n[ \t]+", b" ", message)
    assert b"ARC-Authentication-Results: i=1; mx.here.example; spf=pass smtp.mailfrom=ann@bank.example;" in found
    results = re.search(rb"\r\nAuthentication-Results: mx.there.example;([^\r]*)", found)
    assert results is not None
    assert b"dmarc=fail (p=reject dis=none)" in results[1]
    assert b"whose seal is trusted" in results[1]
    assert b"arc=pass (1 set)" in results[1]
    sent = message[message.index(b"ARC-Seal: i=1") :]
    assert dkim.arc_verify(sent, dnsfunc=dns_of(world.dns))[0] == dkim.CV_Pass


@pytest.mark.slow
def test_a_forgery_is_refused_and_the_dns_in_trouble_loses_nothing(world: World) -> None:
    user = world.here.peer.users[1]
    with pytest.raises(smtplib.SMTPDataError) as refused:
        world.send(user.address, FROM_BANK, sender="x@evil.example")
    assert (refused.value.smtp_code, refused.value.smtp_error[:5]) == (550, b"5.7.1")
    world.send(user.address, signed(FROM_BANK, "bank.example"), sender="x@evil.example")
    world.send(user.address, MESSAGE.replace(b"example.org", b"away.example"), sender="ann@away.example")
    proven, unsure = inbox(world.here, user)
    assert b"dkim=pass header.d=bank.example" in proven
    assert b"spf=temperror" in unsure
    assert b"dmarc=temperror" in unsure
    assert world.here.times_logged("authentication") >= 3
