"""Mail that comes in for a list: may it, and if so, safe on disk. All else is the runner's, in the jobs worker.

Whoever logged in is known by the account. Of others there is the envelope sender, which RCPT can refuse already; one
in a domain of ours counts for nothing without a log-in, for anybody can write it. From is not asked: it proves no more,
and may be another's by good right. What SPF, DKIM and DMARC found of strangers counts (``evidence``): where it speaks
against them they are as everybody else. What filters want in quarantine, or its author's domain disowns, waits for a
moderator.
"""

import logging
from collections.abc import Iterable, Mapping

from prometheus_client import Counter

from optimails.delivery import failures
from optimails.delivery.api import Failed, SmtpEnvelope
from optimails.delivery.lists.evidence import proven
from optimails.delivery.spool import Spool
from optimails.directory.api import Directory, Resolution
from optimails.lists.addresses import Addresses, Errand
from optimails.lists.api import Arrived
from optimails.lists.header import shown
from optimails.lists.policy import Standing, Verdict, no_post, verdict
from optimails.lists.store import ListStore
from optimails.model.account import Account
from optimails.model.address import EmailAddress
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from optimails.model.ids import AccountId
from optimails.model.mailing_list import OWNER, MailingList, Posting

log = logging.getLogger(__name__)

_DAY = 86_400.0
_MARK = "list:"  # no account's id begins so
_POSTS = Counter("optimails_list_posts_total", "Mails to distribution lists, by what became of them.", ["result"])


def place(address: EmailAddress) -> AccountId:
    """What stands for a list, or a sub-address of it, where accounts are noted that have a message."""
    return AccountId(_MARK + address.key)


