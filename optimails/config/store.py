"""Limits of the mail store in each worker."""

from pydantic import Field

from optimails.config.base import Section


class StoreSettings(Section):
    """How much of the mail store a worker keeps open."""

    open_accounts: int = Field(
        200,
        ge=1,
        description="Accounts each worker keeps open without a session, for the next one (about 280 kB each).",
    )
    threads: int = Field(32, ge=1, le=512, description="Threads of each worker for reading and writing files.")
