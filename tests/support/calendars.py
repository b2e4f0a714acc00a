"""Calendar objects and vCards for tests, and an account to put them in."""

from optimails.groupware.service import LocalGroupware
from optimails.model.account import Account, AccountState, Limits
from optimails.model.address import EmailAddress
from optimails.model.ids import AccountId

ACCOUNT = Account(
    AccountId("a1"), EmailAddress.parse("claire@example.org"), "basic", AccountState.ACTIVE, Limits(None, None, 0)
)


def calendar(*components):
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN", *components, "END:VCALENDAR", ""])


def component(kind, uid, *lines):
    return "\r\n".join([f"BEGIN:{kind}", f"UID:{uid}", "DTSTAMP:20260101T000000Z", *lines, f"END:{kind}"])


def event(uid, start="20261103T090000Z", *lines, end="20261103T100000Z"):
    times = [f"DTSTART:{start}"] + ([f"DTEND:{end}"] if end else [])
    return calendar(component("VEVENT", uid, *times, *lines))


def card(uid, name, *lines, version="3.0"):
    return "\r\n".join(
        ["BEGIN:VCARD", f"VERSION:{version}", f"UID:{uid}", f"FN:{name}", f"N:{name};;;;", *lines, "END:VCARD", ""]
    )


def in_memory(**options):
    return LocalGroupware(None, **options)
