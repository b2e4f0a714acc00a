"""The AUTHORIZATION state: USER and PASS, AUTH, STLS, and what both states know: CAPA, LANG, UTF8, QUIT."""

from optimails import texts
from optimails.door import sasl
from optimails.model.account import Account, Service
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.mailbox_name import INBOX
from pop3.session.maildrop import Maildrop
from pop3.session.session import DEFAULT_LANGUAGE, Session, State
from pop3.wire import replies
from pop3.wire.commands import Auth, Capa, Lang, Pass, Quit, Stls, User, Utf8


def _plaintext_allowed(session: Session) -> bool:
    peer = session.peer
    return peer.encrypted or peer.local or session.settings.allow_plaintext


def _check_privacy(session: Session) -> None:
    if not _plaintext_allowed(session):
        raise Refused(Reason.PRIVACY_REQUIRED)


def _mechanisms(session: Session) -> list[str]:
    # LOGIN never was a mechanism of POP3: USER and PASS are there for clients that know no other.
    offered = sasl.offered(plain=_plaintext_allowed(session), scram=session.surroundings.login.scram)
    return [name for name in offered if name != "LOGIN"]


def _can_start_tls(session: Session) -> bool:
    return session.peer.can_start_tls and not session.peer.encrypted


async def capa(session: Session, _command: Capa) -> None:
    """RFC 2449 §5: the same list in both states, but for what only helps to log in."""
    before = session.state is State.AUTHORIZATION
    expire = session.settings.expire_days
    names = [
        "TOP",
        "UIDL",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "PIPELINING",
        "EXPIRE NEVER" if expire is None else f"EXPIRE {expire}",
        "UTF8 USER",  # RFC 6856 §2.2
        "LANG",
    ]
    if before and _plaintext_allowed(session):
        names.append("USER")
    names.append("SASL " + " ".join(_mechanisms(session)))
    if before and _can_start_tls(session):
        names.append("STLS")
    if session.settings.greeting:
        names.append("IMPLEMENTATION " + session.settings.greeting.replace(" ", "-"))
    session.ok("capabilities")
    session.write(replies.lines(names) + replies.END)


async def utf8(session: Session, _command: Utf8) -> None:
    """RFC 6856 §2.1. Messages are given as they are with and without it: to those who never ask, a header in UTF-8
    serves better than the refusal that §5 would allow."""
    session.ok("utf8")


async def lang(session: Session, command: Lang) -> None:
    """RFC 6856 §3."""
    if command.tag is None:
        session.ok("languages")
        session.write(replies.lines(f"{tag} {texts.text('pop3.language', tag)}" for tag in texts.LANGUAGES))
        session.write(replies.END)
        return
    primary = DEFAULT_LANGUAGE if command.tag in ("*", "i-default") else command.tag.partition("-")[0]
    if primary not in texts.LANGUAGES:
        session.error("no_such_language")
        return
    session.speak(primary)
    session.write(replies.ok(f"{primary} {session.text('language_changed')}"))


async def stls(session: Session, _command: Stls) -> None:
    """RFC 2595 §4."""
    if not _can_start_tls(session):
        session.error("no_tls")
        return
    session.ok("begin_tls")
    await session.start_tls()


async def user(session: Session, command: User) -> None:
    _check_privacy(session)
    session.user = command.name
    session.ok("send_password")  # whether or not there is such a user


async def pass_(session: Session, command: Pass) -> None:
    _check_privacy(session)
    name, session.user = session.user, None
    if name is None:
        raise BadSyntax("USER comes first")
    account = await session.surroundings.login.password(
        name, command.password, Service.POP3, session.peer.address, session=session.id
    )
    await _enter(session, account)


async def auth(session: Session, command: Auth) -> None:
    """RFC 5034 §4."""
    if command.mechanism is None:  # how clients asked before there was CAPA
        session.ok("mechanisms")
        session.write(replies.lines(_mechanisms(session)) + replies.END)
        return
    if sasl.shows_password(command.mechanism):
        _check_privacy(session)
    if command.mechanism not in _mechanisms(session):
        raise Refused(Reason.CANNOT)
    exchange = sasl.mechanism(
        command.mechanism, session.surroundings.login, Service.POP3, session.peer.address, session=session.id
    )
    initial = None if command.initial is None else sasl.decode(command.initial, initial=True)
    outcome = await exchange.step(initial)
    while isinstance(outcome, sasl.Challenge):
        session.write(replies.challenge(outcome.data))
        line = await session.line()
        if not isinstance(line, bytes):
            raise BadSyntax("The response is too long")
        outcome = await exchange.step(sasl.decode(line))
    await _enter(session, outcome.account)


async def _enter(session: Session, account: Account) -> None:
    around = session.surroundings
    try:
        session.entry = await around.sessions.enter(account, session)
    except Refused as refused:
        raise Refused(Reason.IN_USE) if refused.reason is Reason.LIMIT else refused from None
    mail = None
    try:
        mail = await around.mail.open(account)
        mailbox = await mail.select(INBOX)
        try:
            maildrop = await Maildrop.of(mailbox)
        except BaseException:
            await mailbox.close()
            raise
    except BaseException:
        session.leave()
        if mail is not None:
            await mail.close()
        raise
    session.enter(mail, maildrop)
    count, size = maildrop.stat()
    session.ok("logged_in", count=count, size=size)


async def quit_(session: Session, _command: Quit) -> None:
    session.over = True
    session.ok("goodbye")
