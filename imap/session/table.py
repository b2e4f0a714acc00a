"""The state table: which command is allowed when, who carries it out, which news may go with its answer."""

import asyncio
import logging
from typing import Any

from prometheus_client import Counter

from imap.session import (
    acl,
    anytime,
    append,
    authenticate,
    copy,
    fetch,
    idle,
    listing,
    mailboxes,
    metadata,
    quota,
    search,
    select,
    store,
)
from imap.session.session import Farewell, Session
from imap.session.state import ANY, LOGGED_IN, Done, Rule, State, Tell
from imap.session.updates import tell_updates
from imap.wire import codes
from imap.wire import commands as c
from imap.wire.acl import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from imap.wire.metadata import GetMetadata, SetMetadata
from imap.wire.parser import Event, Invalid, NeedContinuation, Received
from imap.wire.responses import Condition
from optimails.door import incident
from optimails.door.peer import Disconnected, TimedOut
from optimails.model.errors import BadSyntax, Reason, Refused, Unavailable
from optimails.model.number_set import NumberSet

log = logging.getLogger(__name__)

_COMMANDS = Counter("optimails_imap_commands_total", "IMAP commands carried out.", ["command"])

RULES: dict[type, Rule] = {
    c.Capability: Rule("CAPABILITY", ANY, anytime.capability),
    c.Noop: Rule("NOOP", ANY, anytime.noop),
    c.Logout: Rule("LOGOUT", ANY, anytime.logout, Tell.NOTHING),
    c.Id: Rule("ID", ANY, anytime.identify),
    c.StartTls: Rule("STARTTLS", State.NOT_AUTHENTICATED, authenticate.start_tls, Tell.NOTHING),
    c.Authenticate: Rule("AUTHENTICATE", State.NOT_AUTHENTICATED, authenticate.authenticate, Tell.NOTHING),
    c.Login: Rule("LOGIN", State.NOT_AUTHENTICATED, authenticate.login, Tell.NOTHING),
    c.Enable: Rule("ENABLE", LOGGED_IN, anytime.enable),
    c.Compress: Rule("COMPRESS", LOGGED_IN, anytime.compress, Tell.NOTHING),
    c.Select: Rule("SELECT", LOGGED_IN, select.select, Tell.NOTHING),
    c.Create: Rule("CREATE", LOGGED_IN, mailboxes.create),
    c.Delete: Rule("DELETE", LOGGED_IN, mailboxes.delete),
    c.Rename: Rule("RENAME", LOGGED_IN, mailboxes.rename),
    c.Subscribe: Rule("SUBSCRIBE", LOGGED_IN, mailboxes.subscribe),
    c.Unsubscribe: Rule("UNSUBSCRIBE", LOGGED_IN, mailboxes.unsubscribe),
    c.List: Rule("LIST", LOGGED_IN, listing.list_),
    c.Lsub: Rule("LSUB", LOGGED_IN, listing.lsub),
    c.Namespace: Rule("NAMESPACE", LOGGED_IN, mailboxes.namespace),
    c.Status: Rule("STATUS", LOGGED_IN, mailboxes.status),
    c.AppendStart: Rule("APPEND", LOGGED_IN, append.append),
    c.Idle: Rule("IDLE", LOGGED_IN, idle.idle),
    c.GetQuota: Rule("GETQUOTA", LOGGED_IN, quota.get_quota),
    c.GetQuotaRoot: Rule("GETQUOTAROOT", LOGGED_IN, quota.get_quota_root),
    c.SetQuota: Rule("SETQUOTA", LOGGED_IN, quota.set_quota),
    GetAcl: Rule("GETACL", LOGGED_IN, acl.get_acl),
    SetAcl: Rule("SETACL", LOGGED_IN, acl.set_acl),
    DeleteAcl: Rule("DELETEACL", LOGGED_IN, acl.delete_acl),
    ListRights: Rule("LISTRIGHTS", LOGGED_IN, acl.list_rights),
    MyRights: Rule("MYRIGHTS", LOGGED_IN, acl.my_rights),
    GetMetadata: Rule("GETMETADATA", LOGGED_IN, metadata.get_metadata),
    SetMetadata: Rule("SETMETADATA", LOGGED_IN, metadata.set_metadata),
    c.Check: Rule("CHECK", State.SELECTED, anytime.noop),
    c.Close: Rule("CLOSE", State.SELECTED, select.close, Tell.NOTHING),
    c.Unselect: Rule("UNSELECT", State.SELECTED, select.unselect, Tell.NOTHING),
    c.Expunge: Rule("EXPUNGE", State.SELECTED, copy.expunge),
    c.Search: Rule("SEARCH", State.SELECTED, search.search, Tell.BY_UID),
    c.Fetch: Rule("FETCH", State.SELECTED, fetch.fetch, Tell.BY_UID),
    c.Store: Rule("STORE", State.SELECTED, store.store, Tell.BY_UID),
    c.Copy: Rule("COPY", State.SELECTED, copy.copy),
    c.Move: Rule("MOVE", State.SELECTED, copy.move),
}
_COUNTERS = {kind: _COMMANDS.labels(rule.name.lower()) for kind, rule in RULES.items()}


