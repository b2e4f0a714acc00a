"""Settings of the section [dns]: whom we ask for names."""

from enum import StrEnum
from typing import Self

from pydantic import Field, field_validator, model_validator

from optimails.config.base import Section
from optimails.config.listener import host_and_port


class TrustAd(StrEnum):
    """When a resolver's word that an answer is authentic (DNSSEC) counts."""

    LOOPBACK = "loopback"  # nobody can change the answer on its way
    ALWAYS = "always"
    NEVER = "never"


class DnsSettings(Section):
    """Name servers. A validating resolver on this machine is what DANE needs."""

    nameservers: tuple[str, ...] = Field(
        (), description='Resolvers to ask, as "address:port"; by default those of the system (/etc/resolv.conf).'
    )
    timeout: float = Field(3.0, gt=0, le=60, description="Seconds one resolver may take before the next is asked.")
    lifetime: float = Field(12.0, gt=0, le=120, description="Seconds for one question, all resolvers and tries told.")
    cache_entries: int = Field(
        20_000, ge=100, le=10_000_000, description="Answers remembered for as long as their domain allows."
    )
    trust_ad: TrustAd = Field(
        TrustAd.LOOPBACK,
        description="Whose word that an answer is authentic counts (DNSSEC; needed for DANE): "
        "resolvers on loopback, always, or never.",
    )

    @field_validator("nameservers")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            host, port = host_and_port(one)
            if not host or not port:
                raise ValueError('a name server has the form "address:port", such as "127.0.0.1:53"')
        return value

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.timeout > self.lifetime:
            raise ValueError("timeout must not exceed lifetime")
        return self
