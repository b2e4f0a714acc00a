"""Settings of the section [queue]: mail that leaves this server."""

from pydantic import Field

from optimails.config.base import Section


class QueueSettings(Section):
    """The outbound queue."""

    expire_days: float = Field(
        5.0, gt=0, le=60, description="Days after which a message that cannot be delivered goes back to its sender."
    )
    delay_notice_hours: float = Field(
        4.0, ge=0, description="Hours after which the sender is told once that the message is late; 0 never tells."
    )
    retry_first: float = Field(300.0, ge=1, description="Seconds between the first attempt and the second.")
    retry_factor: float = Field(2.0, ge=1, le=10, description="By how much each further interval is longer.")
    retry_max: float = Field(14_400.0, ge=1, description="Longest interval between two attempts, in seconds.")
    rest_first: float = Field(
        60.0, ge=1, description="Seconds for which a destination that cannot be reached is left alone at first."
    )
    rest_max: float = Field(
        3_600.0, ge=1, description="Longest time a destination is left alone before one message is tried, in seconds."
    )
    concurrency: int = Field(100, ge=2, le=2_000, description="Deliveries at a time, to all destinations together.")
    destination_concurrency: int = Field(
        10, ge=1, le=200, description="Deliveries at a time to one destination; reached step by step as they succeed."
    )
    recipients_per_delivery: int = Field(
        100, ge=1, le=1_000, description="Recipients of one message handed to a destination in one go."
    )
    attempt_timeout: float = Field(
        3_600.0, ge=10, description="Seconds after which a single delivery attempt is given up, whatever it is doing."
    )
    poison_after: int = Field(
        3, ge=2, le=20, description="Crashes of the queue runner during its delivery that make a message be held."
    )
    history_days: int = Field(
        30, ge=0, le=3_650, description="Days for which it is kept what became of each recipient, for message tracking."
    )
    messages_per_hour: int = Field(
        500, ge=0, description="Messages an account may send in an hour; 0 is unlimited. More are refused for now."
    )
    messages_per_day: int = Field(3_000, ge=0, description="Messages an account may send in 24 hours; 0 is unlimited.")
    recipients_per_hour: int = Field(
        2_000, ge=0, description="Recipients an account may write to in an hour; 0 is unlimited."
    )
    recipients_per_day: int = Field(
        10_000, ge=0, description="Recipients an account may write to in 24 hours; 0 is unlimited."
    )
