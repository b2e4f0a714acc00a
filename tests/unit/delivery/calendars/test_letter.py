"""Invitations in words and as mail: what their readers see, and what mail programs look for."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from optimails.delivery.calendars.letter import Letter, Party, invitation, message_id
from optimails.delivery.calendars.summary import Scheduled, summary
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax

PARIS = ("DTSTART;TZID=Europe/Paris:20261130T140000", "DTEND;TZID=Europe/Paris:20261130T150000")


def itip(*lines: str, method: str = "REQUEST", kind: str = "VEVENT") -> str:
    people = () if method == "REPLY" else ("ATTENDEE;CN=Bob:mailto:bob@b.test",)
    inside = ("UID:1", "SUMMARY:Budget", "ORGANIZER;CN=Alice:mailto:alice@a.test", *people, *lines)
    whole = ("BEGIN:VCALENDAR", "VERSION:2.0", f"METHOD:{method}", f"BEGIN:{kind}", *inside, f"END:{kind}")
    return "\r\n".join((*whole, "END:VCALENDAR", ""))


def shown(text: str, language: str = "en", before: str | None = None) -> dict[str, str]:
    said = summary(Scheduled.read(text), language, summary(Scheduled.read(before), language).facts if before else None)
    found = {line.label: line.value for line in said.lines}
    return found | {"subject": said.subject, "headline": said.headline, "note": said.note}


@pytest.mark.parametrize(
    ("lines", "english", "french"),
    [
        (
            PARIS,
            "Monday 30 November 2026, 14:00 to 15:00 (Europe/Paris, UTC+01:00)",
            "lundi 30 novembre 2026 de 14:00 à 15:00 (Europe/Paris, UTC+01:00)",
        ),
        (
            ("DTSTART;TZID=Romance Standard Time:20260701T090000", "DURATION:PT90M"),
            "Wednesday 1 July 2026, 09:00 to 10:30 (Europe/Paris, UTC+02:00)",
            "mercredi 1er juillet 2026 de 09:00 à 10:30 (Europe/Paris, UTC+02:00)",
        ),
        (
            ("DTSTART;TZID=America/New_York:20261130T200000", "DTEND:20261201T060000Z"),
            "Monday 30 November 2026, 20:00 to Tuesday 1 December 2026, 01:00 (America/New_York, UTC-05:00)",
            "du lundi 30 novembre 2026 à 20:00 au mardi 1er décembre 2026 à 01:00 (America/New_York, UTC-05:00)",
        ),
        (("DTSTART;VALUE=DATE:20261130",), "Monday 30 November 2026", "lundi 30 novembre 2026"),
        (
            ("DTSTART;VALUE=DATE:20261130", "DTEND;VALUE=DATE:20261203"),
            "Monday 30 November 2026 to Wednesday 2 December 2026",
            "du lundi 30 novembre 2026 au mercredi 2 décembre 2026",
        ),
        (("DTSTART:20261130T140000Z",), "Monday 30 November 2026, 14:00 (UTC)", "lundi 30 novembre 2026 à 14:00 (UTC)"),
        (("DTSTART:20261130T140000",), "Monday 30 November 2026, 14:00", "lundi 30 novembre 2026 à 14:00"),
    ],
)
def test_when_in_both_languages(lines: tuple[str, ...], english: str, french: str) -> None:
    assert shown(itip(*lines))["When"] == english
    assert shown(itip(*lines), "fr")["Quand"] == french


@pytest.mark.parametrize(
    ("rule", "english"),
    [
        ("FREQ=DAILY", "every day"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE", "every 2 weeks, Monday, Wednesday"),
        ("FREQ=MONTHLY;BYDAY=-1FR;COUNT=5", "every month, on the last Friday, 5 times"),
        ("FREQ=YEARLY;UNTIL=20300101", "every year, until Tuesday 1 January 2030"),
        ("FREQ=SECONDLY", "on several dates"),
        ("nonsense", "on several dates"),
    ],
)
def test_recurrences_in_words(rule: str, english: str) -> None:
    assert shown(itip(*PARIS, f"RRULE:{rule}"))["Repeats"] == english


def answer(partstat: str, *more: str) -> str:
    return itip(*PARIS, f"ATTENDEE;CN=Bob;{partstat}:mailto:bob@b.test", *more, method="REPLY")


@pytest.mark.parametrize(
    ("text", "subject", "headline"),
    [
        (itip(*PARIS), "Invitation: Budget", "Alice <alice@a.test> invites you."),
        (itip(*PARIS, method="CANCEL"), "Cancelled: Budget", "Alice <alice@a.test> has cancelled this event."),
        (answer("PARTSTAT=ACCEPTED"), "Accepted: Budget", "Bob <bob@b.test> has accepted."),
        (answer("PARTSTAT=DECLINED"), "Declined: Budget", "Bob <bob@b.test> has declined."),
        (
            answer('PARTSTAT=DELEGATED;DELEGATED-TO="mailto:eve@b.test"'),
            "Delegated: Budget",
            "Bob <bob@b.test> sends somebody else: eve@b.test.",
        ),
        (answer("PARTSTAT=strange"), "Answer: Budget", "Bob <bob@b.test> has answered."),
        (
            itip(*PARIS, method="COUNTER"),
            "Change proposed: Budget",
            "Bob <bob@b.test> proposes to change this event to:",
        ),
        (
            itip(*PARIS, "RECURRENCE-ID:20261130T130000Z", method="CANCEL"),
            "Cancelled: Budget",
            "Alice <alice@a.test> has cancelled this event. This is about one occurrence of a series.",
        ),
    ],
)
def test_what_it_is_about(text: str, subject: str, headline: str) -> None:
    found = shown(text)
    assert (found["subject"], found["headline"]) == (subject, headline)


def test_what_changed_says_what_it_was() -> None:
    before = itip(*PARIS, "LOCATION:Room 1")
    after = itip("DTSTART:20261201T140000Z", "LOCATION:Room 1", "SEQUENCE:1")
    said = summary(Scheduled.read(after), "en", summary(Scheduled.read(before), "en").facts)
    assert (said.subject, said.headline) == ("Changed: Budget", "Alice <alice@a.test> has changed this event.")
    changed = {line.label: line.before for line in said.lines if line.before}
    assert changed == {"When": "Monday 30 November 2026, 14:00 to 15:00 (Europe/Paris, UTC+01:00)"}


def test_strange_texts_are_bad_syntax_or_shown_in_part() -> None:
    for broken in ("", "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "BEGIN:VEVENT\r\nEND:VEVENT\r\n"):
        with pytest.raises(BadSyntax):
            Scheduled.read(broken)
    found = shown(itip("DTSTART:99999999T999999", "LOCATION:a\\nb\x07c", "COMMENT:<script>"))
    assert "When" not in found
    assert found["Where"] == "a bc"
    assert found["note"] == "<script>"


def party(address: str, name: str = "") -> Party:
    return Party(EmailAddress.parse(address), name)


def test_the_mail_has_the_form_that_mail_programs_look_for() -> None:
    text = itip(*PARIS, "DESCRIPTION:Line <one>\\nLine two é")
    letter = Letter(
        "row 7", party("alice@a.test", "Alice Éluard"), (party("bob@b.test"),), "fr", party("eve@a.test", "Eve")
    )
    header, body = invitation(letter, summary(Scheduled.read(text), "fr"), "REQUEST", text.encode(), 1_800_000_000)
    assert b"".join((header, body)).isascii()
    assert max(map(len, (header + body).split(b"\r\n"))) <= 998
    mail = message_from_bytes(header + b"\r\n" + body, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["From"].addresses[0].display_name == "Alice Éluard"
    assert mail["Sender"].address.addr_spec == "eve@a.test"
    assert mail["Subject"] == "Invitation : Budget"
    assert mail["Message-ID"] == message_id("row 7", "a.test")
    assert "Auto-Submitted" not in mail
    alternative, attached = mail.iter_parts()
    plain, html, calendar = alternative.iter_parts()
    assert [part.get_content_type() for part in (plain, html)] == ["text/plain", "text/html"]
    assert "Line two é" in plain.get_content()
    assert "Line &lt;one&gt;" in html.get_content()
    assert calendar.get_content_type() == "text/calendar"
    assert calendar.get_param("method") == "REQUEST"
    assert calendar.get_payload(decode=True) == text.encode()
    assert attached.get_content_type() == "application/ics"
    assert attached.get_filename() == "invite.ics"
    assert attached.get_payload(decode=True) == text.encode()
