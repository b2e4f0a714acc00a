# ruff: noqa: SIM117, E501, FBT001 - a server and its client stand in lines of their own; tables are wide
"""How much TLS other servers must give: opportunistic, verified, DANE, MTA-STS, and what the sender requires."""

import datetime as dt
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from optimails.queue.api import RecipientResult, State
from smtp.outbound.mta_sts import BadPolicy, parse_policy, record_id
from smtp.outbound.tls_reports import TlsReports, TlsResult, report_addresses
from tests.support.authority import Authority, https_page, server_context
from tests.support.dns_server import SERVFAIL, LocalDns, local_dns
from tests.support.in_loop import in_loop
from tests.support.outbound import config, courier, job
from tests.support.scripted_smtp import EXTENSIONS, ScriptedSmtp, scripted

MX = "mx.there.example"
ZONE: dict[tuple[str, str], Any] = {("there.example", "MX"): [f"10 {MX}."], (MX, "A"): ["127.0.0.1"]}
STS = {("_mta-sts.there.example", "TXT"): ['"v=STSv1; id=1;"'], ("mta-sts.there.example", "A"): ["127.0.0.1"]}


@dataclass
class World:
    folder: Path
    authority: Authority
    other: Authority


@pytest.fixture(scope="module")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> tuple[Authority, Authority]:
    folder = tmp_path_factory.mktemp("authorities")
    return Authority(folder), Authority(folder, "Somebody else")


@pytest.fixture
def world(tmp_path: Path, authorities: tuple[Authority, Authority]) -> World:
    return World(tmp_path, *authorities)


async def sent(
    world: World, dns: LocalDns, server: ScriptedSmtp, more: dict[str, Any] | None = None, **settings: Any
) -> RecipientResult:
    settings = {"port": server.port, "ca_file": str(world.authority.file)} | settings
    async with courier(config(world.folder, nameserver=dns.address, **settings)) as carrier:
        (result,) = await carrier.deliver(job(world.folder, **(more or {})))
    return result


def certificate(
    world: World, *names: str, authority: Authority | None = None, days: int = 300
) -> tuple[Any, x509.Certificate]:
    path, made = (authority or world.authority).issue(*names, days=days)
    return server_context(path), made


# -- without a policy --------------------------------------------------------------------------------------------------


@in_loop
async def test_tls_is_taken_whatever_its_certificate(world: World) -> None:
    tls, _ = certificate(world, "wrong.example", authority=world.other, days=-1)
    with local_dns(ZONE) as dns:
        async with scripted(tls=tls) as server:
            result = await sent(world, dns, server)
    assert result.state is State.DELIVERED
    assert server.messages[0].tls


@in_loop
async def test_broken_tls_means_plaintext_where_nothing_is_required(world: World) -> None:
    def tamper(_number: int, at: str, usual: bytes) -> bytes:
        return b"220 Go\r\n250 injected\r\n" if at == "STARTTLS" else usual

    for broken in (tamper, lambda _number, at, usual: b"454 No\r\n" if at == "STARTTLS" else usual):
        tls, _ = certificate(world, MX)
        with local_dns(ZONE) as dns:
            async with scripted(tls=tls, tamper=broken) as server:
                result = await sent(world, dns, server)
                strict = await sent(world, dns, server, tls="required")
        assert result.state is State.DELIVERED
        assert not server.messages[0].tls
        assert (strict.state, strict.status) == (State.DEFERRED, "4.7.5")
        assert len(server.messages) == 1


@pytest.mark.parametrize(
    ("wish", "names", "known", "days", "delivered"),
    [
        ("required", ["wrong.example"], False, 300, True),
        ("verified", [MX], True, 300, True),
        ("verified", ["wrong.example"], True, 300, False),
        ("verified", [MX], False, 300, False),
        ("verified", [MX], True, -1, False),
    ],
)
@in_loop
async def test_stronger_wishes(
    world: World, wish: str, names: list[str], known: bool, days: int, delivered: bool
) -> None:
    tls, _ = certificate(world, *names, authority=world.authority if known else world.other, days=days)
    with local_dns(ZONE) as dns:
        async with scripted(tls=tls) as server, scripted() as plain:
            result = await sent(world, dns, server, tls=wish)
            without = await sent(world, dns, plain, tls=wish)
    assert (result.state is State.DELIVERED) == delivered
    assert len(server.messages) == delivered
    assert (without.state, plain.messages) == (State.DEFERRED, [])


