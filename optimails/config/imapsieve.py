"""Settings of the ``[[imapsieve]]`` tables: the service's own scripts for what users do by IMAP."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from optimails.config.base import Section


class ImapCause(StrEnum):
    APPEND = "APPEND"
    COPY = "COPY"
    FLAG = "FLAG"


class ImapSieveRule(Section):
    """Scripts of the service that run when users put messages into mailboxes by IMAP, or change their flags. The table
    may be repeated."""

    mailbox: str = Field(
        min_length=1,
        max_length=1_000,
        description='The mailbox: a name, in which `*` is anything and `%` anything within one level, or a special use '
        'such as `"\\\\Junk"`, whatever the mailbox is called.',
    )  # fmt: skip
    from_mailbox: str = Field(
        "*",
        min_length=1,
        max_length=1_000,
        description="For copies and moves, the mailbox that messages come from, in the same way.",
    )
    causes: tuple[ImapCause, ...] = Field(
        (ImapCause.APPEND, ImapCause.COPY),
        min_length=1,
        description="What must have happened: messages came by APPEND, by COPY or MOVE, or a FLAG was changed.",
    )
    before: Path | None = Field(None, description="Sieve script that runs before the user's own.")
    after: Path | None = Field(None, description="Sieve script that runs after the user's own.")

    @model_validator(mode="after")
    def _some_script(self) -> Self:
        if self.before is None and self.after is None:
            raise ValueError("needs a script: before, after, or both")
        return self
