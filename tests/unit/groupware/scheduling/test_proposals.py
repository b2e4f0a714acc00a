"""Another time is proposed, taken over or declined; the newest version is asked for (RFC 5546 §3.2.6 to §3.2.8)."""

import pytest

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.scheduling.planning import Writer
from optimails.model.errors import Reason, Refused
from tests.support.colleagues import Company
from tests.support.meetings import ANN, BOB, EVE, ONCE, SECOND, SERIES, answers, at, meeting, part, values

LATER = meeting(part("DTSTART:20261103T140000Z", "DTEND:20261103T150000Z", "COMMENT:After lunch"))


@pytest.fixture
def company():
    made = Company()
    yield made
    made.close()


def propose(company, text, who=BOB):
    with company.of(who) as opened:
        company.scheduler.propose(opened, Writer(company.accounts[who]), "m1", text)


def decide(company, *, accept, comment=""):
    """About the last proposal in Ann's inbox."""
    with company.of(ANN) as opened:
        place = opened.collection("schedule-inbox")
        name = next(
            one.name for one in reversed(opened.items(place)) if b"METHOD:COUNTER" in opened.read(place, one.name)[1]
        )
        company.scheduler.decide(opened, Writer(company.accounts[ANN]), name, accept=accept, comment=comment)


def test_a_proposal_that_is_taken_over_moves_the_meeting_for_all(company):
    company.put(ANN, meeting(part(*ONCE, "SEQUENCE:2", people=(BOB, EVE))))
    before = company.text(ANN)
    propose(company, LATER)
    assert company.text(ANN) == before
    (counter,) = company.inbox(ANN)
    assert (values(counter, "COMMENT"), values(counter, "SEQUENCE")) == (["After lunch"], ["2"])
    assert values(counter, "ATTENDEE") == [f"mailto:{BOB}"]
    decide(company, accept=True)
    assert values(company.text(ANN), "DTSTART") == values(company.text(BOB), "DTSTART") == ["20261103T140000Z"]
    assert company.answers(ANN, EVE) == {"all": "NEEDS-ACTION"}
    assert company.mail == [(ANN, "REQUEST", EVE)] * 2
    assert company.inbox(ANN) == []


def test_a_proposal_for_one_recurrence(company):
    company.put(ANN, meeting(part(*SERIES)))
    propose(company, meeting(at(SECOND, start="20261109T160000")))
    decide(company, accept=True)
    assert values(company.text(BOB), "DTSTART") == ["20261102T100000", "20261109T160000"]
    assert answers(company.text(ANN), BOB) == {"all": "NEEDS-ACTION", "20261109": "NEEDS-ACTION"}


def test_a_proposal_that_is_declined_changes_nothing_and_is_answered(company):
    company.put(ANN, meeting(part(*ONCE)))
    before = company.text(ANN), company.text(BOB)
    propose(company, LATER)
    decide(company, accept=False, comment="No room, sorry")
    assert (company.text(ANN), company.text(BOB)) == before
    answer = company.inbox(BOB)[-1]
    assert b"METHOD:DECLINECOUNTER" in answer
    assert values(answer, "COMMENT") == ["No room\\, sorry"]
    with pytest.raises(StopIteration):
        decide(company, accept=True)


def test_what_cannot_be_proposed(company):
    company.put(ANN, meeting(part(*SERIES)))
    for text in (meeting(part(*SERIES)), meeting(at("20261110T100000")), meeting(part(*SERIES, uid="m2"))):
        with pytest.raises(Unfit) as wrong:
            propose(company, text)
        assert wrong.value.rule is Rule.ATTENDEE_CHANGE
    with pytest.raises(Unfit):
        propose(company, meeting(part(*ONCE)), ANN)
    company.delete(BOB, reply=False)
    with pytest.raises(Refused) as gone:
        propose(company, LATER)
    assert gone.value.reason is Reason.NON_EXISTENT


def test_an_attendee_gets_the_newest_version_when_he_asks(company):
    company.put(ANN, meeting(part(*ONCE)))
    before = len(company.inbox(BOB))
    with company.of(BOB) as opened:
        company.scheduler.refresh(opened, Writer(company.accounts[BOB]), "m1")
    assert len(company.inbox(BOB)) == before + 1
    assert company.inbox(ANN) == []
    assert company.waiting(ANN) == company.waiting(BOB) == []
