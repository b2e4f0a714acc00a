"""What a client may send."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. Smaller ones can be used before login (``Parser.limits``)."""

    line: int = 65_536  # one line, literals apart
    literal: int = 65_536  # any literal but a message
    command: int = 262_144  # one command with its literals, a message apart
    message: int = 52_428_800  # a message of APPEND
    messages: int = 100  # messages in one APPEND
    non_synchronizing: int | None = None  # 4096 when LITERAL- is announced instead of LITERAL+ (RFC 7888 §5)
    depth: int = 100  # nesting in SEARCH
    terms: int = 2_000  # search keys in one SEARCH
    elements: int = 20_000  # elements of a list or ranges of a set
    chunk: int = 65_536  # the largest AppendData
