"""What the checks found: the values that delivery, lists and filters get beside a message."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """The words of RFC 8601 §2.7."""

    NONE = "none"  # nothing there that could be checked
    NEUTRAL = "neutral"
    PASS = "pass"  # noqa: S105  (no password)
    FAIL = "fail"
    SOFTFAIL = "softfail"
    POLICY = "policy"  # it holds, and proves too little for us
    TEMPERROR = "temperror"
    PERMERROR = "permerror"


class Policy(StrEnum):
    """What a domain wishes for mail that fails DMARC (RFC 7489 §6.3)."""

    NONE = "none"
    QUARANTINE = "quarantine"
    REJECT = "reject"


@dataclass(frozen=True, slots=True)
class Spf:
    """``identity`` is ``mailfrom`` or ``helo``; ``shown`` is its value as the header names it."""

    result: Result
    identity: str
    domain: str
    shown: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dkim:
    """One signature; ``mark`` is the beginning of its value, which tells it from others."""

    result: Result
    domain: str = ""
    selector: str = ""
    algorithm: str = ""
    mark: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Dmarc:
    """``policy`` is what the domain publishes, ``disposition`` what is left of it by pct and by trusted sealers."""

    result: Result
    domain: str = ""  # of From
    policy: Policy = Policy.NONE
    disposition: Policy = Policy.NONE
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Arc:
    """The chain of those who handed the message on (RFC 8617)."""

    result: Result
    sets: int = 0  # the highest instance, also of a broken chain
    sealers: tuple[str, ...] = ()  # domains, the first one first; of a chain that holds
    assessments: tuple[str, ...] = ()  # what each of them had found, as it stands in its header field
    sealed_fail: bool = False  # the newest seal itself says that the chain is broken
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Authentication:
    """All of it. ``spf`` has the envelope's sender first, then HELO."""

    remote: str  # IP address
    spf: tuple[Spf, ...]
    dkim: tuple[Dkim, ...]
    dmarc: Dmarc
    arc: Arc

    @property
    def mailfrom(self) -> Spf:
        """SPF of the envelope's sender; of HELO for the null sender."""
        return self.spf[0]

    @property
    def wish(self) -> Policy:
        """What its author's domain wishes to be done with the message."""
        return self.dmarc.disposition if self.dmarc.result is Result.FAIL else Policy.NONE
