"""Settings of the section [calendar_mail]: what calendars and mail have to do with each other."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from optimails.config.base import Section


class CalendarMailSettings(Section):
    """Invitations and answers that come by mail, and reminders that go by mail."""

    incoming: bool = Field(
        True,
        description="Whether invitations, answers and cancellations that come by mail go into calendars, where the "
        "mail proves to come from who they say: new ones wait there for an answer. The mail is delivered in any case.",
    )
    incoming_except: tuple[str, ...] = Field(
        (),
        description="Addresses of accounts whose calendars mail never touches; `@example.org` is a whole domain.",
    )
    reminders: bool = Field(
        True, description="Whether the jobs worker sends the reminders that events and tasks ask for by mail."
    )
    reminders_late: float = Field(
        6,
        ge=0,
        le=168,
        description="Hours by which a reminder may be late after the service was down; what is later is left out.",
    )
    time_zone: str = Field(
        "UTC",
        description="Where whole days and times without a zone are, in calendars that say nothing themselves: a name "
        "such as `Europe/Paris`.",
    )

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as wrong:
            raise ValueError(f"there is no time zone {name}") from wrong
        return name
