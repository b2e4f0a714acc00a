"""People and groups of a real OpenLDAP server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from optimails.config.directory import LdapSettings, LdapTls
from optimails.directory.admin import Admin, Shown
from optimails.model.account import AccountState, Service
from optimails.model.address import EmailAddress
from optimails.model.contact import Contact
from optimails.model.errors import Reason, Refused, Unavailable
from tests.support import certificates
from tests.support.in_loop import in_loop
from tests.support.pictures import jpeg
from tests.support.slapd import BASE, Slapd, slapd

pytestmark = pytest.mark.engine
RIGHT = "people's password"


@pytest.fixture(params=["sqlite"])
def engine() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def server() -> Iterator[Slapd]:
    with slapd() as running:
        mia = running.person(
            "mia", "Mia@corp.test", RIGHT, displayName="Mia Müller", mailPlan="premium", mailQuota="3G",
            mailAlternateAddress=["m.mueller@corp.test"],
            proxyAddresses=["SMTP:Mia@corp.test", "smtp:chief@corp.test", "x500:/o=Corp"],
            givenName="Mia", title="Head", departmentNumber="R&D", o="Corp SE", l="Genève", mobile="+41 79 1",
            telephoneNumber=["+41 22 1", "+41 22 2"], jpegPhoto=jpeg(),
        )  # fmt: skip
        noah = running.person("noah", "noah@corp.test", "noah's password", cn="Noah N.", mailPlan="nonsense")
        running.person("other", "other@elsewhere.test", RIGHT)
        running.person("twin1", "twin1@corp.test", RIGHT, mailAlternateAddress="twins@corp.test")
        running.person("twin2", "twin2@corp.test", RIGHT, mailAlternateAddress="twins@corp.test")
        staff = running.group("staff", "staff@corp.test", [mia, noah, f"uid=gone,ou=people,{BASE}"])
        running.group("all", "all@corp.test", [staff, mia])
        running.group("empty", "empty@corp.test", [f"uid=gone,ou=people,{BASE}"])
        yield running


@pytest.fixture
def ldap(server: Slapd, tmp_path: Path) -> LdapSettings:
    (tmp_path / "reader").write_text("reads all\n")
    return LdapSettings(
        domains=("corp.test",), servers=(f"127.0.0.1:{server.tls_port}",), ca_file=server.ca,
        bind_dn=f"cn=reader,{BASE}", bind_password_file=tmp_path / "reader", base=f"ou=people,{BASE}",
        user_filter="(objectClass=inetOrgPerson)", login_attributes=("mail", "uid"),
        plan_attribute="mailPlan", quota_attribute="mailQuota", group_base=f"ou=groups,{BASE}",
        connect_seconds=2, answer_seconds=3, retry_seconds=0,
    )  # fmt: skip


@pytest.fixture
def corp(admin: Admin) -> Admin:
    admin.domain_add("corp.test")
    return admin


async def enters(services, login: str, password: str) -> str | None:
    try:
        return str((await services.authenticate(login, password, Service.IMAP)).address)
    except Refused as refusal:
        return None if refusal.reason is Reason.AUTHENTICATION_FAILED else str(refusal)


async def where(services, address: str) -> set[str]:
    try:
        found = await services.resolve(EmailAddress.parse(address))
    except Refused as refusal:
        return {refusal.reason.value}
    return {account.address.key for account in found.accounts} | {remote.key for remote in found.remote}


@pytest.mark.parametrize("tls", LdapTls)
@in_loop
async def test_people_log_in_and_get_an_account(corp, directory, server, ldap, tls):
    if tls is not LdapTls.LDAPS:
        ldap = ldap.model_copy(update={"tls": tls, "servers": (f"127.0.0.1:{server.port}",)})
    async with directory(ldap=[ldap]) as services:
        for _ in range(2):
            assert await enters(services, "mia@corp.test", RIGHT) == "Mia@corp.test"
            assert await enters(services, "mia@corp.test", "wrong") is None
        assert await enters(services, "noah@corp.test", "noah's password") == "noah@corp.test"
    made = {account.address: account for account in corp.account_list()}
    mia, noah = made["Mia@corp.test"], made["noah@corp.test"]
    assert (mia.name, mia.plan, mia.limits.storage, mia.source) == ("Mia Müller", "premium", 3 * 2**30, "ldap")
    assert (noah.name, noah.plan, noah.limits.storage) == ("Noah N.", "basic", 2**30)


@in_loop
async def test_how_people_are_reached_is_what_the_server_says(corp, directory, server, ldap):
    async with directory(ldap=[ldap]) as services:
        assert await where(services, "mia@corp.test") == {"mia@corp.test"}
        mia = corp.account_get("mia@corp.test")
        assert (mia.contact.title, mia.photo) == ("Head", "")
        corp.account_add("boss@corp.test")
        corp.account_set("mia@corp.test", shown=Shown({"title": "Nobody", "manager": "boss@corp.test"}))
        assert await enters(services, "mia@corp.test", RIGHT)
        before = corp.database.version()
        assert await enters(services, "mia@corp.test", RIGHT)
    mia = corp.account_get("mia@corp.test")
    assert (mia.contact, mia.photo) == (
        Contact(given_name="Mia", family_name="mia", title="Head", department="R&D", company="Corp SE",
                location="Genève", phone="+41 22 1", mobile="+41 79 1", manager="boss@corp.test"),
        "JPEG",
    )  # fmt: skip
    assert corp.database.version() == before
    corp.account_set("mia@corp.test", shown=Shown({"title": "Ours"}))
    async with directory(ldap=[ldap.model_copy(update={"contacts": False})]) as services:
        assert await enters(services, "mia@corp.test", RIGHT)
    assert corp.account_get("mia@corp.test").contact.title == "Ours"


@in_loop
async def test_logins_by_uid_and_by_other_addresses(corp, directory, ldap):
    async with directory(ldap=[ldap], default_domain="corp.test") as services:
        for login in ("mia", "m.mueller@corp.test", "chief@corp.test", "MIA@CORP.TEST"):
            assert await enters(services, login, RIGHT) == "Mia@corp.test", login
        for login in ("other@elsewhere.test", "other", "x500:/o=Corp", "twins@corp.test", "staff@corp.test"):
            assert await enters(services, login, RIGHT) is None, login
    assert [account.address for account in corp.account_list()] == ["Mia@corp.test"]


@pytest.mark.parametrize(
    "login",
    ["*", "mi*", "*@corp.test", "mia@corp.test)(uid=*", "*)(uid=mia))(|(uid=*", "mia\\2a", "mia\0", "\\", "(", ")(&",
     "mia)(objectClass=*", "*)(|(mail=*"],
)  # fmt: skip
@in_loop
async def test_no_login_becomes_part_of_the_filter(corp, directory, ldap, login):
    async with directory(ldap=[ldap], default_domain="corp.test") as services:
        assert await enters(services, login, RIGHT) is None
        assert await where_raw(services, login) == {Reason.NON_EXISTENT}
    assert corp.account_list() == []


async def where_raw(services, local: str) -> set[str]:
    """As ``where``, for local parts that no address parser would let through."""
    try:
        await services.resolve(EmailAddress(local, "corp.test"))
    except Refused as refusal:
        return {refusal.reason.value}
    return set()


@in_loop
async def test_an_empty_password_is_wrong_even_where_the_server_lets_it_bind(corp, directory, ldap):
    async with directory(ldap=[ldap]) as services:
        for password in ("", "\0", "\0x"):
            assert await enters(services, "mia@corp.test", password) is None


@in_loop
async def test_mail_for_people_groups_and_strangers(corp, directory, ldap):
    corp.alias_add("info@corp.test", ["staff@corp.test", "out@example.org"])
    async with directory(ldap=[ldap]) as services:
        assert await where(services, "chief@corp.test") == {"mia@corp.test"}
        assert await where(services, "m.mueller+tag@corp.test") == {"mia@corp.test"}
        assert await where(services, "Staff@corp.test") == {"mia@corp.test", "noah@corp.test"}
        assert await where(services, "all@corp.test") == {"mia@corp.test", "noah@corp.test"}
        assert await where(services, "info@corp.test") == {"mia@corp.test", "noah@corp.test", "out@example.org"}
        assert await where(services, "nobody@corp.test") == {Reason.NON_EXISTENT}
        assert await where(services, "empty@corp.test") == {Reason.NON_EXISTENT}
        mia = (await services.resolve(EmailAddress("mia", "corp.test"))).accounts[0]
        assert await services.may_send_as(mia, EmailAddress("chief", "corp.test"))
        assert await services.may_send_as(mia, EmailAddress("staff", "corp.test"))
        assert not await services.may_send_as(mia, EmailAddress("noah", "corp.test"))
        with pytest.raises(Unavailable):  # two people claim it: an administrator must say whose it is
            await services.resolve(EmailAddress("twins", "corp.test"))


@in_loop
async def test_a_group_that_is_too_large_is_refused_and_not_cut(corp, directory, ldap):
    async with directory(ldap=[ldap.model_copy(update={"group_members": 2})]) as services:
        assert await where(services, "staff@corp.test") == {Reason.LIMIT}  # three, one of whom is gone
        assert await where(services, "mia@corp.test") == {"mia@corp.test"}


@in_loop
async def test_what_is_defined_here_comes_before_the_server(corp, directory, ldap):
    corp.account_add("noah@corp.test", password="local password")
    corp.alias_add("mia@corp.test", ["noah@corp.test"])
    async with directory(ldap=[ldap]) as services:
        assert await enters(services, "noah@corp.test", "local password") == "noah@corp.test"
        assert await enters(services, "noah@corp.test", "noah's password") is None
        assert await enters(services, "mia@corp.test", RIGHT) is None
        assert await where(services, "mia@corp.test") == {"noah@corp.test"}


@in_loop
async def test_suspending_and_removing_here_counts(corp, directory, ldap):
    async with directory(ldap=[ldap]) as services:
        assert await enters(services, "mia@corp.test", RIGHT)
        corp.account_set("mia@corp.test", state=AccountState.SUSPENDED)
        assert await enters(services, "mia@corp.test", RIGHT) is None
        assert await where(services, "chief@corp.test") == {"mia@corp.test"}
        corp.account_remove("mia@corp.test")
        assert await enters(services, "mia@corp.test", RIGHT) is None
        assert await where(services, "mia@corp.test") == {Reason.NON_EXISTENT}
        corp.account_restore("mia@corp.test")
        with pytest.raises(Refused, match="kept by its LDAP server"):
            corp.account_password("mia@corp.test", "of our own")


@in_loop
async def test_a_change_on_the_server_arrives_with_the_next_look(corp, directory, server, ldap):
    server.person("eve", "eve@corp.test", "first password", displayName="Eve")
    async with directory(ldap=[ldap.model_copy(update={"cache_seconds": 0})]) as services:
        assert await enters(services, "eve@corp.test", "first password")
        connection = server.admin()
        dn = f"uid=eve,ou=people,{BASE}"
        connection.modify(dn, {"userPassword": [("MODIFY_REPLACE", ["second password"])],
                               "displayName": [("MODIFY_REPLACE", ["Eve E."])]})  # fmt: skip
        assert await enters(services, "eve@corp.test", "first password") is None
        assert await enters(services, "eve@corp.test", "second password")
        assert corp.account_get("eve@corp.test").name == "Eve E."
        connection.delete(dn)
        assert await enters(services, "eve@corp.test", "second password") is None
        assert await where(services, "eve@corp.test") == {"eve@corp.test"}  # kept until removed here


@in_loop
async def test_a_certificate_that_is_not_trusted_is_unavailable(corp, directory, ldap, server, tmp_path):
    stranger, _, _ = certificates.make(tmp_path / "other")
    for changes in (
        {"ca_file": stranger},
        {"ca_file": None},
        {"ca_file": stranger, "tls": LdapTls.STARTTLS, "servers": (f"127.0.0.1:{server.port}",)},
        {"servers": (f"127.0.0.2:{server.tls_port}",)},  # not a name in the certificate (nor listening)
    ):
        async with directory(ldap=[ldap.model_copy(update=changes)]) as services:
            with pytest.raises(Unavailable):
                await services.authenticate("mia@corp.test", RIGHT, Service.IMAP)


@in_loop
async def test_a_server_that_is_away_is_unavailable_and_never_no_such_user(corp, directory, server, ldap):
    async with directory(ldap=[ldap]) as services:
        assert await where(services, "chief@corp.test") == {"mia@corp.test"}
        assert await enters(services, "mia@corp.test", RIGHT)
        server.stop()
        try:
            assert await where(services, "chief@corp.test") == {"mia@corp.test"}  # remembered
            assert await enters(services, "mia@corp.test", RIGHT)
            for _ in range(3):
                for address in ("noah", "nobody", "staff"):
                    with pytest.raises(Unavailable):
                        await services.resolve(EmailAddress(address, "corp.test"))
                for login in ("mia@corp.test", "nobody@corp.test"):
                    with pytest.raises(Unavailable):
                        await services.authenticate(login, "another", Service.IMAP)
        finally:
            server.start()
        assert await where(services, "noah@corp.test") == {"noah@corp.test"}
        assert await enters(services, "mia@corp.test", "another") is None


@in_loop
async def test_the_second_server_answers_when_the_first_is_away(corp, directory, server, ldap):
    both = ldap.model_copy(update={"servers": ("127.0.0.1:1", *ldap.servers)})
    async with directory(ldap=[both]) as services:
        assert await enters(services, "mia@corp.test", RIGHT)


@in_loop
async def test_a_wrong_base_or_bind_is_unavailable(corp, directory, ldap, tmp_path):
    (tmp_path / "wrong").write_text("wrong")
    for changes in ({"base": "ou=nowhere,dc=corp,dc=test"}, {"bind_password_file": tmp_path / "wrong"},
                    {"bind_password_file": tmp_path / "missing"}):  # fmt: skip
        async with directory(ldap=[ldap.model_copy(update=changes)]) as services:
            with pytest.raises(Unavailable):
                await services.resolve(EmailAddress("mia", "corp.test"))


@in_loop
async def test_after_a_failure_requests_fail_at_once_and_nothing_is_asked(corp, directory, server, ldap):
    away = ldap.model_copy(update={"retry_seconds": 3600})
    async with directory(ldap=[away]) as services:
        server.stop()
        try:
            with pytest.raises(Unavailable):
                await services.resolve(EmailAddress("noah", "corp.test"))
        finally:
            server.start()
        with pytest.raises(Unavailable):  # the server is back, and not asked before the hour is over
            await services.resolve(EmailAddress("noah", "corp.test"))


@in_loop
async def test_a_server_that_restarted_is_asked_on_a_new_connection(corp, directory, server, ldap):
    async with directory(ldap=[ldap]) as services:
        assert await where(services, "noah@corp.test") == {"noah@corp.test"}
        server.stop()
        server.start()
        assert await where(services, "staff@corp.test") == {"mia@corp.test", "noah@corp.test"}
