"""A policy: the rules of one scope, as they are written, checked and stored.

Everything in ``when`` must hold; of a list one is enough. ``unless`` is the list of exceptions: when one of them holds,
the rule says nothing. The first rule of a scope that fits decides for that scope (``securemail.policy.decide``).
"""

import re
import tomllib
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from securemail.case import Direction, FileKind, Health, MailClass, Sureness
from securemail.transform.templates import PLACES, unknown_places

_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "kib": 2**10, "mib": 2**20, "gib": 2**30}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", re.IGNORECASE)
_PATTERN = r"^(?:[^@\s]{1,64}@|@|\*@|\*\.|@\*\.)?[^@\s]{1,253}$"
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"(?:([a-z]{3})(?:-([a-z]{3}))? )?(\d\d):(\d\d)-(\d\d):(\d\d)")


class ActionKind(StrEnum):
    """What becomes of a message."""

    DELIVER = "deliver"
    TAG = "tag"  # delivered, and marked
    QUARANTINE = "quarantine"
    REDIRECT = "redirect"  # to somebody else instead
    HOLD = "hold"  # until somebody looks at it
    DEFER = "defer"  # its sender is asked to come again, once: most spammers do not
    REJECT = "reject"
    DESTROY = "destroy"


class Told(StrEnum):
    """Who hears of it, beside addresses that are named."""

    SENDER = "sender"
    RECIPIENT = "recipient"
    ADMINISTRATOR = "administrator"


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _SIZE.fullmatch(value)
    if match is None or match[2].lower() not in _UNITS:
        raise ValueError('a size is written as "20 MB"')
    return int(float(match[1]) * _UNITS[match[2].lower()])


def _window(value: Any) -> Any:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None or any(day is not None and day not in _DAYS for day in match.group(1, 2)):
        raise ValueError('a time is written as "mon-fri 08:00-19:00"')
    if any(int(hour) > 24 for hour in match.group(3, 5)) or any(int(minute) > 59 for minute in match.group(4, 6)):
        raise ValueError("a day has 24 hours of 60 minutes")
    return value


Size = Annotated[int, BeforeValidator(_bytes), Field(ge=0)]
Pattern = Annotated[str, Field(pattern=_PATTERN, max_length=320)]
Window = Annotated[str, BeforeValidator(_window)]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Part):
    """Conditions. Addresses are ``user@example.org``, ``@example.org``, or ``@*.example.org`` for all below it."""

    health: tuple[Health, ...] = ()
    symbols: tuple[Text, ...] = Field((), max_length=200)
    spam: tuple[Sureness, ...] = ()
    classes: tuple[MailClass, ...] = ()
    kinds: tuple[FileKind, ...] = ()
    types: tuple[Text, ...] = Field((), max_length=200)  # "image/*"
    names: tuple[Text, ...] = Field((), max_length=500)  # "*.scr"
    disguised: bool | None = None
    words: tuple[Text, ...] = Field((), max_length=5000)
    larger_than: Size | None = None
    senders: tuple[Pattern, ...] = Field((), max_length=20_000)
    recipients: tuple[Pattern, ...] = Field((), max_length=20_000)
    proven: bool | None = None
    networks: tuple[IPv4Network | IPv6Network, ...] = Field((), max_length=5000)
    times: tuple[Window, ...] = Field((), max_length=50)

    @property
    def empty(self) -> bool:
        return not self.model_fields_set


class Action(_Part):
    """What is done, and who hears of it."""

    action: ActionKind
    zone: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = ""  # of the quarantine; by default the rule's name
    to: Pattern | None = None  # where it is redirected
    subject: Annotated[str, Field(max_length=60)] = ""  # put before the subject by ``tag``
    notify: tuple[Told | Pattern, ...] = Field((), max_length=20)

    @model_validator(mode="after")
    def _whole(self) -> "Action":
        if (self.action is ActionKind.REDIRECT) != (self.to is not None):
            raise ValueError("redirect, and it alone, says to whom")
        if self.to is not None and ("@" not in self.to or "*" in self.to or self.to.startswith("@")):
            raise ValueError("redirect names one address")
        return self


class Rule(_Part):
    """One rule."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    enabled: bool = True
    directions: tuple[Direction, ...] = (Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL)
    when: Match
    unless: tuple[Match, ...] = Field((), max_length=50)
    then: Action
    locked: bool = False  # scopes below cannot decide otherwise

    @model_validator(mode="after")
    def _says_something(self) -> "Rule":
        if any(one.empty for one in self.unless):
            raise ValueError("an exception without conditions would always hold")
        return self


class FooterKind(StrEnum):
    SIGNATURE = "signature"  # who writes; the lowest scope's alone
    NOTICE = "notice"  # what the law, or the company, wants to be said; those of all scopes


class Footer(_Part):
    """What stands under mail that is sent. ``{name}``, ``{title}`` … are filled from the directory."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    kind: FooterKind = FooterKind.NOTICE
    directions: tuple[Direction, ...] = (Direction.OUTBOUND,)
    text: Annotated[str, Field(max_length=10_000)]
    html: Annotated[str, Field(max_length=100_000)] = ""  # by default the text

    @model_validator(mode="after")
    def _known_places(self) -> "Footer":
        wrong = unknown_places(self.text + self.html)
        if wrong:
            raise ValueError(f"there is no {{{wrong[0]}}}; there are {', '.join(sorted(PLACES))}")
        return self


class Policy(_Part):
    """The rules of one scope, and how its spamentiomètre stands."""

    dial: int | None = Field(None, ge=1, le=5)  # 1 lets most through, 5 least; None: as the scope above
    zone: str | None = None  # name of the time zone that ``times`` are in, "Europe/Paris"
    off: tuple[Text, ...] = Field((), max_length=100)  # analysers that are not asked
    rule: tuple[Rule, ...] = Field((), max_length=500)
    footer: tuple[Footer, ...] = Field((), max_length=50)

    @model_validator(mode="after")
    def _names_once(self) -> "Policy":
        names = [one.name for one in self.rule]
        if len(set(names)) < len(names):
            raise ValueError("two rules have the same name")
        return self


class BadPolicy(Exception):
    """A text that is no policy; ``problems`` has one line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


def parse(source: str) -> Policy:
    """The policy that is written there in TOML. Raises ``BadPolicy``."""
    try:
        return Policy.model_validate(tomllib.loads(source))
    except tomllib.TOMLDecodeError as wrong:
        raise BadPolicy([f"not valid TOML: {wrong}"]) from wrong
    except ValidationError as wrong:
        lines = [f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}" for one in wrong.errors()]
        raise BadPolicy([line.removeprefix(": ") for line in lines]) from None
