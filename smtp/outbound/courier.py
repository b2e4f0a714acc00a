"""Carries messages to other servers: routes, hosts, TLS, one transaction after the other.

The order of one attempt: an idle connection of an equal plan, if there is one; else the destination's hosts, best
first, each with its demand of TLS, each by its addresses, until one takes the session. A recipient is settled when a
server says so. Those that a host could not take *because of the session* (4yz to everybody, connection lost before the
content) are tried at the next host; those it deferred one by one (greylisting) wait for the next attempt. After the
content went out nobody else is tried: the server may have taken it, though we did not hear so.
"""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace

from prometheus_client import Counter, Gauge

from optimails.config import Config
from optimails.dns import Resolver
from optimails.model.dns_name import ascii_name
from optimails.model.errors import Unavailable
from optimails.queue.api import Body, Job, QueuedRecipient, RecipientResult, State
from smtp.outbound.connect import connect, interleaved
from smtp.outbound.content import Features, features
from smtp.outbound.demand import Contexts, Demand, Forbidden, Level, check_dane, demand_of, failure_kind
from smtp.outbound.dialogue import Capabilities, Lost, NoTls, NotUsable, Opening, open_session, reset
from smtp.outbound.link import Link, TlsFailed
from smtp.outbound.mta_sts import StsPolicies, StsPolicy
from smtp.outbound.plan import Plan, plan_for
from smtp.outbound.pool import Gate, Pool
from smtp.outbound.routing import Host, Undeliverable, mail_hosts
from smtp.outbound.tls_reports import SUCCESS, TlsReports, TlsResult
from smtp.outbound.transaction import Envelope, Outcome, transact

log = logging.getLogger(__name__)

