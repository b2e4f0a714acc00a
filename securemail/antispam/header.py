"""Header forensics: what mail programs never write, and those who hide write often."""

import re

from optimails.mime import parse_date
from securemail.antispam.names import organisation
from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact

_DAY = 86_400
_REPLY = re.compile(r"(?:re|tr|fwd?|aw|ré)\s*:", re.IGNORECASE)
_SPACED = re.compile(r"(?:\b\w[ ._*-]){5,}\w\b")
_FREE = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "outlook.fr", "hotmail.com", "hotmail.fr", "live.com", "live.fr",
    "yahoo.com", "yahoo.fr", "yahoo.co.uk", "aol.com", "gmx.com", "gmx.fr", "gmx.net", "mail.com", "mail.ru",
    "yandex.com", "yandex.ru", "proton.me", "protonmail.com", "icloud.com", "free.fr", "orange.fr", "laposte.net",
    "sfr.fr", "163.com", "qq.com", "zoho.com", "tutanota.com",
})  # fmt: skip
"""Where everybody can have an address, and a business has none."""


class Header:
    name = "header"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        """Facts about From, Date, Message-ID, Reply-To, Subject and To."""
        return [
            *self._author(examined),
            *self._date(examined, context.received),
            *self._identity(examined),
            *self._subject(examined),
            *self._recipients(examined),
        ]

    def _author(self, examined: Examined) -> list[Fact]:
        fields = examined.values("from")
        authors = [one for one in examined.addresses("from") if one.host]
        if not authors:
            return [fact(self.name, "NO_AUTHOR", *(value.decode("utf-8", "replace") for value in fields))]
        # RFC 5322 §3.6: one From. Several authors in one field are allowed, and then Sender says who of them wrote.
        if len(fields) > 1 or (len(authors) > 1 and not examined.value("sender")):
            return [fact(self.name, "MANY_AUTHORS", *(value.decode("utf-8", "replace") for value in fields))]
        return []

    def _date(self, examined: Examined, received: float) -> list[Fact]:
        written = examined.value("date")
        sent = parse_date(written)
        if sent is None:
            return [fact(self.name, "NO_DATE", written.decode("latin-1"))]
        if received and sent.seconds > received + _DAY:
            return [fact(self.name, "DATE_IN_FUTURE", written.decode("latin-1"))]
        if received and sent.seconds < received - 14 * _DAY:
            return [fact(self.name, "DATE_LONG_AGO", written.decode("latin-1"))]
        return []

    def _identity(self, examined: Examined) -> list[Fact]:
        found = []
        if b"@" not in examined.value("message-id"):
            found.append(fact(self.name, "NO_MESSAGE_ID", examined.value("message-id").decode("latin-1")))
        author = organisation(examined.author_domain)
        for one in examined.addresses("reply-to"):
            host = (one.host or b"").decode("latin-1").lower()
            if host in _FREE and author and author not in _FREE:
                found.append(fact(self.name, "REPLIES_ELSEWHERE", f"{examined.author[1]} → {host}"))
                break
        return found

    def _subject(self, examined: Examined) -> list[Fact]:
        subject = examined.subject
        letters = [letter for letter in subject if letter.isalpha()]
        found = []
        if len(letters) >= 12 and len(subject.split()) >= 3 and all(letter.isupper() for letter in letters):
            found.append(fact(self.name, "SUBJECT_SHOUTS", subject))
        if _SPACED.search(subject[:300]):
            found.append(fact(self.name, "SUBJECT_SPACED", subject))
        answered = examined.value("in-reply-to") or examined.value("references") or examined.value("thread-index")
        if _REPLY.match(subject) and not answered:
            found.append(fact(self.name, "FALSE_REPLY", subject))
        return found

    def _recipients(self, examined: Examined) -> list[Fact]:
        named = examined.addresses("to") + examined.addresses("cc")
        return [] if named else [fact(self.name, "NO_RECIPIENTS_NAMED", examined.field("to"))]
