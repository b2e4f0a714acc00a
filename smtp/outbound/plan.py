"""Which rules of ours apply to a message: route, smart host, our own address."""

from dataclasses import dataclass

from optimails.config import Config
from optimails.config.base import read_secret
from optimails.config.outbound import OutboundRoute
from optimails.queue.api import Job
from smtp.outbound.connect import Source
from smtp.outbound.dialogue import Login

_PORTS = {"lmtp": 24, "implicit": 465}


@dataclass(frozen=True, slots=True)
class Plan:
    """Equal plans may share a connection."""

    destination: str
    host: str  # of the route; empty: the destination's MX hosts
    port: int
    lmtp: bool
    tls: str  # wish of the route; empty: none
    login: Login | None
    source: Source
    helo: str
    require_tls: bool
    connections: int  # at a time


def plan_for(job: Job, config: Config) -> Plan:
    """The first rule of [[outbound_route]] that fits gives address, name and host; the job's own route goes before.

    Raises:
        OSError: the password of a smart host cannot be read.
        ValueError: likewise.
    """
    settings = config.outbound
    sender = job.sender.domain if job.sender else "<>"
    rule = next((one for one in config.outbound_route if _fits(one, job.destination, sender)), OutboundRoute())
    ipv4, ipv6 = rule.source_ipv4 or settings.source_ipv4, rule.source_ipv6 or settings.source_ipv6
    source = Source(str(ipv4 or ""), str(ipv6 or ""), settings.interface)
    helo = rule.helo or settings.helo or config.server.hostname
    connections = rule.connections or settings.connections
    if job.route is not None:
        host, port = job.route.host, job.route.port
        tls = str(job.route.tls)
        if tls == "opportunistic":  # what is asked of everybody, so the policies of its DNS count as well
            tls = "" if not host else tls
        if not host:
            port = settings.port
        return Plan(job.destination, host, port, lmtp=False, tls=tls, login=None, source=source, helo=helo,
                    require_tls=job.require_tls, connections=connections)  # fmt: skip
    login = Login(rule.login, read_secret(rule.password_file)) if rule.password_file else None
    tls = rule.tls or ("verified" if login else "")
    port = rule.port or _PORTS.get("implicit" if tls == "implicit" else rule.protocol, settings.port)
    return Plan(
        job.destination,
        rule.host,
        port,
        lmtp=rule.protocol == "lmtp",
        tls=tls,
        login=login,
        source=source,
        helo=helo,
        require_tls=job.require_tls,
        connections=connections,
    )


def _fits(rule: OutboundRoute, destination: str, sender: str) -> bool:
    return _among(destination, rule.destinations) and _among(sender, rule.senders)


def _among(domain: str, patterns: tuple[str, ...]) -> bool:
    return any(
        pattern == "*" or domain == pattern.lower() or (pattern.startswith(".") and domain.endswith(pattern.lower()))
        for pattern in patterns
    )
