"""Settings of the section [dav]: calendars, address books and task lists."""

from pydantic import Field

from optimails.config.base import Section


class DavSettings(Section):
    """CalDAV and CardDAV, in the web worker below `/dav/`, and how much an account may keep."""

    enabled: bool = Field(True, description="Whether calendars and contacts are served on http listeners.")
    allow_plain: bool = Field(
        False,
        description="Take passwords without TLS from other machines: only behind a proxy that has TLS and passes on "
        "nothing else.",
    )
    max_item: int = Field(4_194_304, ge=65_536, le=67_108_864, description="Bytes of one event, task or contact.")
    max_storage: int = Field(
        536_870_912,
        ge=1_048_576,
        description="Bytes of all of an account's calendars and contacts; mail does not count.",
    )
    max_attachment: int = Field(
        10_485_760,
        ge=65_536,
        le=67_108_864,
        description="Bytes of one file that is attached to an event or task; all of them count for `max_storage`.",
    )
    max_items: int = Field(100_000, ge=100, description="Items of one calendar or address book.")
    max_collections: int = Field(250, ge=3, description="Calendars, address books and task lists of one account.")
    max_matches: int = Field(20_000, ge=100, description="Items of one answer to a query; more are refused.")
    keep_deletions_days: int = Field(
        90,
        ge=1,
        description="Days for which programs that were not seen are told what was deleted; later they read all anew.",
    )
    company_book: bool = Field(
        True,
        description="Whether every account sees the address book of its domain: its accounts, aliases and lists.",
    )
    company_book_hides: tuple[str, ...] = Field(
        (),
        description="Addresses that no such book shows; `@example.org` is a domain that has none, as its users are not "
        "to know of each other.",
    )
    published_per_minute: int = Field(
        60,
        ge=1,
        description="Requests for secret addresses (published busy times and calendars) that one network may make in a "
        "minute; networks of `[traffic] allow` are not counted.",
    )
    threads: int = Field(6, ge=1, le=64, description="Short requests that a web worker answers at a time.")
    report_processes: int = Field(
        2, ge=1, le=64,
        description="Queries and listings that it answers at a time, each in a process of its own (some 60 MB; the "
        "first is started with the worker, others when they are needed).",
    )  # fmt: skip
    reports_per_account: int = Field(1, ge=1, le=64, description="The same for one account; others of it wait.")

    @property
    def max_body(self) -> int:
        """Bytes of a request's body: an item, a file, or XML."""
        return max(self.max_item, self.max_attachment, 4_194_304) + 65_536
