"""What analysers and engines say of a message. They find; only the policy decides.

An antispam analyser gives any number of ``Fact``. An antivirus engine gives one ``Outcome`` for the message: clean,
infected, encrypted, undeterminable and error are five different things, and nobody may take one for another.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that was found. ``symbol`` is its name in policies, texts and logs, in capitals (``FORGED_DATE``)."""

    symbol: str
    weight: float  # what it adds to the logarithm of the odds that the message is spam; 0: it says nothing of that
    evidence: tuple[str, ...] = ()  # what was seen, short and printable
    analyser: str = ""
    version: str = ""  # of the analyser, or of what it has learnt


@dataclass(frozen=True, slots=True)
class Clean:
    """Looked at, all of it, and nothing found."""


@dataclass(frozen=True, slots=True)
class Infected:
    """``name`` as the engine calls it, ``part`` where it sits (``invoice.zip/invoice.exe``)."""

    name: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class Encrypted:
    """It cannot be looked into, because its sender wanted that."""

    part: str = ""


@dataclass(frozen=True, slots=True)
class Undeterminable:
    """It cannot be looked into: malformed, too deep, too large, or it takes too long."""

    reason: str
    part: str = ""


@dataclass(frozen=True, slots=True)
class EngineError:
    """The engine does not answer: nothing is known of the message."""

    reason: str


Outcome = Clean | Infected | Encrypted | Undeterminable | EngineError


@dataclass(frozen=True, slots=True)
class Examination:
    """What one engine says, and with which signatures."""

    engine: str
    outcome: Outcome
    version: str = ""
