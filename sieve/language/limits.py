"""What a script may be, and what it may do. Everything a hostile script could make large has a number here."""

from dataclasses import dataclass

MAX_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one script, and of one run of it with everything it includes."""

    script_size: int = 1_048_576  # bytes
    nesting: int = 32  # of blocks, and of tests (RFC 5228 §2.10.7 wants 15)
    nodes: int = 20_000  # commands and tests of one script
    strings: int = 20_000  # of one script
    pattern: int = 4_096  # characters of a pattern of :matches or :regex
    steps: int = 100_000  # commands and tests that one run carries out
    comparisons: int = 200_000  # of a value with a key
    work: int = 50_000_000  # characters that one run looks at
    actions: int = 32
    redirects: int = 4  # (RFC 5228 §10)
    variable: int = 8_000  # characters of one variable (RFC 5229 §6 wants 4,000)
    variables: int = 128  # (RFC 5229 §6)
    includes: int = 32  # scripts of one run
    include_depth: int = 10
    duplicate_seconds: int = 30 * 86_400
    vacation_least: int = 60  # seconds; below, :seconds 0 excepted, the period is this long
    vacation_most: int = 31_536_000
