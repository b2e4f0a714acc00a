"""What is known of a message when it is decided: all that rules can ask for, and nothing of how it was found."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from optimails.model.address import EmailAddress
from securemail.facts import (
    Clean,
    Encrypted,
    EngineError,
    Examination,
    Fact,
    Infected,
    Undeterminable,
)


class Direction(StrEnum):
    """As seen from the domains that are served here."""

    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"  # from one of our users to another


class Sureness(StrEnum):
    """How surely a message is spam, as the spamentiomètre of its reader divides the probability."""

    HAM = "ham"
    POSSIBLE = "possible"  # the grey zone
    PROBABLE = "probable"
    CERTAIN = "certain"


class MailClass(StrEnum):
    """What kind of mail it is, beside the question of spam."""

    PUB = "PUB"
    NEWS = "NEWS"
    SOCIAL = "SOCIAL"
    VIP = "VIP"
    PERSO = "PERSO"


class FileKind(StrEnum):
    """What a file is by its content, whatever it is called."""

    EXECUTABLE = "executable"
    SCRIPT = "script"
    ARCHIVE = "archive"
    DOCUMENT = "document"
    IMAGE = "image"
    SOUND = "sound"
    VIDEO = "video"
    TEXT = "text"
    OTHER = "other"


class Health(StrEnum):
    """What the antivirus engines say together: the worst counts, and none of these is another."""

    CLEAN = "clean"
    ENCRYPTED = "encrypted"
    UNDETERMINABLE = "undeterminable"
    ERROR = "error"  # an engine does not answer
    INFECTED = "infected"


@dataclass(frozen=True, slots=True)
class File:
    """One file in the message, or in an archive in it."""

    path: str  # from the message inwards: "report.zip/notes/a.exe"
    type: str  # media type by its content, "application/x-dosexec"
    kind: FileKind
    size: int  # bytes
    disguised: bool = False  # its name says something else than its content

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Case:
    """One message. Texts are folded (``securemail.policy.words.fold``), and may be cut off."""

    direction: Direction
    sender: EmailAddress | None  # of the envelope; None is the null sender
    size: int  # bytes
    arrived: float  # Unix seconds
    author: str = ""  # address in From, in lower case
    client: str = ""  # IP address of who hands it over
    proven: bool = False  # DMARC passes for the author's domain, or he logged in here
    facts: Sequence[Fact] = ()
    examinations: Sequence[Examination] = ()
    files: Sequence[File] = ()
    spam: float = 0.0  # probability
    mail_class: MailClass | None = None
    subject: str = ""
    text: str = ""
    symbols: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "symbols", frozenset(fact.symbol for fact in self.facts))

    @property
    def health(self) -> Health:
        return worst(self.examinations)

    def told(self, health: Health) -> tuple[Examination, ...]:
        """The engines that say so."""
        return tuple(one for one in self.examinations if _health(one) is health)


_WORST = list(Health)
_HEALTH = {
    Clean: Health.CLEAN,
    Encrypted: Health.ENCRYPTED,
    Undeterminable: Health.UNDETERMINABLE,
    EngineError: Health.ERROR,
    Infected: Health.INFECTED,
}


def worst(examinations: Sequence[Examination]) -> Health:
    """What counts of all that was said."""
    return max((_health(one) for one in examinations), key=_WORST.index, default=Health.CLEAN)


def _health(one: Examination) -> Health:
    return _HEALTH[type(one.outcome)]
