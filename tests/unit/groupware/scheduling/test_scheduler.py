"""Two calendars and what goes between them, through their files."""

import pytest

from optimails.groupware.api import Kind, NewCollection, Rule, Unfit
from optimails.groupware.scheduling import inbox
from optimails.groupware.scheduling.api import ItipMessage, Method, Result
from optimails.groupware.scheduling.inbox import choose_default
from optimails.groupware.scheduling.planning import Writer
from optimails.model.errors import Reason, Refused, Unavailable
from tests.support.colleagues import Company
from tests.support.meetings import ANN, BOB, CAT, EVE, ONCE, SECOND, SERIES, at, meeting, part, values

PLAIN = meeting(part(*ONCE))
YES = (b"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob", b"PARTSTAT=ACCEPTED:mailto:bob")


@pytest.fixture
def company():
    made = Company()
    yield made
    made.close()


def test_invited_accepted_moved_and_called_off(company):
    company.put(ANN, PLAIN)
    assert company.answers(BOB, BOB) == {"all": "NEEDS-ACTION"}
    company.change(BOB, *YES)
    assert company.answers(ANN, BOB) == {"all": "ACCEPTED"}
    company.change(ANN, b"T090000Z", b"T080000Z")
    assert company.answers(ANN, BOB) == company.answers(BOB, BOB) == {"all": "NEEDS-ACTION"}
    assert values(company.text(BOB), "DTSTART") == ["20261103T080000Z"]
    company.delete(ANN)
    assert values(company.text(BOB), "STATUS") == ["CANCELLED"]
    company.delete(BOB)
    assert company.texts(BOB) == company.texts(ANN) == []
    assert company.waiting(ANN) == company.waiting(BOB) == []
    assert sorted(values(text, "STATUS") == ["CANCELLED"] for text in company.inbox(BOB)) == [False, False, True]
    assert len(company.inbox(ANN)) == 1


def test_who_deletes_his_copy_declines_unless_nobody_is_to_know(company):
    company.put(ANN, PLAIN)
    company.delete(BOB)
    assert company.answers(ANN, BOB) == {"all": "DECLINED"}
    company.change(ANN, b":Talk", b":Lunch")
    assert company.texts(BOB) == []  # he does not come, whatever it is called
    company.change(ANN, b"T090000Z", b"T080000Z")
    company.delete(BOB, reply=False)
    assert company.answers(ANN, BOB) == {"all": "NEEDS-ACTION"}


def test_people_elsewhere_get_mail_and_those_nobody_knows_nothing(company):
    company.put(ANN, meeting(part(*ONCE, people=(BOB, EVE, "nobody@example.org"))))
    assert company.mail == [(ANN, "REQUEST", EVE)]
    assert b"SCHEDULE-STATUS=3.7:mailto:nobody@example.org" in company.text(ANN).replace(b"\r\n ", b"")
    assert company.waiting(ANN) == []
    company.change(BOB, *YES)
    assert len(company.mail) == 1


def test_an_alias_is_its_account(company):
    company.put(ANN, meeting(part(*ONCE, by="a.lee@example.org")))
    company.change(BOB, *YES)
    assert company.answers(ANN, BOB) == {"all": "ACCEPTED"}


def test_a_plain_event_is_nobodys_business(company):
    data = meeting(part(*ONCE, people=(), by=""))
    assert company.put(ANN, data).schedule_tag is None
    assert company.text(ANN) == data
    company.put(ANN, meeting(part(*ONCE, by="", uid="m2")), "m2.ics")
    assert company.texts(BOB) == []


def test_of_what_is_over_nobody_is_told(company):
    company.now += 400 * 86_400
    company.put(ANN, PLAIN)
    company.delete(ANN)
    assert (company.texts(BOB), company.mail) == ([], [])


