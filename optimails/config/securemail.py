"""Settings of the section [securemail]: the filter in front of delivery."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from optimails.config.base import Section
from optimails.config.listener import Protocol


class EngineAway(StrEnum):
    """What happens to mail while an antivirus engine does not answer; it never passes."""

    DEFER = "defer"  # its sender is asked to come again
    HOLD = "hold"  # it is accepted, and waits here until the engine is back


class SecuremailSettings(Section):
    """What is looked at in messages, and how long they are kept. Policies decide the rest (`optimails policy`)."""

    enabled: bool = Field(False, description="Whether mail is filtered at all.")
    protocols: tuple[Protocol, ...] = Field(
        (Protocol.SMTP, Protocol.SUBMISSION),
        description="Listeners whose mail is filtered. Mail that comes by LMTP was usually filtered before.",
    )
    patience: float = Field(
        20.0, gt=0, le=300,
        description="Seconds that a sender waits for his answer while a message is looked at. What takes longer is "
        "accepted and looked at afterwards.",
    )  # fmt: skip
    workers: int = Field(1, ge=1, le=64, description="Filter workers of each mail worker, and of the jobs worker.")
    worker_memory: int = Field(
        2**30, ge=2**28, description="Bytes of memory of a filter worker; what needs more is undeterminable."
    )
    worker_seconds: float = Field(
        20.0, gt=0, le=600, description="Processor time a filter worker may spend on one message."
    )
    client_lists: tuple[str, ...] = Field(
        (), max_length=20,
        description='Block lists in the DNS that are asked about the addresses of servers that bring mail, such as '
        '"bl.example.org". Each list learns from whom mail comes, and has terms of its own: none is asked by default.',
    )  # fmt: skip
    link_lists: tuple[str, ...] = Field(
        (), max_length=20, description="Block lists in the DNS that are asked about the domains that links lead to."
    )
    engine_away: EngineAway = Field(
        EngineAway.DEFER,
        description="What happens while an antivirus engine does not answer: the sender is asked to come again "
        "(defer), or the message is accepted and waits here (hold). It never passes.",
    )
    defer_seconds: int = Field(
        240, ge=10, le=86_400, description="Seconds after which a message that was put off by a policy may come again."
    )
    quarantine_days: int = Field(30, ge=1, le=3650, description="Days that messages stay in quarantine.")
    tracking_days: int = Field(30, ge=1, le=3650, description="Days for which every message can be looked up.")
    digest_times: tuple[Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")], ...] = Field(
        ("08:00",), max_length=24,
        description="Times of the day, by this machine's clock, at which users get a digest of what is new in their "
        "quarantine; none with an empty list.",
    )  # fmt: skip
