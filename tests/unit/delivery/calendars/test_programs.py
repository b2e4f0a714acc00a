"""Mail as Outlook, Gmail and Apple's Mail write it: what is found in it, and what it makes of a calendar.

The texts have the forms, orders and oddities of those programs, with people of ours in them.
"""

import base64
import quopri
from datetime import UTC, datetime

import pytest

from optimails.delivery.calendars import carried
from optimails.groupware.calendar import occurrences, read_object
from optimails.groupware.recurrence import Budget
from optimails.groupware.scheduling import incoming
from optimails.groupware.scheduling.api import Method, Result
from optimails.groupware.scheduling.messages import read_message

CLAIRE = "claire@example.org"
OWN = frozenset({CLAIRE})
NINE_IN_PARIS = int(datetime(2027, 1, 11, 8, tzinfo=UTC).timestamp())

OUTLOOK = """\
BEGIN:VCALENDAR
METHOD:REQUEST
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Romance Standard Time
BEGIN:STANDARD
DTSTART:16010101T030000
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
ORGANIZER;CN=Bob Martin:MAILTO:Bob.Martin@Contoso.example
ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=Claire
 :MAILTO:Claire@example.org
DESCRIPTION;LANGUAGE=fr-FR:\\n________________________________\\nTeams\\n
RRULE:FREQ=WEEKLY;COUNT=4;INTERVAL=1;BYDAY=MO;WKST=MO
UID:040000008200E00074C5B7101A82E00800000000
SUMMARY;LANGUAGE=fr-FR:Réunion d'équipe
DTSTART;TZID=Romance Standard Time:20270111T090000
DTEND;TZID=Romance Standard Time:20270111T100000
CLASS:PUBLIC
PRIORITY:5
DTSTAMP:20270104T101112Z
TRANSP:OPAQUE
STATUS:CONFIRMED
SEQUENCE:0
LOCATION;LANGUAGE=fr-FR:Salle 1
X-MICROSOFT-CDO-APPT-SEQUENCE:0
X-MICROSOFT-CDO-OWNERAPPTID:2117593190
X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE
X-MICROSOFT-CDO-INTENDEDSTATUS:BUSY
X-MICROSOFT-DISALLOW-COUNTER:FALSE
BEGIN:VALARM
DESCRIPTION:REMINDER
TRIGGER;RELATED=START:-PT15M
ACTION:DISPLAY
END:VALARM
END:VEVENT
END:VCALENDAR
"""
GMAIL = """\
BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:REQUEST
BEGIN:VEVENT
DTSTART:20270111T080000Z
DTEND:20270111T090000Z
DTSTAMP:20270104T101112Z
ORGANIZER;CN=bob.martin@gmail.example:mailto:bob.martin@gmail.example
UID:5kq3v0example@google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;RSVP=TRUE
 ;CN=bob.martin@gmail.example;X-NUM-GUESTS=0:mailto:bob.martin@gmail.example
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=
 TRUE;CN=claire@example.org;X-NUM-GUESTS=0:mailto:claire@example.org
X-GOOGLE-CONFERENCE:https://meet.example/abc-defg-hij
CREATED:20270104T101110Z
DESCRIPTION:-::~:~::~:~:~:~::~:~::-\\nJoin
LAST-MODIFIED:20270104T101110Z
LOCATION:
SEQUENCE:0
STATUS:CONFIRMED
SUMMARY:Réunion d'équipe
TRANSP:OPAQUE
END:VEVENT
END:VCALENDAR
"""
STORED = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//t//EN
BEGIN:VEVENT
UID:1
DTSTAMP:20270101T000000Z
DTSTART:20270111T080000Z
SUMMARY:Budget
ORGANIZER:mailto:claire@example.org
ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob.martin@contoso.example
END:VEVENT
END:VCALENDAR
"""
OUTLOOK_REPLY = """\
BEGIN:VCALENDAR
METHOD:REPLY
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
BEGIN:VEVENT
ATTENDEE;PARTSTAT=TENTATIVE;CN=Bob Martin:MAILTO:Bob.Martin@Contoso.example
COMMENT;LANGUAGE=fr-FR:Peut-être\\n
UID:1
SUMMARY;LANGUAGE=fr-FR:Provisoire: Budget
DTSTART;TZID=UTC:20270111T080000
DTEND;TZID=UTC:20270111T080000
CLASS:PUBLIC
PRIORITY:5
DTSTAMP:20270104T101112Z
TRANSP:OPAQUE
STATUS:CONFIRMED
SEQUENCE:0
X-MICROSOFT-CDO-APPT-SEQUENCE:0
END:VEVENT
END:VCALENDAR
"""
APPLE_REPLY = """\
BEGIN:VCALENDAR
CALSCALE:GREGORIAN
METHOD:REPLY
PRODID:-//Apple Inc.//macOS 15.1//EN
VERSION:2.0
BEGIN:VEVENT
ATTENDEE;CN="Bob Martin";CUTYPE=INDIVIDUAL;EMAIL="bob.martin@contoso.example"
 ;PARTSTAT=DECLINED:mailto:bob.martin@contoso.example
