"""Who exists in a relay domain: a real OpenLDAP, and a real Postfix that is asked and then goes away."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from optimails.config.directory import LdapTls
from optimails.config.relay import RelayLdap, RelaySettings
from optimails.delivery import failures
from optimails.delivery.relays import Relays
from optimails.model.address import EmailAddress
from tests.support.eventually import eventually
from tests.support.in_loop import in_loop
from tests.support.postfix import postfix
from tests.support.service import Service, started
from tests.support.slapd import BASE, Slapd, slapd

RELAY = """
[[relay]]
domain = "customer.test"
target = "127.0.0.1:{port}"
tls = "required"
keep_days = 30
callout = {{ timeout = 30 }}
"""


@pytest.fixture(scope="module")
def people() -> Iterator[Slapd]:
    with slapd() as running:
        running.person(
            "ann", "ann@customer.test", "x", proxyAddresses=["SMTP:ann@customer.test", "smtp:chief@customer.test"]
        )
        running.person("star", "a*b@customer.test", "x")
        yield running


def relays(server: Slapd, folder: Path, **more: object) -> Relays:
    (folder / "reader").write_text("reads all\n")
    ldap = RelayLdap(
        servers=(f"127.0.0.1:{server.port}",), tls=LdapTls.NONE, bind_dn=f"cn=reader,{BASE}",
        bind_password_file=folder / "reader", base=f"ou=people,{BASE}", filter="(objectClass=inetOrgPerson)",
        connect_seconds=2, answer_seconds=3, retry_seconds=0, **more,  # type: ignore[arg-type]  # as given
    )  # fmt: skip
    return Relays([RelaySettings(domain="customer.test", ldap=ldap)])


@pytest.mark.engine
@in_loop
async def test_by_ldap(people: Slapd, tmp_path: Path) -> None:
    found = relays(people, tmp_path)
    answers = {
        who: await found.check(EmailAddress.parse(f"{who}@customer.test"))
        for who in ("ann", "Ann+tag", "CHIEF", "nobody", "*", "a*", "a*b", '"ann)(mail=*"', "ann%far.test")
    }
    taken = {who for who, answer in answers.items() if answer is None}
    assert taken == {"ann", "Ann+tag", "CHIEF", "a*b"}
    assert answers["nobody"] == answers["*"] == failures.UNKNOWN
    assert answers["ann%far.test"] == failures.NOT_LOCAL
    found.close()


@pytest.mark.engine
@in_loop
async def test_while_ldap_is_away_its_answers_are_remembered_and_the_policy_decides(
    people: Slapd, tmp_path: Path
) -> None:
    careful, generous = relays(people, tmp_path), relays(people, tmp_path, when_away="accept")
    ann, bob = (EmailAddress.parse(f"{who}@customer.test") for who in ("ann", "bob"))
    assert await careful.check(ann) is None
    people.stop()
    try:
        assert await careful.check(ann) is None
        assert await careful.check(bob) == failures.DIRECTORY_AWAY
        assert await generous.check(bob) is None
        assert await generous.check(EmailAddress.parse("a%far.test@customer.test")) == failures.DIRECTORY_AWAY
    finally:
        people.start()
    assert await careful.check(bob) == failures.UNKNOWN
    careful.close()
    generous.close()


def rcpt(service: Service, *recipients: str, content: str = "") -> list[int]:
    """The answers to RCPT, then to the content when there is any."""
    with smtplib.SMTP(service.peer.host, service.peer.ports["smtp"], timeout=60) as smtp:
        smtp.ehlo("client.test")
        smtp.mail("peer@far.test")
        codes = [smtp.rcpt(one)[0] for one in recipients]
        return [*codes, smtp.data(content)[0]] if content else codes


@pytest.mark.slow
@pytest.mark.engine
def test_the_customers_postfix_is_asked_and_its_mail_kept_while_it_is_away(tmp_path: Path) -> None:
    with postfix("customer.test") as there, started(tmp_path, users=1, settings=RELAY.format(port=there.port)) as here:
        assert rcpt(here, "bob@customer.test", "nobody@customer.test") == [250, 550]
        there.stop()
        kept = "Subject: kept\r\n\r\nx\r\n"
        assert rcpt(here, "bob@customer.test", "nobody@customer.test", "full@customer.test", content=kept) == [
            250, 550, 250, 250,
        ]  # fmt: skip
        assert eventually(lambda: {row["attempts"] for row in queued(here)} == {1}, limit=60), here.output()
        for row in queued(here):
            assert float(row["expires"]) - float(row["arrived"]) == pytest.approx(30 * 86_400)
        there.start()
        here.optimails("queue", "flush", "--destination", "customer.test")
        assert b"Subject: kept" in there.received("bob", 1)[0]
        assert b"Subject: kept" in there.received("full", 1)[0]
        assert eventually(lambda: not queued(here), limit=60)


def queued(service: Service) -> list[dict[str, str]]:
    rows = service.optimails("queue", "list")
    assert isinstance(rows, list)
    return rows