class ListIntake:
    """One per worker."""

    def __init__(self, directory: Directory, store: ListStore, addresses: Addresses) -> None:
        self._directory = directory
        self._store = store
        self._addresses = addresses

    async def check(
        self, lists: Iterable[EmailAddress], account: Account | None, sender: EmailAddress | None, size: int | None
    ) -> Failed | None:
        """At RCPT: why mail from there is not taken for one of these lists; None: it is."""
        try:
            for address in lists:
                of, errand = await self._known(address)
                if errand is not None or sender is None:
                    continue  # reports to the list itself are its owners'
                if of.max_size is not None and (size or 0) > of.max_size:
                    return failures.TOO_BIG_FOR_LIST
                if verdict(of, await self._standing(of, account, sender)) is Verdict.REFUSE:
                    _POSTS.labels("refused").inc()
                    return failures.NOT_YOUR_LIST
        except Refused:
            return failures.UNKNOWN
        except Unavailable:
            return failures.LISTS_AWAY
        return None

    async def routed(self, resolution: Resolution, sender: EmailAddress | None) -> Resolution | Failed:
        """Where mail goes really: what has the null sender is no post (RFC 3834 §2), and goes to the list's owners."""
        if sender is not None:
            return resolution
        accounts = {account.id: account for account in resolution.accounts}
        remote = dict.fromkeys(resolution.remote)
        lists = []
        try:
            for address in resolution.lists:
                of, errand = await self._known(address)
                if errand is not None:
                    lists.append(address)
                    continue
                owners = await self._directory.resolve(of.tagged(OWNER))
                accounts |= {account.id: account for account in owners.accounts}
                remote |= dict.fromkeys(owners.remote)
        except Refused as refused:
            return failures.not_resolved(refused)
        except Unavailable:
            return failures.DIRECTORY_AWAY
        return Resolution(tuple(accounts.values()), tuple(remote), tuple(lists))

    async def take(
        self, envelope: SmtpEnvelope, lists: Mapping[AccountId, EmailAddress], received: bytes, content: Spool
    ) -> dict[AccountId, Failed]:
        """Store the message for these lists; gives those that do not have it."""
        failed: dict[AccountId, Failed] = {}
        for name, address in lists.items():
            try:
                of, errand = await self._known(address)
                if errand is not None:
                    await self._errand(envelope, of, address, content)
                else:
                    refused = await self._post(envelope, of, received, content)
                    if refused is not None:
                        failed[name] = refused
            except Refused:
                failed[name] = failures.UNKNOWN
            except Unavailable:
                failed[name] = failures.LISTS_AWAY
        return failed

    async def _known(self, address: EmailAddress) -> tuple[MailingList, Errand | None]:
        """The list, and what the sub-address means. Raises ``Refused`` where there is none, ``Unavailable``."""
        of = await self._directory.mailing_list(address)
        if of is None:
            raise Refused(Reason.NON_EXISTENT, "There is no such list")
        try:
            return of, self._addresses.read(of, address.tag)
        except ValueError as wrong:
            raise Refused(Reason.NON_EXISTENT, "The address is not ours, or void") from wrong

    async def _errand(self, envelope: SmtpEnvelope, of: MailingList, address: EmailAddress, content: Spool) -> None:
        """A report, a decision: only its beginning matters."""
        account = envelope.account
        mail = Arrived(of.key, address.tag.lower(), envelope.sender, account.id if account is not None else "")
        await self._store.accept(mail, [content.head()])

    async def _post(self, envelope: SmtpEnvelope, of: MailingList, received: bytes, content: Spool) -> Failed | None:
        if of.max_size is not None and content.size > of.max_size:
            return failures.TOO_BIG_FOR_LIST
        head = content.head()
        end = 0 if head.startswith(b"\r\n") else head.find(b"\r\n\r\n") + 2
        if end == 1:
            if content.size > len(head):
                return failures.HEADER_TOO_LARGE
            end = len(head)
        header = head[:end]
        account = envelope.account
        fields = {"list": of.key, "sender": str(envelope.sender or ""), "account": account.id if account else ""}
        why = no_post(of, header)
        if why is not None:
            _POSTS.labels("dropped").inc()
            log.info("list_post_dropped", extra={"fields": {**fields, "why": why}})
            return None
        known = None if account is not None else proven(envelope)
        decision = verdict(of, await self._standing(of, account, envelope.sender, proven=known))
        if decision is Verdict.REFUSE:
            _POSTS.labels("refused").inc()
            return failures.NOT_YOUR_LIST
        held = decision is Verdict.HOLD or envelope.junk or bool(envelope.disowned)
        mail = Arrived(
            of.key,
            "",
            envelope.sender,
            account.id if account is not None else "",
            shown(header, b"from"),
            shown(header, b"subject"),
            held,
            of.hold_days * _DAY,
            envelope.not_before or 0.0,
        )
        identity = await self._store.accept(mail, _pieces(received, content))
        _POSTS.labels("held" if held else "taken").inc()
        log.info("list_post", extra={"fields": {**fields, "post": identity, "held": held, "size": content.size}})
        return None

    async def _standing(
        self, of: MailingList, account: Account | None, sender: EmailAddress | None, *, proven: bool | None = None
    ) -> Standing:
        """What the poster is to the list. Raises ``Unavailable``."""
        if account is None and (sender is None or await self._directory.is_local(sender.domain)):
            return Standing(proven=proven)
        return Standing(
            of_domain=account is not None and account.address.domain == of.address.domain,
            member=of.posting is Posting.MEMBERS and await self._is_member(of, account, sender),
            sender=await self._is_one_of(of.senders, account, sender),
            decides=await self._is_one_of((*of.owners, *of.moderators), account, sender),
            proven=proven,
        )

    async def _is_member(self, of: MailingList, account: Account | None, sender: EmailAddress | None) -> bool:
        try:
            found = await self._directory.expand(of.key)
        except Refused:
            return False
        for one in (*found.recipients, *found.silent):
            if account is not None and one.account is not None and one.account.id == account.id:
                return True
            if account is None and sender is not None and one.address.key == sender.key:
                return True
        return False

    async def _is_one_of(self, keys: Iterable[str], account: Account | None, sender: EmailAddress | None) -> bool:
        """By the address itself or, for an account, by one that leads to it alone."""
        for key in keys:
            if account is None:
                if sender is not None and key == sender.key:
                    return True
            elif key == account.address.key or await self._leads_to(key, account):
                return True
        return False

    async def _leads_to(self, key: str, account: Account) -> bool:
        try:
            found = await self._directory.resolve(EmailAddress.parse(key))
        except (BadSyntax, Refused):
            return False
        return not found.remote and not found.lists and [one.id for one in found.accounts] == [account.id]


def _pieces(received: bytes, content: Spool) -> Iterable[bytes]:
    yield received
    yield from content.pieces()