def test_the_schedule_tag_changes_with_what_must_be_seen(company):
    first = company.put(ANN, PLAIN).schedule_tag
    assert first
    with company.of(BOB) as opened:
        (theirs,) = opened.items(opened.collection("calendar"))
    answered = company.change(BOB, *YES)
    assert theirs.schedule_tag == answered.schedule_tag
    assert theirs.etag != answered.etag
    renamed = PLAIN.replace(b":Talk", b":Lunch")
    second = company.put(ANN, renamed, schedule_tag=first)  # an answer came meanwhile, and it stays
    assert company.answers(ANN, BOB) == {"all": "ACCEPTED"}
    assert second.schedule_tag != first
    with pytest.raises(Unfit) as wrong:
        company.put(ANN, PLAIN, schedule_tag=first)
    assert wrong.value.rule is Rule.MATCH
    with company.of(BOB) as opened:
        (theirs,) = opened.items(opened.collection("calendar"))
    assert theirs.schedule_tag not in (None, answered.schedule_tag)


def test_who_has_answered_sees_the_answers_of_others(company):
    company.put(ANN, meeting(part(*SERIES, people=(BOB, CAT))))
    company.change(BOB, *YES)
    with company.of(BOB) as opened:
        (before,) = opened.items(opened.collection("calendar"))
    seen = len(company.inbox(BOB))
    company.change(CAT, b"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:cat", b"PARTSTAT=TENTATIVE:mailto:cat")
    assert company.answers(BOB, CAT) == {"all": "NEEDS-ACTION"}
    company.scheduler.deliver(company.accounts[ANN])  # as the jobs worker does
    assert company.answers(BOB, CAT) == {"all": "TENTATIVE"}
    assert company.answers(BOB, BOB) == {"all": "ACCEPTED"}
    assert company.answers(CAT, BOB) == {"all": "NEEDS-ACTION"}  # of before she answered
    with company.of(BOB) as opened:
        (after,) = opened.items(opened.collection("calendar"))
    assert after.schedule_tag == before.schedule_tag
    assert len(company.inbox(BOB)) == seen
    company.put(CAT, meeting(part(*SERIES, people=(BOB, CAT), cat="TENTATIVE"),
                             at(SECOND, people=(BOB, CAT), cat="DECLINED")), name(company, CAT))  # fmt: skip
    company.scheduler.deliver(company.accounts[ANN])
    assert company.answers(BOB, CAT) == {"all": "TENTATIVE", "20261109": "DECLINED"}
    assert company.answers(BOB, BOB) == {"all": "ACCEPTED", "20261109": "ACCEPTED"}


def name(company, who):
    with company.of(who) as opened:
        return opened.items(opened.collection("calendar"))[0].name


RULES = {
    "in another calendar": (Rule.UNIQUE_SCHEDULING, lambda it: it.put(ANN, PLAIN, "x.ics", "other")),
    "two organizers": (Rule.SAME_ORGANIZER, lambda it: it.put(
        ANN, meeting(part(*SERIES), at(SECOND, by=CAT)), "m1.ics")),
    "given away": (Rule.ORGANIZER_CHANGE, lambda it: it.change(ANN, b"ORGANIZER:mailto:ann", b"ORGANIZER:mailto:cat")),
    "moved by a guest": (Rule.ATTENDEE_CHANGE, lambda it: it.change(BOB, b"T090000Z", b"T080000Z")),
}  # fmt: skip


@pytest.mark.parametrize(("rule", "act"), RULES.values(), ids=RULES)
def test_what_is_refused_changes_nothing(company, rule, act):
    with company.of(ANN) as opened:
        opened.create("other", NewCollection(Kind.CALENDAR))
    company.put(ANN, PLAIN)
    before = company.texts(ANN), company.texts(BOB)
    with pytest.raises(Unfit) as wrong:
        act(company)
    assert wrong.value.rule is rule
    assert (company.texts(ANN), company.texts(BOB)) == before


def test_a_meeting_moves_within_the_calendars_of_its_owner_and_is_not_copied(company):
    company.put(ANN, PLAIN)
    with company.of(ANN) as opened:
        other = opened.create("other", NewCollection(Kind.CALENDAR))
        calendar = opened.collection("calendar")
        with pytest.raises(Unfit) as wrong:
            company.scheduler.transfer(opened, calendar, "m1.ics", other, "m1.ics", move=False, overwrite=False)
        assert wrong.value.rule is Rule.UNIQUE_SCHEDULING
        tag = opened.item(calendar, "m1.ics").schedule_tag
        company.scheduler.transfer(opened, calendar, "m1.ics", other, "m2.ics", move=True, overwrite=False)
        assert opened.item(other, "m2.ics").schedule_tag == tag
    company.change(BOB, *YES)
    with company.of(ANN) as opened:
        assert b"PARTSTAT=ACCEPTED" in opened.read(other, "m2.ics")[1].replace(b"\r\n ", b"")
    assert len(company.inbox(BOB)) == 1


