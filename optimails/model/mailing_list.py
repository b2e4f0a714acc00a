"""Distribution lists: an address whose mail goes to its members."""

from dataclasses import dataclass
from enum import StrEnum

from optimails.model.account import Account
from optimails.model.address import EmailAddress

OWNER = "owner"  # tags of a list's own sub-addresses
LEAVE = "leave"


class Posting(StrEnum):
    """Who may post."""

    ANYONE = "anyone"
    DOMAIN = "domain"  # whoever logged in with an account of the list's domain
    MEMBERS = "members"
    SENDERS = "senders"  # those who are named
    OWNERS = "owners"  # with the moderators


class Others(StrEnum):
    """What becomes of posts of everybody else."""

    REFUSE = "refuse"
    HOLD = "hold"  # until a moderator has decided


class ReplyTo(StrEnum):
    """Where answers go."""

    UNCHANGED = "unchanged"
    LIST = "list"
    SENDER = "sender"


class FromRewrite(StrEnum):
    """When the list stands in From in place of the author, who then stands in Reply-To."""

    NEVER = "never"
    POLICY = "policy"  # when the author's domain says by DMARC that others may not write in its name
    ALWAYS = "always"


class Role(StrEnum):
    """What somebody is to a list, apart from being a member."""

    OWNER = "owner"
    MODERATOR = "moderator"
    SENDER = "sender"  # may post


@dataclass(frozen=True, slots=True)
class MailingList:
    """A list with its settings. People are keys of addresses (``EmailAddress.key``)."""

    address: EmailAddress
    name: str = ""
    description: str = ""
    language: str = "en"
    posting: Posting = Posting.MEMBERS
    others: Others = Others.REFUSE
    reply_to: ReplyTo = ReplyTo.UNCHANGED
    subject_tag: str = ""
    max_size: int | None = None  # bytes
    from_rewrite: FromRewrite = FromRewrite.POLICY
    everyone: bool = False  # all accounts of the domain are members
    leave: bool = False  # members may leave by themselves
    hold_days: int = 14
    bounces: int = 5  # days with a bounce after which a member gets no more mail; 0: never
    bounce_days: int = 30  # among so many
    owners: tuple[str, ...] = ()
    moderators: tuple[str, ...] = ()
    senders: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.address.key

    @property
    def title(self) -> str:
        """To show."""
        return self.name or self.address.local

    @property
    def deciders(self) -> tuple[str, ...]:
        """Who decides on held posts, and is told of them."""
        return self.moderators or self.owners or (f"postmaster@{self.address.domain}",)

    def tagged(self, tag: str) -> EmailAddress:
        """A sub-address of the list."""
        return EmailAddress(f"{self.address.local}+{tag}", self.address.domain)


@dataclass(frozen=True, slots=True)
class ListRecipient:
    """One end of a list: an account here, or an address elsewhere."""

    address: EmailAddress
    member: int  # the row that leads there, of this list or of one inside it; 0: there is none
    account: Account | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """Who gets the mail of a list, each once."""

    recipients: tuple[ListRecipient, ...]
    silent: tuple[ListRecipient, ...] = ()  # members of the list itself who get none: suspended
    dead: tuple[ListRecipient, ...] = ()  # addresses of our domains that do not exist any more
