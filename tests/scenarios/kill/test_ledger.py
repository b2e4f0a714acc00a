"""The judge of the kill scenario sees what it is there to see."""

import pytest

from tests.scenarios.kill.ledger import GONE, Ledger, Observed


def seen(token: str, uid: int, mailbox: str = "INBOX", flags: tuple[str, ...] = ()) -> Observed:
    return Observed(mailbox, 1, uid, token, frozenset(flags), 10)


@pytest.fixture
def ledger() -> Ledger:
    """One message was acknowledged and seen, with one flag; another was sent and never answered."""
    ledger = Ledger()
    ledger.arriving("a", "INBOX")
    ledger.arrived("a", "INBOX")
    ledger.storing("a", "\\Seen")
    ledger.stored("a", "\\Seen")
    ledger.saw_uid("INBOX", 1, 1, "a")
    ledger.arriving("b", "INBOX")
    return ledger


A = seen("a", 1, flags=("\\Seen",))


@pytest.mark.parametrize("unanswered", [[], [seen("b", 2)]])
def test_what_was_never_answered_may_be_there_or_not(ledger: Ledger, unanswered: list[Observed]) -> None:
    ledger.audit([A, *unanswered], {"INBOX": (1, 3)})


@pytest.mark.parametrize(
    ("observed", "uid_next", "complaint"),
    [
        ([], 3, "expected in"),
        ([A, seen("a", 2)], 3, "2 times"),
        ([A, seen("b", 2), seen("b", 3)], 4, "2 times"),
        ([seen("a", 1)], 3, "lost flags"),
        ([seen("a", 1, flags=("\\Seen", "\\Flagged"))], 3, "nobody set"),
        ([seen("b", 1), seen("a", 2, flags=("\\Seen",))], 3, "UID 1 of INBOX was a"),
        ([A, seen("x", 9)], 10, "nobody sent"),
        ([A], 1, "has been used"),
        ([seen("a", 5, "Work", ("\\Seen",))], 6, "expected in"),
    ],
)
def test_complaints(ledger: Ledger, observed: list[Observed], uid_next: int, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        ledger.audit(observed, {"INBOX": (1, uid_next)})


def test_an_audit_settles_what_was_open(ledger: Ledger) -> None:
    ledger.moving("a", GONE)
    ledger.audit([A, seen("b", 2)], {"INBOX": (1, 3)})
    with pytest.raises(AssertionError, match="b is in no mailbox"):
        ledger.audit([A], {"INBOX": (1, 3)})