def test_a_calendar_that_is_deleted_calls_its_meetings_off(company):
    company.put(ANN, PLAIN)
    with company.of(ANN) as opened:
        company.scheduler.remove(opened, Writer(company.accounts[ANN]), opened.collection("calendar"))
    assert values(company.text(BOB), "STATUS") == ["CANCELLED"]


def test_invitations_go_where_the_user_wants_them(company):
    with company.of(BOB) as opened:
        opened.create("work", NewCollection(Kind.CALENDAR))
        choose_default(opened, "work")
    company.put(ANN, PLAIN)
    assert len(company.texts(BOB, "work")) == 1
    with company.of(BOB) as opened:
        opened.remove("work")
    company.put(ANN, meeting(part(*ONCE, uid="m2")), "m2.ics")
    assert len(company.texts(BOB)) == 1
    with company.of(BOB) as opened:
        opened.remove("calendar")
    company.put(ANN, meeting(part(*ONCE, uid="m3")), "m3.ics")
    assert len(company.texts(BOB)) == 1
    company.put(ANN, meeting(part("DUE:20261103T100000Z", kind="VTODO", uid="t1")), "t1.ics", "tasks")
    assert len(company.texts(BOB, "tasks")) == 1


def test_a_delegate_acts_in_the_owners_name_if_he_may(company):
    owner = company.accounts[ANN]
    with pytest.raises(Refused) as wrong:
        company.put(ANN, PLAIN, by=Writer(owner, may_send=False))
    assert wrong.value.reason is Reason.NO_PERMISSION
    assert company.texts(ANN) == company.texts(BOB) == []
    company.put(ANN, PLAIN, by=Writer(owner, sent_by=CAT))
    assert f'ORGANIZER;SENT-BY="mailto:{CAT}":mailto:{ANN}'.encode() in company.text(BOB).replace(b"\r\n ", b"")
    company.put(ANN, PLAIN.replace(b"DTSTAMP:2026", b"X-A:1\r\nDTSTAMP:2026"), by=Writer(owner, may_send=False))


def test_handed_on_to_a_colleague(company):
    company.put(ANN, PLAIN)
    mine = f'PARTSTAT=DELEGATED;DELEGATED-TO="mailto:{CAT}":mailto:{BOB}\r\n'
    hers = f'ATTENDEE;PARTSTAT=NEEDS-ACTION;DELEGATED-FROM="mailto:{BOB}":mailto:{CAT}\r\nX-W:mailto:bob'
    company.change(BOB, YES[0], (mine + hers).encode())
    assert company.answers(ANN, BOB) == {"all": "DELEGATED"}
    assert company.answers(CAT, CAT) == {"all": "NEEDS-ACTION"}
    company.change(CAT, b"PARTSTAT=NEEDS-ACTION", b"PARTSTAT=ACCEPTED")
    assert company.answers(ANN, CAT) == {"all": "ACCEPTED"}
    company.change(ANN, b":Talk", b":Lunch")
    assert values(company.text(CAT), "SUMMARY") == ["Lunch"]


def message(method, text, sender=EVE, recipient=ANN, identity="x1"):
    return ItipMessage(identity, Method(method), sender, recipient, "m1", "VEVENT", text)


def test_a_message_counts_once(company):
    company.put(ANN, meeting(part(*ONCE, people=(EVE,))))
    reply = message("REPLY", meeting(part(*ONCE, people=(EVE,), eve="ACCEPTED")))
    outcome = company.scheduler.apply(company.accounts[ANN], reply)
    assert (outcome.result, outcome.collection, outcome.item) == (Result.APPLIED, "calendar", "m1.ics")
    before = company.text(ANN)
    assert company.scheduler.apply(company.accounts[ANN], reply).result is Result.KNOWN
    assert company.text(ANN) == before
    assert len(company.inbox(ANN)) == 1


