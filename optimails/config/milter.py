"""Filters that stand in line: one ``[[milter]]`` table each."""

from typing import Literal

from pydantic import Field, field_validator

from optimails.config.base import Section
from optimails.config.listener import Listener, host_and_port


class MilterSettings(Section):
    """A filter that speaks the milter protocol, such as rspamd. The table may be repeated; they are asked in order."""

    address: str = Field(
        min_length=1, description='Where it listens: "host:port" ("127.0.0.1:11332") or "unix:/path/of/its/socket".'
    )
    name: str = Field("", description="Its name in logs and metrics; by default its address.")
    protocols: tuple[Literal["smtp", "submission", "lmtp"], ...] = Field(
        ("smtp", "submission"), min_length=1, description="Protocols whose mail it sees."
    )
    listeners: tuple[str, ...] = Field(
        (),
        description='Names of the listeners whose mail it sees, as logs have them ("smtp-25"); by default all of these '
        "protocols.",
    )
    on_failure: Literal["tempfail", "accept", "reject"] = Field(
        "tempfail",
        description="What becomes of mail while the filter does not answer, or makes no sense: put off (tempfail), "
        "taken without it (accept), refused (reject).",
    )
    quarantine: Literal["junk", "hold"] = Field(
        "junk",
        description="Where mail goes that it puts into quarantine: into the mailboxes' \\Junk (what leads to other "
        "servers on hold), or all of it on hold in the queue.",
    )
    connections: int = Field(
        100, ge=1, le=10_000, description="Messages it sees at a time, in each worker; others wait for their turn."
    )
    connect_timeout: float = Field(
        30.0, gt=0, description="Seconds to reach it, and to wait for a turn when it sees `connections` messages."
    )
    command_timeout: float = Field(30.0, gt=0, description="Seconds for its answer about the client or the envelope.")
    content_timeout: float = Field(
        300.0, gt=0, description="Seconds for its answer about the content, each time it says that it is still at work."
    )

    @property
    def label(self) -> str:
        """What logs and metrics call it."""
        return self.name or self.address

    @property
    def place(self) -> str | tuple[str, int]:
        """The path of a Unix socket, or host and port."""
        if self.address.startswith("unix:"):
            return self.address.removeprefix("unix:")
        return host_and_port(self.address)

    def sees(self, listener: Listener) -> bool:
        """Whether mail that comes in there is shown to it."""
        return listener.protocol.value in self.protocols and (not self.listeners or listener.label in self.listeners)

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value.startswith("unix:"):
            if not value.startswith("unix:/"):
                raise ValueError("the path of a Unix socket is absolute")
        elif not host_and_port(value)[0]:
            raise ValueError("it names no host")
        return value