DTSTAMP:20270104T101112Z
DTSTART:20270111T080000Z
ORGANIZER;CN="Claire":mailto:claire@example.org
SEQUENCE:0
SUMMARY:Budget
UID:1
END:VEVENT
END:VCALENDAR
"""


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def outlook(itip: str, method: str) -> bytes:
    """Base64 among the alternatives; the mail's own charset is another one."""
    encoded = base64.encodebytes(crlf(itip)).decode()
    return crlf(
        "From: Bob Martin <Bob.Martin@Contoso.example>\nContent-Language: fr-FR\nMIME-Version: 1.0\n"
        'Content-Type: multipart/alternative;\n\tboundary="_000_AM0PR"\n\n--_000_AM0PR\n'
        'Content-Type: text/plain; charset="iso-8859-1"\nContent-Transfer-Encoding: quoted-printable\n\nBonjour\n\n'
        '--_000_AM0PR\nContent-Type: text/html; charset="iso-8859-1"\n\n<html></html>\n\n--_000_AM0PR\n'
        f'Content-Type: text/calendar; charset="utf-8"; method={method}\nContent-Transfer-Encoding: base64\n\n'
        f"{encoded}\n--_000_AM0PR--\n"
    )


def gmail(itip: str, method: str) -> bytes:
    """Among the alternatives as it is, and once more as a file."""
    encoded = base64.encodebytes(crlf(itip)).decode()
    body = quopri.encodestring(itip.encode()).decode()
    return crlf(
        "Reply-To: bob.martin@gmail.example\nSender: Google Calendar <calendar-notification@google.example>\n"
        "From: bob.martin@gmail.example\nMIME-Version: 1.0\n"
        'Content-Type: multipart/mixed; boundary="0001"\n\n--0001\n'
        'Content-Type: multipart/alternative; boundary="0002"\n\n--0002\n'
        'Content-Type: text/plain; charset="UTF-8"; format=flowed; delsp=yes\n\nHi\n--0002\n'
        f'Content-Type: text/calendar; charset="UTF-8"; method={method}\n'
        f"Content-Transfer-Encoding: quoted-printable\n\n{body}\n--0002--\n--0001\n"
        'Content-Type: application/ics; name="invite.ics"\n'
        'Content-Disposition: attachment; filename="invite.ics"\n'
        f"Content-Transfer-Encoding: base64\n\n{encoded}--0001--\n"
    )


def apple(itip: str, method: str) -> bytes:
    """As a file that is shown in its place."""
    return crlf(
        "From: Bob Martin <bob.martin@contoso.example>\nMime-Version: 1.0 (Apple Message framework)\n"
        'Content-Type: multipart/mixed; boundary="Apple-Mail=_1"\n\n--Apple-Mail=_1\nContent-Type: text/plain\n\nBob\n'
        "--Apple-Mail=_1\nContent-Disposition: inline;\n\tfilename=iCal-2027.ics\n"
        f'Content-Type: text/calendar;\n\tmethod={method};\n\tname="iCal-2027.ics";\n\tcharset=utf-8\n'
        f"Content-Transfer-Encoding: 8bit\n\n{itip}\n--Apple-Mail=_1--\n"
    )


def applied(mail: bytes, stored: bytes | None = None) -> tuple[Method, Result, str]:
    """The method, what came of it, and the text in Claire's calendar, unfolded."""
    found = carried.read(mail)
    assert found is not None
    assert found.method is not None
    author = carried.author(mail)
    assert author is not None
    assert author.key in found.speakers
    message = read_message(found.itip, identity="1", sender=author.key, recipient=CLAIRE, created=0)
    arrival = incoming.apply(message, stored, OWN, 1_800_000_000)
    return found.method, arrival.result, (arrival.text or b"").decode().replace("\r\n ", "")


@pytest.mark.parametrize(("mail", "times"), [(outlook(OUTLOOK, "REQUEST"), 4), (gmail(GMAIL, "REQUEST"), 1)])
def test_an_invitation_stands_in_the_calendar_at_its_time(mail: bytes, times: int) -> None:
    method, result, text = applied(mail)
    assert (method, result) == (Method.REQUEST, Result.APPLIED)
    assert "METHOD" not in text
    assert "PARTSTAT=NEEDS-ACTION" in text
    assert "Réunion d'équipe" in text
    found = sorted(occurrences(read_object(text), 0, 2**40, Budget(), 10).found)
    assert (found[0].start, len(found)) == (NINE_IN_PARIS, times)


@pytest.mark.parametrize(
    ("mail", "answer"),
    [
        (outlook(OUTLOOK_REPLY, "REPLY"), "PARTSTAT=TENTATIVE"),
        (apple(APPLE_REPLY, "REPLY"), "PARTSTAT=DECLINED"),
        (gmail(APPLE_REPLY, "REPLY").replace(b"bob.martin@gmail", b"bob.martin@contoso"), "PARTSTAT=DECLINED"),
    ],
)
def test_an_answer_counts_for_who_gave_it(mail: bytes, answer: str) -> None:
    method, result, text = applied(mail, crlf(STORED))
    assert (method, result) == (Method.REPLY, Result.APPLIED)
    (attendee,) = [line for line in text.splitlines() if line.startswith("ATTENDEE")]
    assert answer in attendee
    assert "SUMMARY:Budget" in text, "a title with the answer in front of it is not the event's"