def test_a_proposal_is_kept_for_people(company):
    company.put(ANN, meeting(part(*ONCE, people=(EVE,))))
    before = company.text(ANN)
    counter = message("COUNTER", meeting(part("DTSTART:20261104T090000Z", people=(EVE,))))
    assert company.scheduler.apply(company.accounts[ANN], counter).result is Result.KEPT
    assert (company.text(ANN), company.inbox(ANN)) == (before, [counter.text])
    refresh = message("REFRESH", meeting(part(*ONCE, people=(EVE,))), identity="x2")
    company.scheduler.apply(company.accounts[ANN], refresh)
    assert company.mail == [(ANN, "REQUEST", EVE)] * 2


def test_the_inbox_keeps_the_last_messages(company, monkeypatch):
    monkeypatch.setattr(inbox, "MAX_KEPT", 3)
    company.put(ANN, PLAIN)
    for number in range(5):
        company.put(ANN, PLAIN.replace(b":Talk", f":{number}".encode()))
    assert [values(text, "SUMMARY") for text in company.inbox(BOB)] == [["2"], ["3"], ["4"]]


class Away:
    """Mail that cannot be handed over for a while, then never."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.sent = []

    def send(self, sender, message):
        del sender
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append(message.method.value)


def test_what_cannot_be_handed_over_waits_in_order(tmp_path):
    away = Away(Unavailable("x"))
    company = Company(tmp_path, outgoing=away)
    company.put(ANN, meeting(part(*ONCE, people=(EVE,))))
    company.delete(ANN)
    assert [row[0] for row in company.waiting(ANN)] == ["REQUEST", "CANCEL"]
    company.scheduler.deliver(company.accounts[ANN])
    assert away.sent == []
    company.now += 3600
    company.scheduler.deliver(company.accounts[ANN])
    assert away.sent == ["REQUEST", "CANCEL"]
    assert company.waiting(ANN) == []
    company.close()


def test_what_never_will_be_handed_over_is_told(tmp_path):
    company = Company(tmp_path, outgoing=Away(Refused(Reason.CANNOT, "never")))
    company.put(ANN, meeting(part(*ONCE, people=(EVE,))))
    assert company.waiting(ANN) == [("REQUEST", EVE, None)]
    assert b"SCHEDULE-STATUS=5.1:mailto:eve" in company.text(ANN).replace(b"\r\n ", b"")
    company.close()


def test_an_error_of_ours_keeps_nobody_elses_message(tmp_path):
    company = Company(tmp_path, outgoing=Away(ZeroDivisionError()))
    company.put(ANN, meeting(part(*ONCE, people=(EVE, BOB))))
    assert company.answers(BOB, BOB) == {"all": "NEEDS-ACTION"}
    assert [row[:2] for row in company.waiting(ANN)] == [("REQUEST", EVE)]
    company.now += 60
    company.scheduler.deliver(company.accounts[ANN])
    assert company.waiting(ANN) == []
    company.close()


class Room:
    """Takes whoever comes first, and nobody on Wednesdays."""

    def __init__(self):
        self.asked = 0

    def answer(self, account, groupware, message, text):
        del groupware, message
        if str(account.address) != CAT:
            return None
        self.asked += 1
        said = b"DECLINED" if b"20261104" in text else b"ACCEPTED"
        return text.replace(b"PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:cat", b"PARTSTAT=" + said + b":mailto:cat")


def test_a_room_answers_by_itself():
    company = Company(automatic=Room())
    company.put(ANN, meeting(part(*ONCE, people=(BOB, CAT))))
    assert company.answers(ANN, CAT) == company.answers(CAT, CAT) == {"all": "ACCEPTED"}
    assert company.answers(ANN, BOB) == {"all": "NEEDS-ACTION"}
    company.change(ANN, b"DTSTART:20261103T", b"DTSTART:20261104T")
    assert company.answers(ANN, CAT) == {"all": "DECLINED"}
    company.close()