@in_loop
async def test_a_smart_host_gets_the_password_by_tls_only(world: World) -> None:
    (world.folder / "secret").write_text("s3cret\n")
    tls, _ = certificate(world, "localhost")
    route = {"host": "localhost", "login": "me", "password_file": str(world.folder / "secret")}
    for implicit in (False, True):
        async with scripted(tls=tls, extensions=(*EXTENSIONS, "AUTH PLAIN"), implicit=implicit) as server:
            rule = route | {"port": server.port} | ({"tls": "implicit"} if implicit else {})
            settings = config(world.folder, routes=(rule,), ca_file=str(world.authority.file))
            async with courier(settings) as carrier:
                (result,) = await carrier.deliver(job(world.folder))
        assert result.state is State.DELIVERED
        assert "AUTH PLAIN AG1lAHMzY3JldA==" in server.lines
        assert server.messages[0].tls
    async with scripted(extensions=("AUTH PLAIN",)) as server:
        async with courier(config(world.folder, routes=(route | {"port": server.port},))) as carrier:
            (result,) = await carrier.deliver(job(world.folder))
    assert result.state is State.DEFERRED
    assert not any("AUTH" in line for line in server.lines)


# -- DANE --------------------------------------------------------------------------------------------------------------


def tlsa(usage: int, selector: int, matching: int, made: x509.Certificate) -> str:
    data = made.public_bytes(Encoding.DER)
    if selector:
        data = made.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if matching:
        data = (hashlib.sha256 if matching == 1 else hashlib.sha512)(data).digest()
    return f"{usage} {selector} {matching} {data.hex()}"


@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("usage", [2, 3])
@in_loop
async def test_dane_takes_the_certificate_of_the_dns_and_no_other(
    world: World, usage: int, selector: int, matching: int
) -> None:
    # With usage 3 neither name nor date nor authority counts (RFC 7672 §3.1.1).
    names, days = ((MX,), 300) if usage == 2 else (("odd.example",), -1)
    tls, own = certificate(world, *names, authority=world.other, days=days)
    right = tlsa(usage, selector, matching, own if usage == 3 else world.other.certificate)
    wrong = tlsa(usage, selector, matching, world.authority.certificate)
    for record, delivered in ((right, True), (wrong, False)):
        async with scripted(tls=tls) as server:
            zone = ZONE | {(f"_{server.port}._tcp.{MX}", "TLSA"): [record]}
            with local_dns(zone, secure={"*"}) as dns:
                result = await sent(world, dns, server)
        assert (result.state is State.DELIVERED) == delivered
        assert bool(server.messages) == delivered
        assert not any(line.startswith("MAIL") for line in server.lines) or delivered


@pytest.mark.parametrize("names", [("there.example",), ("*.there.example",), ("other.example",)])
@in_loop
async def test_dane_with_an_authority_asks_for_a_name(world: World, names: tuple[str, ...]) -> None:
    tls, _ = certificate(world, *names, authority=world.other)
    async with scripted(tls=tls) as server:
        zone = ZONE | {(f"_{server.port}._tcp.{MX}", "TLSA"): [tlsa(2, 0, 1, world.other.certificate)]}
        with local_dns(zone, secure={"*"}) as dns:
            result = await sent(world, dns, server)
    assert (result.state is State.DELIVERED) == (names != ("other.example",))


@in_loop
async def test_dane_and_what_the_dns_may_say(world: World) -> None:
    tls, own = certificate(world, "odd.example", authority=world.other)
    good, bad = tlsa(3, 1, 1, own), tlsa(3, 1, 1, world.other.certificate)
    every = {"*"}
    cases: list[tuple[Any, set[str], bool, bool, str]] = [
        # records, secure names, server offers TLS, delivered
        ([bad, good], every, True, True, "one of several is enough"),
        ([good], every, False, False, "no plaintext"),
        ([bad], set(), True, True, "an answer that nobody vouches for does not count"),
        ([bad], {"there.example", MX}, True, True, "insecure TLSA"),
        ([bad], {MX}, True, True, "insecure MX: its host could be anybody's"),
        (["0 0 1 " + "00" * 32], every, True, True, "nothing usable: any certificate"),
        (["0 0 1 " + "00" * 32], every, False, False, "nothing usable: TLS all the same"),
        (SERVFAIL, every, True, False, "do not know is not no"),
        (None, every, False, True, "no records"),
    ]
    for records, secure, offered, delivered, why in cases:
        async with scripted(tls=tls if offered else None) as server:
            zone = ZONE | ({(f"_{server.port}._tcp.{MX}", "TLSA"): records} if records else {})
            with local_dns(zone, secure=secure) as dns:
                result = await sent(world, dns, server)
        assert (result.state is State.DELIVERED) == delivered, why
        assert result.state is not State.FAILED, why


