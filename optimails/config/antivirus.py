"""Settings of ``[[antivirus]]``: engines that run beside the service."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, model_validator

from optimails.config.base import Section


class EngineKind(StrEnum):
    CLAMD = "clamd"
    ICAP = "icap"


class AntivirusSettings(Section):
    """One engine. All of them are asked about every message; the worst that one says counts."""

    name: str = Field(..., pattern=r"^[A-Za-z0-9._-]{1,40}$", description="How logs and policies call it.")
    kind: EngineKind = Field(..., description="What it speaks: clamd's own protocol, or ICAP (RFC 3507).")
    address: str = Field(
        "", max_length=255, pattern=r"^$|^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):[0-9]{1,5}$",
        description='Host and port, such as "127.0.0.1:3310".',
    )  # fmt: skip
    socket: Path | None = Field(None, description="Unix socket instead of an address (clamd).")
    service: str = Field("avscan", max_length=255, description="Path of the service (ICAP).")
    timeout: float = Field(15.0, gt=0, le=300, description="Seconds it may take for one message.")

    @model_validator(mode="after")
    def _reachable(self) -> "AntivirusSettings":
        if bool(self.address) == (self.socket is not None):
            raise ValueError("an engine has an address or a socket, one of them")
        if self.kind is EngineKind.ICAP and self.socket is not None:
            raise ValueError("ICAP needs an address")
        return self