_RECIPIENTS = Counter("optimails_outbound_recipients_total", "Recipients tried at other servers, by result", ["result"])
_SESSIONS = Counter("optimails_outbound_sessions_total", "Sessions opened with other servers, by TLS", ["tls"])
_FAILURES = Counter(
    "optimails_outbound_session_failures_total", "Sessions that did not come about, by reason", ["reason"]
)
_OPEN = Gauge("optimails_outbound_connections", "Deliveries under way", multiprocess_mode="livesum")


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why no session came about, so far."""

    status: str = "4.4.1"
    text: str = "No host of the destination could be reached"
    remote: str = ""
    permanent: bool = False


class Courier:
    """The real ``optimails.queue.api.Courier``. Made in the event loop that uses it."""

    def __init__(self, config: Config, resolver: Resolver | None = None) -> None:
        """``resolver``: by default one of our own, as [dns] says."""
        settings = config.outbound
        self._config = config
        self._settings = settings
        self._resolver = resolver or Resolver(config.dns)
        self._contexts = Contexts(settings)
        self._pool = Pool(settings.idle_seconds, settings.idle_connections)
        self._gate = Gate()
        self._own_names = frozenset(name.lower() for name in (config.server.hostname, *settings.own_names) if name)
        data = config.server.data
        self.tls_reports = TlsReports(data / "tls-reports.sqlite") if settings.tls_reports else None
        self._counting: set[asyncio.Task[None]] = set()
        self._sts = StsPolicies(data / "mta-sts", self._resolver, settings, self._contexts.verified, self._sts_failed)

    async def deliver(self, job: Job) -> list[RecipientResult]:
        """One attempt; gives a result for each recipient. See ``optimails.queue.api.Courier``."""
        try:
            plan = plan_for(job, self._config)
        except (OSError, ValueError) as wrong:
            fields = {"destination": job.destination, "why": str(wrong)}
            log.warning("outbound_route_unusable", extra={"fields": fields})
            return _all(
                job.recipients, State.DEFERRED, "4.3.5", "The route's password cannot be read", unreachable=True
            )
        async with self._gate.enter(plan, plan.connections):
            with _OPEN.track_inprogress():
                results = await self._attempt(job, plan)
        for result in results if not job.probe else ():
            _RECIPIENTS.labels(result.state.value).inc()
        return results

    async def close(self) -> None:
        """Close idle connections and finish counting."""
        self._pool.close()
        if self._counting:
            await asyncio.wait(self._counting)

    # -- one attempt ---------------------------------------------------------------------------------------------------

    async def _attempt(self, job: Job, plan: Plan) -> list[RecipientResult]:
        link = await self._kept(plan)
        settled: dict[str, RecipientResult] = {}
        left = job.recipients
        if link is not None:
            left = await self._carry(job, plan, link, left, settled)
            if not left:
                return list(settled.values())
        try:
            hosts = await self._hosts(plan)
        except Undeliverable as wrong:
            return [*_none_of(settled, left), *_all(left, State.FAILED, wrong.status, str(wrong))]
        except Unavailable as wrong:
            return [*_none_of(settled, left), *_all(left, State.DEFERRED, "4.4.3", str(wrong), unreachable=True)]
        sts = await self._policy(plan)
        failure: _Failure | None = None
        reached = False
        for host in hosts[: self._settings.max_hosts]:
            opened = await self._open(host, plan, sts)
            if isinstance(opened, _Failure):
                failure = opened if failure is None or failure.permanent or not opened.permanent else failure
                log.info(
                    "outbound_host_failed",
                    extra={"fields": {"message": job.message_id, "host": host.name, "why": opened.text}},
                )
                continue
            reached = True
            left = await self._carry(job, plan, opened, left, settled)
            if not left:
                break
        if not reached and left:
            why = failure or _Failure()
            state = State.FAILED if why.permanent else State.DEFERRED
            told = _all(left, state, why.status, why.text, why.remote, unreachable=not why.permanent)
            return [*_none_of(settled, left), *told]
        return list(settled.values())

    async def _kept(self, plan: Plan) -> Link | None:
        """A connection from the pool that still answers."""
        while (link := self._pool.take(plan)) is not None:
            try:
                if await link.play(reset()):
                    return link
            except Lost:
                pass
            except BaseException:
                link.abort()
                raise
            link.abort()
        return None

    async def _hosts(self, plan: Plan) -> list[Host]:
        if plan.host:
            return [Host(plan.host.strip("[]"))]
        return await mail_hosts(self._resolver, plan.destination, self._own_names)

    async def _policy(self, plan: Plan) -> StsPolicy | None:
        if plan.host or plan.tls or not self._settings.mta_sts or plan.destination.startswith("["):
            return None
        return await self._sts.of(plan.destination)

    # -- sessions ------------------------------------------------------------------------------------------------------

    async def _open(self, host: Host, plan: Plan, sts: StsPolicy | None) -> Link | _Failure:
        domain = _ascii(plan.destination)
        try:
            demand = await demand_of(
                host,
                wish=plan.tls,
                require_tls=plan.require_tls,
                domain=domain,
                port=plan.port,
                sts=sts,
                routed=bool(plan.host),
                settings=self._settings,
                resolver=self._resolver,
            )
            addresses = await self._resolver.addresses(host.name, self._settings.families)
        except Forbidden as wrong:
            if sts is not None:
                self._count(TlsResult(domain, "sts", sts.lines, host.name, "", wrong.kind))
            return _Failure(wrong.status, str(wrong), host.name, permanent=wrong.status.startswith("5"))
        except Unavailable as wrong:
            return _Failure("4.4.3", str(wrong), host.name)
        addresses = interleaved([one for one in addresses if plan.source.fits(one)])[: self._settings.max_addresses]
        failure = _Failure("4.4.4", f"{host.name} has no address that we can reach", host.name)
        while addresses:
            try:
                link = await connect(addresses, plan.port, plan.source, self._settings)
            except OSError as wrong:
                _FAILURES.labels("unreachable").inc()
                return _Failure("4.4.1", f"{host.name} cannot be reached: {wrong.strerror or wrong}", host.name)
            opened = await self._begin(link, host, plan, demand, domain)
            if isinstance(opened, Link):
                return opened
            failure = opened
            addresses.remove(link.address)
        return failure

    async def _begin(self, link: Link, host: Host, plan: Plan, demand: Demand, domain: str) -> Link | _Failure:
        """The session on a fresh connection; where TLS fails and may, once more without it."""
        address = link.address
        try:
            return await self._talk(link, host, plan, demand, domain)
        except (TlsFailed, NoTls) as wrong:
            link.abort()
            _FAILURES.labels("tls").inc()
            self._count(TlsResult(domain, demand.policy, demand.policy_lines, host.name, address, failure_kind(wrong)))
            log.warning(
                "outbound_tls_failed",
                extra={"fields": {"host": host.name, "address": address, "policy": demand.policy, "why": str(wrong)}},
            )
            if demand.testing:
                again = demand.relaxed
            elif demand.level is Level.MAY:
                again = replace(demand, level=Level.NONE)
            else:
                return _Failure("4.7.5", f"TLS with {host.name} failed: {wrong}", host.name)
        except (Lost, NotUsable) as wrong:
            link.abort()
            _FAILURES.labels("refused" if isinstance(wrong, NotUsable) else "lost").inc()
            return _Failure(wrong.status if isinstance(wrong, NotUsable) else "4.4.2", str(wrong), host.name)
        except BaseException:
            link.abort()
            raise
        try:
            link = await connect([address], plan.port, plan.source, self._settings)
        except OSError as wrong:
            return _Failure("4.4.1", f"{host.name} cannot be reached: {wrong.strerror or wrong}", host.name)
        return await self._begin(link, host, plan, again, domain)

    async def _talk(self, link: Link, host: Host, plan: Plan, demand: Demand, domain: str) -> Link:
        context = self._contexts.of(demand)
        name = None if host.name.replace(".", "").isdigit() or ":" in host.name else host.name
        if demand.level is Level.VERIFIED and name is None:
            name = host.name  # an address can stand in a certificate, too
        if demand.implicit:
            await link.start_tls(context, name)
        opening = Opening(
            _ascii(plan.helo),
            lmtp=plan.lmtp,
            starttls=demand.level >= Level.MAY and not demand.implicit,
            must_tls=demand.level >= Level.MUST and not demand.implicit,
            implicit=demand.implicit,
            login=plan.login,
            never_ourselves=not plan.host,
        )
        link.capabilities = await link.play(
            open_session(opening), context=context, server_name=name, check=lambda link: check_dane(link, demand)
        )
        link.remote = host.name
        secure = link.ssl_object is not None
        _SESSIONS.labels(demand.level.name.lower() if secure else "plaintext").inc()
        if secure and demand.level >= Level.MAY:
            self._count(TlsResult(domain, demand.policy, demand.policy_lines, host.name, link.address, SUCCESS))
        return link

    # -- messages ------------------------------------------------------------------------------------------------------

    async def _carry(
        self,
        job: Job,
        plan: Plan,
        link: Link,
        recipients: tuple[QueuedRecipient, ...],
        settled: dict[str, RecipientResult],
    ) -> tuple[QueuedRecipient, ...]:
        """Transactions until everybody is settled or the connection is gone. Gives those to be tried at another host;
        they have a result all the same, for the case that there is none.
        """
        left, elsewhere = list(recipients), []
        lost = False
        fresh = True
        try:
            found = await self._features(job, link.capabilities)
            while left and not lost:
                limit = min(self._settings.max_recipients, link.capabilities.max_recipients or len(left))
                batch, left = tuple(left[:limit]), left[limit:]
                if not fresh and not await link.play(reset()):
                    raise Lost("the server refuses RSET")  # noqa: TRY301  # handled with the losses of the link
                fresh = False
                outcome = await self._transaction(job, plan, link, batch, found)
                for result in outcome.results:
                    settled[result.recipient.key] = result
                if outcome.elsewhere:
                    states = {result.recipient.key: result.state for result in outcome.results}
                    elsewhere += [one for one in batch if states.get(one.address.key) is State.DEFERRED]
                left = [*outcome.again, *left]
                lost = outcome.lost
        except Lost as wrong:
            lost = True
            left_over = _all(left, State.DEFERRED, "4.4.2", f"Connection lost: {wrong}", link.remote)
            settled |= {result.recipient.key: result for result in left_over}
        except OSError as wrong:
            link.close()
            told = _all(recipients, State.DEFERRED, "4.3.0", f"The message cannot be read: {wrong.strerror}")
            settled |= {result.recipient.key: result for result in told if result.recipient.key not in settled}
            return ()
        except BaseException:
            link.abort()
            raise
        rest = [one for one in left if one.address.key not in settled]
        told = _all(rest, State.DEFERRED, "4.4.2", "The connection ended before this recipient's turn", link.remote)
        settled |= {result.recipient.key: result for result in told}
        self._done_with(link, plan, lost=lost)
        if not job.probe:
            self._log(job, link, settled.values())
        return (*elsewhere, *rest)

    async def _transaction(
        self, job: Job, plan: Plan, link: Link, batch: tuple[QueuedRecipient, ...], found: Features
    ) -> Outcome:
        envelope = Envelope(
            job.sender,
            batch,
            job.size,
            job.body,
            eight_bit=found.eight_bit,
            utf8_header=found.utf8_header,
            smtputf8=job.smtputf8,
            ret=job.ret,
            envid=job.envid,
            priority=job.priority,
            require_tls=job.require_tls,
            lmtp=plan.lmtp,
            probe=job.probe,
        )
        link.messages += 1
        return await link.play(transact(envelope, link.capabilities, link.remote), content=job.content)

    @staticmethod
    async def _features(job: Job, offered: Capabilities) -> Features:
        """What the sender's program said, unless the server cannot do it: then what is really there."""
        eight_bit, utf8 = job.body is Body.EIGHT_BIT, job.smtputf8
        if (not eight_bit or "8BITMIME" in offered) and (not utf8 or "SMTPUTF8" in offered):
            return Features(eight_bit, utf8)
        real = await asyncio.get_running_loop().run_in_executor(None, features, job.content)
        return Features(eight_bit and real.eight_bit, utf8 and real.utf8_header)

    def _done_with(self, link: Link, plan: Plan, *, lost: bool) -> None:
        if lost:
            link.abort()
        elif link.messages >= self._settings.messages_per_connection:
            link.close()
        else:
            self._pool.give(plan, link)

    @staticmethod
    def _log(job: Job, link: Link, results: Iterable[RecipientResult]) -> None:
        counts = dict.fromkeys((state.value for state in State), 0)
        for result in results:
            counts[result.state.value] += 1
        session = link.ssl_object
        log.info(
            "outbound_attempt",
            extra={
                "fields": {
                    "message": job.message_id,
                    "destination": job.destination,
                    "host": link.remote,
                    "address": link.address,
                    "tls": (session.version() if session else None) or "",
                    **counts,
                }
            },
        )

    # -- reports -------------------------------------------------------------------------------------------------------

    def _sts_failed(self, domain: str, kind: str) -> None:
        log.warning("mta_sts_policy_failed", extra={"fields": {"domain": domain, "why": kind}})
        self._count(TlsResult(domain, "sts", (), "", "", kind))

    def _count(self, result: TlsResult) -> None:
        if self.tls_reports is None or result.domain.startswith("["):
            return
        task = asyncio.create_task(self.tls_reports.count(result))
        self._counting.add(task)
        task.add_done_callback(self._counting.discard)


def _ascii(name: str) -> str:
    try:
        return ascii_name(name)
    except ValueError:
        return name.encode("ascii", "replace").decode()


def _none_of(settled: dict[str, RecipientResult], left: tuple[QueuedRecipient, ...]) -> list[RecipientResult]:
    """What is settled, without those who get another result now."""
    names = {one.address.key for one in left}
    return [result for key, result in settled.items() if key not in names]


def _all(  # noqa: PLR0913  (each is a plain fact)
    recipients: Iterable[QueuedRecipient],
    state: State,
    status: str,
    text: str,
    remote: str = "",
    *,
    unreachable: bool = False,
) -> list[RecipientResult]:
    return [RecipientResult(one.address, state, status, text, remote, unreachable=unreachable) for one in recipients]