async def handle(session: Session, event: Event) -> None:
    """Carry out what the parser gave, up to its tagged answer.

    Raises:
        Farewell, TimedOut, Disconnected: the session is over.
    """
    if isinstance(event, Received):
        await _command(session, event.tag, event.command)
    elif isinstance(event, NeedContinuation):
        session.need_continuation()
    elif isinstance(event, Invalid):
        if isinstance(event.error, Refused) and event.error.reason is Reason.BAD_CHARSET:
            session.saved = NumberSet(())  # RFC 5182 §2.1: a search that was refused leaves nothing behind $
        session.invalid(event.tag, event.error)


async def _command(session: Session, tag: bytes, command: Any) -> None:
    kind = type(command)
    rule = RULES.get(kind)
    if rule is None or session.state not in rule.states:
        if kind is c.AppendStart:
            session.parser.refuse()
        session.invalid(tag, BadSyntax(_out_of_place(session, rule)))
        return
    _COUNTERS[kind].inc()
    session.tag = tag
    done = await _answer(session, rule, command)
    if done is None:
        return
    if session.account is not None and rule.tell is not Tell.NOTHING and done.condition is not Condition.BAD:
        # RFC 9051 §7.5.1: no EXPUNGE in answers to FETCH, STORE and SEARCH by sequence number.
        try:
            if session.selected is not None:
                await tell_updates(session, expunges=rule.tell is Tell.ALL or command.by_uid)
            await metadata.tell_metadata(session)
        except (Refused, Unavailable) as trouble:  # the command is done; the news can wait for the next one
            log.warning("imap_updates_unavailable", extra={"fields": {"session": session.id, "detail": str(trouble)}})
    session.finish(tag, done)


async def _answer(session: Session, rule: Rule, command: object) -> Done | None:
    try:
        done = await rule.handler(session, command)
    except BadSyntax as wrong:
        return Done(str(wrong), None, Condition.BAD)
    except Refused as refused:
        return Done(str(refused), codes.of_reason(refused.reason), Condition.NO)
    except Unavailable as away:
        detail = {"session": session.id, "command": rule.name, "detail": str(away)}
        log.warning("imap_unavailable", extra={"fields": detail})
        return Done(str(away) or "Try again later", codes.UNAVAILABLE, Condition.NO)
    except (Farewell, Disconnected, TimedOut, asyncio.CancelledError):
        raise
    except Exception as error:  # noqa: BLE001 - noted with its trace
        reference = incident.note(error, session=session.id, protocol="imap", command=rule.name)
        return Done(f"Internal error, reference {reference}", codes.SERVER_BUG, Condition.NO)
    session.bad_commands = 0
    return done


def _out_of_place(session: Session, rule: Rule | None) -> str:
    if rule is None:
        return "Command is not possible here"
    if session.state is State.NOT_AUTHENTICATED:
        return f"{rule.name}: please log in first"
    if rule.states is State.SELECTED:
        return f"{rule.name}: no mailbox is selected"
    return f"{rule.name}: you are logged in already"
