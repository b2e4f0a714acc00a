"""The addresses by which a list is spoken to apart from posting: sub-addresses of its own, most of them signed.

``list+b-MEMBER-HASH`` is the envelope sender of what the list sends: a bounce to it names the member (in base 36; 0
for mail to several at once). ``list+ok-POST-HASH`` and ``list+no-POST-HASH`` decide on a held post: the hash is that of
one moderator and one post, so a mail to it is the moderator's own decision, and it is void once anybody has decided.
``list+bye-MEMBER-HASH`` confirms that a member leaves; the link of each member (RFC 8058) ends so, too. ``list+owner``
and ``list+leave`` need no signature.

The hash has 50 bits and is keyed with a secret of this service. Nothing depends on the case of letters, which may
change on the way.
"""

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from optimails.model.address import EmailAddress
from optimails.model.errors import Unavailable
from optimails.model.mailing_list import LEAVE, MailingList
from optimails.store.secret import secret

KEY = "lists.key"
PAGES = "/lists/leave/"
SHARED = 0  # stands for the member where mail goes to several
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_TAG = re.compile(r"(b|bye)-([0-9a-z]{1,13})-([a-z2-7]{10})|(ok|no)-([0-9a-f]{16})-([a-z2-7]{10})|(leave)")


@dataclass(frozen=True, slots=True)
class Bounced:
    """Something came back for this member."""

    member: int


@dataclass(frozen=True, slots=True)
class Decided:
    """A moderator approves of a held post, or does not."""

    post: str
    moderator: str  # key
    approve: bool


@dataclass(frozen=True, slots=True)
class Leaves:
    """Somebody wants to leave; with a ``member`` it is confirmed."""

    member: int = 0


Errand = Bounced | Decided | Leaves


class Addresses:
    """One per process; all of a machine share the secret in ``data``."""

    def __init__(self, data: Path) -> None:
        self._path = data / KEY
        self._secret: bytes | None = None

    def bounces(self, of: MailingList, member: int) -> EmailAddress:
        """The envelope sender of mail to that member. Raises ``Unavailable``, as the others do."""
        return of.tagged(f"b-{_base36(member)}-{self._hash('b', of.key, str(member))}")

    def decision(self, of: MailingList, post: str, moderator: str, *, approve: bool) -> EmailAddress:
        """Where this moderator writes to approve of the post, or to reject it."""
        word = "ok" if approve else "no"
        return of.tagged(f"{word}-{post}-{self._hash(word, of.key, post, moderator)}")

    def confirm(self, of: MailingList, member: int) -> EmailAddress:
        """Where a member writes who really wants to leave."""
        return of.tagged(f"bye-{_base36(member)}-{self._hash('bye', of.key, str(member))}")

    def page(self, of: MailingList, member: int) -> str:
        """The path of the page where this member leaves."""
        return f"{PAGES}{quote(of.key, safe='@')}/{self.confirm(of, member).tag}"

    def read(self, of: MailingList, tag: str) -> Errand | None:
        """What a mail to this sub-address means; None: it is no address of this kind.

        Raises:
            ValueError: it has the form of one, and we did not write it.
            Unavailable: the secret cannot be read.
        """
        found = _TAG.fullmatch(tag.lower())
        if found is None:
            return None
        if found[7]:
            return Leaves() if found[7] == LEAVE else None
        if found[1]:
            member = int(found[2], 36)
            self._check(found[3], found[1], of.key, str(member))
            return Bounced(member) if found[1] == "b" else Leaves(member)
        for moderator in of.deciders:
            if hmac.compare_digest(found[6], self._hash(found[4], of.key, found[5], moderator)):
                return Decided(found[5], moderator, approve=found[4] == "ok")
        raise ValueError(tag)

    def _check(self, given: str, *parts: str) -> None:
        if not hmac.compare_digest(given, self._hash(*parts)):
            raise ValueError(given)

    def _hash(self, *parts: str) -> str:
        if self._secret is None:
            try:
                self._secret = secret(self._path)
            except OSError as wrong:
                raise Unavailable("The secret of list addresses cannot be read") from wrong
        mac = hmac.digest(self._secret, "\0".join(parts).encode(), hashlib.sha256)
        return base64.b32encode(mac).decode().lower()[:10]


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
