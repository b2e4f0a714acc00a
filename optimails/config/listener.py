"""A socket the service listens on: one ``[[listener]]`` table each."""

from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from optimails.config.base import Section


class Protocol(StrEnum):
    IMAP = "imap"
    POP3 = "pop3"
    LMTP = "lmtp"
    SMTP = "smtp"
    SUBMISSION = "submission"
    MANAGESIEVE = "managesieve"
    HTTP = "http"
    LDAP = "ldap"


class TlsMode(StrEnum):
    IMPLICIT = "implicit"  # from the first byte
    STARTTLS = "starttls"  # the protocol's own command switches it on
    NONE = "none"


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of ``host:port``; an IPv6 host stands in brackets, an empty host or ``*`` means every interface.

    Raises:
        ValueError: when it has another form.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError('must have the form "host:port", such as "127.0.0.1:143" or "[::1]:143"')
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host or "[" in host or "]" in host:
        raise ValueError('an IPv6 address stands in brackets, such as "[::1]:143"')
    return ("" if host == "*" else host), int(port)


class Listener(Section):
    """A socket to listen on. The table may be repeated."""

    protocol: Protocol = Field(description="The protocol spoken there.")
    address: str = Field(
        description='Where to listen, as "host:port"; IPv6 hosts stand in brackets ("[::]:143"), '
        '"*:143" is every interface.'
    )
    tls: TlsMode = Field(
        TlsMode.STARTTLS, description="TLS from the first byte (implicit), by command (starttls), or never (none)."
    )
    proxy_protocol: bool = Field(
        False, description="Whether connections begin with a PROXY protocol header (version 1 or 2) of a load balancer."
    )
    proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Networks of the load balancers whose PROXY header is believed; others are turned away.",
    )
    name: str = Field("", description='Its name in logs and metrics; by default protocol and port, such as "imap-143".')

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        host_and_port(value)
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_of_http(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("protocol") == Protocol.HTTP:
            return {"tls": TlsMode.NONE, **values}
        return values

    @model_validator(mode="after")
    def _together(self) -> Self:
        if self.protocol is Protocol.HTTP and self.tls is TlsMode.STARTTLS:
            raise ValueError("http knows no starttls: tls must be implicit or none")
        if self.protocol is Protocol.HTTP and self.proxy_protocol:
            raise ValueError("http takes no PROXY header: proxy_protocol must be false")
        if self.proxies and not self.proxy_protocol:
            raise ValueError("proxies are named, but proxy_protocol is not switched on")
        if self.proxy_protocol and not self.proxies:
            raise ValueError("proxy_protocol is switched on: proxies must name the networks of the load balancers")
        return self

    @property
    def host(self) -> str:
        return host_and_port(self.address)[0]

    @property
    def port(self) -> int:
        return host_and_port(self.address)[1]

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return self.name or f"{self.protocol.value}-{self.port}"
