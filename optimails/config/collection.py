"""Settings of the section [collection]: mail fetched from users' accounts with other providers."""

from pathlib import Path

from pydantic import Field

from optimails.config.base import Section


class CollectionSettings(Section):
    """Mail that is fetched from users' accounts with other providers (POP3, IMAP)."""

    interval: float = Field(600.0, ge=10, description="Seconds between two visits to a source that answers.")
    retry_first: float = Field(300.0, ge=1, description="Seconds until the next visit after a first failure.")
    retry_max: float = Field(
        21_600.0, ge=1, description="Longest interval between two visits after failures, each of which doubles it."
    )
    concurrency: int = Field(8, ge=1, le=200, description="Sources visited at a time.")
    timeout: float = Field(60.0, ge=1, description="Seconds that a server may stay silent.")
    visit_timeout: float = Field(
        1_800.0, ge=10, description="Seconds of one visit; what is left then is fetched by the next ones."
    )
    max_size: int = Field(
        104_857_600, ge=1_024, description="Bytes of the largest message fetched; larger ones stay where they are."
    )
    max_messages: int = Field(
        100_000, ge=1, description="Messages a source may have; with more, nothing is fetched from it."
    )
    max_sources: int = Field(10, ge=0, le=1_000, description="Sources an account may have.")
    private_addresses: bool = Field(
        False, description="Whether sources may be at loopback and private addresses, that is, within your network."
    )
    ca_file: Path | None = Field(
        None, description="File with the authorities that servers' certificates are checked by. Not set: the system's."
    )
