"""Who may post to a list, and which mails are no posts at all. Pure."""

from dataclasses import dataclass
from enum import Enum

from optimails.dkim.canonical import fields
from optimails.mime.header import unfolded
from optimails.model.dns_name import ascii_name
from optimails.model.mailing_list import MailingList, Others, Posting

LOOP_MARK = b"X-Loop"
MAX_HEADER_FIELDS = 2_000  # looked at; a header with more is not looked at further


class Verdict(Enum):
    POST = "post"
    HOLD = "hold"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Standing:
    """What the poster is to the list.

    ``proven`` says whether a sender elsewhere has shown to be who it says (SPF, DKIM, DMARC): False: it has not,
    although its domain's mail can; None: nobody has looked. Whoever logged in is proven by that.
    """

    of_domain: bool = False  # logged in, with an account of the list's domain
    member: bool = False
    sender: bool = False  # among those who are named
    decides: bool = False  # owner or moderator
    proven: bool | None = None


def verdict(of: MailingList, standing: Standing) -> Verdict:
    """What becomes of a post. Owners and moderators may always post; named senders, too, unless only those may."""
    privileged = standing.decides or standing.sender
    match of.posting:
        case Posting.ANYONE:
            return Verdict.POST  # whoever it is
        case Posting.DOMAIN:
            allowed = privileged or standing.of_domain
        case Posting.MEMBERS:
            allowed = privileged or standing.member
        case Posting.SENDERS:
            allowed = privileged
        case Posting.OWNERS:
            allowed = standing.decides
    if allowed and standing.proven is not False:
        return Verdict.POST
    return Verdict.HOLD if of.others is Others.HOLD else Verdict.REFUSE


def no_post(of: MailingList, header: bytes) -> str | None:
    """Why a mail is not sent on although its sender may post; None: it is a post.

    It has been through this list before; or a machine answers (RFC 3834 §2: automatic responses are for one person,
    never for a list), or reports.
    """
    own = of.key.encode()
    for name, field in fields(header)[:MAX_HEADER_FIELDS]:
        value = unfolded(field.partition(b":")[2]).lower()
        if name == b"list-id" and value.endswith(b"<%b>" % list_id(of).lower()):
            return "it has been through the list already"
        if name == LOOP_MARK.lower() and value == own:
            return "it has been through the list already"
        if name == b"auto-submitted" and value.startswith((b"auto-replied", b"auto-notified")):
            return "it is an automatic answer"
        if name == b"x-autoreply" and value not in (b"", b"no"):
            return "it is an automatic answer"
        if name == b"content-type" and value.startswith(b"multipart/report"):
            return "it is a report"
    return None


def is_automatic(header: bytes) -> bool:
    """Whether a machine wrote it: such a mail decides nothing for a person."""
    for name, field in fields(header)[:MAX_HEADER_FIELDS]:
        value = unfolded(field.partition(b":")[2]).lower()
        if name == b"auto-submitted" and not value.startswith(b"no"):
            return True
        if name == b"precedence" and value in (b"bulk", b"junk", b"list", b"auto_reply"):
            return True
        if name in (b"x-autoreply", b"x-autorespond", b"list-id"):
            return True
    return False


def list_id(of: MailingList) -> bytes:
    """The identifier that mail programs sort by (RFC 2919 §2): the address with a dot for its @."""
    return f"{of.address.local}.{ascii_name(of.address.domain)}".encode()
