"""Settings of the section [delivery]: from an accepted message into the mailboxes."""

from pydantic import Field

from optimails.config.base import Section


class DeliverySettings(Section):
    """Local delivery."""

    concurrency: int = Field(
        16, ge=1, le=256, description="Accounts one message with several recipients is written to at a time."
    )
    memory: int = Field(
        262_144, ge=4_096, description="Bytes of a message kept in memory while it comes in; the rest goes to disk."
    )
    quota_warnings: bool = Field(
        True, description="Whether users get a mail when their mailbox becomes 80, 90 and 100 percent full."
    )
    retry_days: int = Field(
        7,
        ge=1,
        le=60,
        description="Days for which recipients already served are remembered when a message was only partly delivered.",
    )
