"""What a search asks of each message (RFC 9051 §6.4.4): a small tree of values, evaluated by ``optimails.mailbox``."""

from dataclasses import dataclass
from datetime import date
from enum import Enum

from optimails.model.flags import Flag
from optimails.model.number_set import NumberSet


class DateField(Enum):
    INTERNAL = "internal"  # INTERNALDATE, in UTC, without its time
    SENT = "sent"  # the Date header, without time and zone
    SAVED = "saved"  # when it came into this mailbox (RFC 8514)


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    terms: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Or:
    terms: tuple["Query", ...]


@dataclass(frozen=True, slots=True)
class Not:
    term: "Query"


@dataclass(frozen=True, slots=True)
class HasFlag:
    flag: Flag


@dataclass(frozen=True, slots=True)
class IsRecent:
    """Recent in this session (RFC 3501 only)."""


@dataclass(frozen=True, slots=True)
class InSet:
    numbers: NumberSet  # may hold ``*``
    by_uid: bool


@dataclass(frozen=True, slots=True)
class HeaderContains:
    """Substring, case-insensitive, in the decoded header field; an empty text asks only that the field is there."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyContains:
    """Substring in the decoded text of the body parts."""

    text: str


@dataclass(frozen=True, slots=True)
class TextContains:
    """Substring in the decoded header or body."""

    text: str


@dataclass(frozen=True, slots=True)
class DateBefore:
    field: DateField
    day: date  # strictly earlier than this day


@dataclass(frozen=True, slots=True)
class DateSince:
    field: DateField
    day: date  # this day or later


@dataclass(frozen=True, slots=True)
class YoungerThan:
    seconds: int  # RFC 5032


@dataclass(frozen=True, slots=True)
class LargerThan:
    size: int


@dataclass(frozen=True, slots=True)
class SmallerThan:
    size: int


@dataclass(frozen=True, slots=True)
class ChangedSince:
    modseq: int  # MODSEQ: this one or higher (RFC 7162 §3.1.5)


@dataclass(frozen=True, slots=True)
class HasObjectId:
    """The message with this EMAILID (RFC 8474 §4.1)."""

    object_id: str


Query = (
    All
    | And
    | Or
    | Not
    | HasFlag
    | IsRecent
    | InSet
    | HeaderContains
    | BodyContains
    | TextContains
    | DateBefore
    | DateSince
    | YoungerThan
    | LargerThan
    | SmallerThan
    | ChangedSince
    | HasObjectId
)