# -- MTA-STS -----------------------------------------------------------------------------------------------------------


def page(policy: str, status: str = "200 OK", kind: str = "text/plain") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(policy)}\r\n\r\n{policy}".encode()


def policy(mode: str, mx: str = MX) -> str:
    return f"version: STSv1\r\nmode: {mode}\r\nmx: {mx}\r\nmax_age: 86400\r\n"


@pytest.mark.parametrize(
    ("response", "certificate_for", "delivered"),
    [
        (page(policy("enforce")), MX, True),
        (page(policy("enforce", "*.there.example")), MX, True),
        (page(policy("enforce")), "wrong.example", False),
        (page(policy("enforce", "other.example")), MX, False),
        (page(policy("enforce", "*.example")), MX, False),
        (page(policy("testing")), "wrong.example", True),
        (page(policy("testing", "other.example")), "wrong.example", True),
        (page(policy("none")), "wrong.example", True),
        (page(policy("enforce"), status="301 Moved"), "wrong.example", True),
        (page(policy("enforce"), kind="text/html"), "wrong.example", True),
        (page("version: STSv1\nmode: enforce\n"), "wrong.example", True),
        (page("x" * 100_000), "wrong.example", True),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
         + f"{len(policy('enforce')):x}\r\n{policy('enforce')}\r\n0\r\n\r\n".encode(), "wrong.example", False),
        (b"nonsense\r\n\r\n", "wrong.example", True),
    ],
    ids=["good", "wildcard", "bad-certificate", "other-host", "two-labels", "testing", "testing-host", "none", "redirect", "html", "no-policy", "huge", "chunked", "nonsense"],
)  # fmt: skip
@in_loop
async def test_mta_sts(world: World, response: bytes, certificate_for: str, delivered: bool) -> None:
    pem, _ = world.authority.issue("mta-sts.there.example")
    tls, _ = certificate(world, certificate_for)
    with local_dns(ZONE | STS) as dns:
        async with https_page(pem, response) as web, scripted(tls=tls) as server:
            result = await sent(world, dns, server, mta_sts_port=web)
    assert (result.state is State.DELIVERED) == delivered
    assert result.state is not State.FAILED
    assert len(server.messages) == delivered


@in_loop
async def test_a_policy_holds_when_dns_and_web_are_silent(world: World) -> None:
    """Who can silence both must not be able to switch it off; a new process remembers it, too."""
    pem, _ = world.authority.issue("mta-sts.there.example")
    good, _ = certificate(world, MX)
    evil, _ = certificate(world, "evil.example")
    with local_dns(ZONE | STS) as dns:
        async with https_page(pem, page(policy("enforce"))) as web, scripted(tls=good) as server:
            assert (await sent(world, dns, server, mta_sts_port=web)).state is State.DELIVERED
    with local_dns(ZONE) as dns:
        async with scripted(tls=evil) as server:
            assert (await sent(world, dns, server, mta_sts_port=web)).state is State.DEFERRED
    changed = ZONE | STS | {("_mta-sts.there.example", "TXT"): ['"v=STSv1; id=2"']}
    with local_dns(changed) as dns:
        async with scripted(tls=evil) as server:
            assert (await sent(world, dns, server, mta_sts_port=web)).state is State.DEFERRED, "the web is away"
        async with https_page(pem, page(policy("none"))) as web, scripted(tls=evil) as server:
            assert (await sent(world, dns, server, mta_sts_port=web)).state is State.DELIVERED, "taken back"


@in_loop
async def test_a_policy_host_without_a_valid_certificate_is_not_believed(world: World) -> None:
    pem, _ = world.other.issue("mta-sts.there.example")
    tls, _ = certificate(world, MX)
    with local_dns(ZONE | STS) as dns:
        async with https_page(pem, page(policy("enforce", "nobody.example"))) as web, scripted(tls=tls) as server:
            assert (await sent(world, dns, server, mta_sts_port=web)).state is State.DELIVERED
    today = dt.datetime.now(dt.UTC).date()
    report = TlsReports(world.folder / "tls-reports.sqlite").report(
        "there.example", today, organization="o", contact="c"
    )
    kinds = {failure["result-type"] for one in report["policies"] for failure in one["failure-details"]}
    assert kinds == {"sts-webpki-invalid"}


