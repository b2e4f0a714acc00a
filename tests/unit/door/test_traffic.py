"""How much may come in: counted over all workers, forgotten in time, never counted for our own machines."""

from ipaddress import ip_network
from pathlib import Path

from optimails.config.traffic import DomainLimit, GreylistSettings, TrafficSettings
from optimails.door.greylist import Greylist
from optimails.door.rates import Rates, Span
from optimails.door.traffic import Traffic
from optimails.model.address import EmailAddress
from tests.support.in_loop import in_loop
from tests.support.queues import Clock

HERE = EmailAddress.parse("ann@here.test")
START = 1_800_000_000.0  # begins a minute and an hour


def test_workers_count_together_and_time_forgets(tmp_path: Path) -> None:
    clock = Clock(START)
    one, other = (Rates(tmp_path / "rates", clock) for _ in range(2))
    for _ in range(6):
        one.add("a", Span.MINUTE)
        other.add("a", Span.MINUTE)
    one.add("a", Span.HOUR)
    assert [one.count("a", span) for span in Span] == [12, 1]
    assert other.count("b", Span.MINUTE) == 0
    other.close()
    again = Rates(tmp_path / "rates", clock)
    assert again.count("a", Span.MINUTE) == 12, "what a worker counted outlives it"
    clock.now += 90
    assert one.count("a", Span.MINUTE) == 6, "half of the minute before still counts"
    one.add("a", Span.MINUTE)
    assert one.count("a", Span.MINUTE) == 7
    clock.now += 60
    assert one.count("a", Span.MINUTE) == 0
    clock.now += 30
    assert (one.count("a", Span.MINUTE), one.count("a", Span.HOUR)) == (0, 1)
    clock.now += 7_200
    one.add("a", Span.MINUTE)
    assert (one.count("a", Span.MINUTE), one.count("a", Span.HOUR)) == (1, 0)
    one.close()
    again.close()


def test_a_network_is_counted_as_one_and_ours_not_at_all() -> None:
    settings = TrafficSettings(connections_per_minute=2, allow=(ip_network("198.51.100.0/24"),))
    traffic = Traffic(settings, (), Rates(clock=Clock(START)))
    same = ["192.0.2.1", "192.0.2.200", "192.0.2.3", "::ffff:192.0.2.9"]
    assert [traffic.connection(one) for one in same] == [True, True, False, False]
    assert [traffic.connection(f"2001:db8::{n}") for n in range(3)] == [True, True, False]
    for ours in ("127.0.0.1", "::1", "198.51.100.7", ""):
        assert all(traffic.connection(ours) for _ in range(5))
        assert traffic.exempt(ours)
    assert not traffic.exempt("203.0.113.1")


def test_who_is_put_off_is_not_counted_and_domains_have_limits_of_their_own() -> None:
    clock = Clock(START)
    limits = (
        DomainLimit(domain="Busy.test", receives_per_hour=1),
        DomainLimit(domain="free.test", receives_per_hour=0),
    )
    traffic = Traffic(TrafficSettings(domain_receives_per_hour=2, messages_per_hour=0), limits, Rates(clock=clock))

    def taken(domain: str) -> list[bool]:
        return [traffic.recipient(f"192.0.{n}.1", None, domain) for n in range(4)]

    assert taken("busy.test") == [True, False, False, False]
    assert taken("free.test") == [True] * 4
    assert taken("other.test") == [True, True, False, False]
    clock.now += 2 * 3_600
    assert taken("busy.test")[0]


@in_loop
async def test_the_greylist(tmp_path: Path) -> None:
    clock = Clock(START)
    settings = GreylistSettings(delay_seconds=60, retry_hours=1, keep_days=10, allow_after=2)
    greylist = Greylist(settings, TrafficSettings(allow=(ip_network("203.0.113.0/24"),)), tmp_path / "g", clock)

    async def wait(sender: str, peer: str = "192.0.2.1") -> int:
        return await greylist.wait(peer, EmailAddress.parse(sender) if sender else None, HERE)

    assert await wait("a@far.test") == 60
    assert await wait("a@far.test", "192.0.2.77") == 60, "a neighbour in its network may come instead"
    assert await wait("a@far.test", "192.0.3.1") == 60
    assert await wait("a@far.test", "203.0.113.9") == await wait("a@far.test", "::1") == 0
    clock.now += 3_700
    assert await wait("a@far.test") == 60, "it came again too late"
    clock.now += 60
    assert await wait("a@far.test") == 0
    clock.now += 9 * 86_400
    assert await wait("a@far.test") == 0
    assert await wait("bounces+17=x@list.test") == 60
    clock.now += 61
    assert await wait("bounces+18=y@list.test") == 0, "lists number their senders"
    assert await wait("") == 0, "two have passed: the network is let in"
    clock.now += 11 * 86_400
    assert await wait("a@far.test") == 60, "all is forgotten"


@in_loop
async def test_a_greylist_that_cannot_be_used_lets_mail_in(tmp_path: Path) -> None:
    (tmp_path / "g").mkdir()
    greylist = Greylist(GreylistSettings(), TrafficSettings(), tmp_path / "g")
    assert await greylist.wait("192.0.2.1", None, HERE) == 0