@pytest.mark.parametrize(
    "text",
    ["", "version: STSv1", "mode: enforce\nmx: a\nmax_age: 1", "version: STSv1\nmode: x\nmx: a\nmax_age: 1",
     "version: STSv1\nmode: enforce\nmx: a\nmax_age: -1", "version: STSv1\nmode: enforce\nmax_age: 1", "no colon"],
)  # fmt: skip
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(BadPolicy):
        parse_policy(text, "1", 0.0)


@pytest.mark.parametrize(
    ("texts", "identifier"),
    [
        (["v=STSv1; id=20260101T000000;"], "20260101T000000"),
        (["v=spf1 -all", "v=STSv1;id=a"], "a"),
        (["v=STSv1; id=1;", "v=STSv1; id=2;"], None),
        (["v=STSv1;"], None),
        (["v=STSv1; id=not valid!"], None),
        (["x v=STSv1; id=1"], None),
        ([], None),
    ],
)
def test_the_record_of_a_policy(texts: list[str], identifier: str | None) -> None:
    assert record_id(texts) == identifier


# -- REQUIRETLS --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("secure", "names", "extensions", "status"),
    [
        ({"*"}, [MX], (*EXTENSIONS, "REQUIRETLS"), "2.0.0"),
        ({"*"}, [MX], EXTENSIONS, "5.7.30"),
        ({"*"}, ["wrong.example"], (*EXTENSIONS, "REQUIRETLS"), "4.7.5"),
        (set(), [MX], (*EXTENSIONS, "REQUIRETLS"), "5.7.10"),
    ],
)
@in_loop
async def test_what_the_sender_requires(
    world: World, secure: set[str], names: list[str], extensions: tuple[str, ...], status: str
) -> None:
    tls, _ = certificate(world, *names)
    with local_dns(ZONE, secure=secure) as dns:
        async with scripted(tls=tls, extensions=extensions) as server:
            result = await sent(world, dns, server, {"require_tls": True})
    assert result.status == status
    if status == "2.0.0":
        assert server.messages[0].mail.endswith("REQUIRETLS")


# -- reports -----------------------------------------------------------------------------------------------------------


@in_loop
async def test_results_are_counted_for_reports(world: World) -> None:
    tls, own = certificate(world, MX)
    async with scripted(tls=tls) as server:
        zone = ZONE | {(f"_{server.port}._tcp.{MX}", "TLSA"): [tlsa(3, 1, 1, own)]}
        with local_dns(zone, secure={"*"}, ttl=0) as dns:
            settings = config(world.folder, nameserver=dns.address, port=server.port)
            async with courier(settings) as carrier:
                for _ in range(2):
                    await carrier.deliver(job(world.folder))
                dns.zone[(f"_{server.port}._tcp.{MX}", "TLSA")] = [tlsa(3, 1, 1, world.other.certificate)]
                await carrier.deliver(job(world.folder))
    reports = TlsReports(world.folder / "tls-reports.sqlite")
    today = dt.datetime.now(dt.UTC).date()
    assert reports.domains(today) == ["there.example"]
    report = reports.report("there.example", today, organization="Here", contact="postmaster@here.example")
    json.dumps(report)
    sums = [one["summary"] for one in report["policies"]]
    assert {one["policy"]["policy-type"] for one in report["policies"]} == {"tlsa"}
    assert sum(one["total-successful-session-count"] for one in sums) == 2
    assert sum(one["total-failure-session-count"] for one in sums) == 1
    reports.reported("there.example", today)
    assert reports.domains(today) == []


def test_old_results_are_forgotten(tmp_path: Path) -> None:
    reports = TlsReports(tmp_path / "r.sqlite")
    today = dt.date(2026, 11, 23)
    reports.add(TlsResult("a.example", "sts", ()), today - dt.timedelta(days=20))
    reports.reported("b.example", today)
    assert reports.domains(today - dt.timedelta(days=20)) == []


@pytest.mark.parametrize(
    ("texts", "addresses"),
    [
        (["v=TLSRPTv1; rua=mailto:a@x.example,https://x.example/,mailto:b@x.example"], ["a@x.example", "b@x.example"]),
        (["v=TLSRPTv1;rua=mailto:a@x.example"], ["a@x.example"]),
        (["v=TLSRPTv1; rua=mailto:a@x", "v=TLSRPTv1; rua=mailto:b@x"], []),
        (["something"], []),
    ],
)
def test_who_wants_reports(texts: list[str], addresses: list[str]) -> None:
    assert report_addresses(texts) == addresses
