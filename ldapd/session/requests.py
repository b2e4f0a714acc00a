"""Requests other than searches: who the client is, TLS, and what is not done here."""

from prometheus_client import Counter

from ldapd.session.about import CONTROLS
from ldapd.session.searching import search
from ldapd.session.session import Session
from ldapd.wire import names, responses
from ldapd.wire.requests import START_TLS, WHO_AM_I, Abandon, Bind, Extended, Message, Other, Search, Unbind
from ldapd.wire.responses import Code
from optimails.model.account import Account, Service
from optimails.model.errors import BadSyntax, Reason, Refused

_REQUESTS = Counter("optimails_ldap_requests_total", "LDAP requests, by name.", ["request"])
_LOGIN_ATTRIBUTES = ("uid", "cn", "mail")


async def handle(session: Session, message: Message) -> None:
    """Carry one out. Raises the errors of a door."""
    request = message.request
    _REQUESTS.labels(type(request).__name__.lower()).inc()
    if isinstance(request, Unbind):
        session.over = True
        return
    if message.answer and any(one.critical and one.name not in CONTROLS for one in message.controls):
        raise Refused(Reason.USE_ATTR)  # RFC 4511 §4.1.11
    match request:
        case Abandon():
            pass  # what it names is over: one request is carried out after the other
        case Bind():
            await _bind(session, message, request)
        case Search():
            await search(session, message, request)
        case Extended():
            await _extended(session, message, request)
        case Other():
            session.done(message.id, message.answer, Code.UNWILLING, "read_only")


async def _bind(session: Session, message: Message, request: Bind) -> None:
    """RFC 4511 §4.2, RFC 4513 §5.1."""
    session.forget()
    if request.version != 3:
        session.done(message.id, message.answer, Code.PROTOCOL_ERROR, "version")
        return
    if request.password is None:
        session.done(message.id, message.answer, Code.NO_SUCH_METHOD, "no_such_method")
        return
    if not request.name and not request.password:
        session.done(message.id, message.answer, Code.SUCCESS)
        return
    peer = session.peer
    if not (peer.encrypted or peer.local or session.settings.allow_plaintext):
        raise Refused(Reason.PRIVACY_REQUIRED)
    if not request.password:  # RFC 4513 §5.1.2: no programme may take this for a log-in
        session.done(message.id, message.answer, Code.UNWILLING, "no_password")
        return
    password = request.password.decode("utf-8", "replace")
    around = session.surroundings
    account = await around.login.password(
        login_of(request.name), password, Service.LDAP, peer.address, session=session.id
    )
    await _enter(session, account)
    session.done(message.id, message.answer, Code.SUCCESS)


async def _enter(session: Session, account: Account) -> None:
    try:
        session.entry = await session.surroundings.sessions.enter(account, session)
    except Refused as refused:
        raise Refused(Reason.IN_USE) if refused.reason is Reason.LIMIT else refused from None
    session.enter(account)


def login_of(name: str) -> str:
    """The login in what programs bind as: an address, or a name such as ``uid=marie,ou=people,dc=example,dc=org``."""
    try:
        parts = names.parse(name)
    except BadSyntax:
        return name
    if not parts or parts[0][0] not in _LOGIN_ATTRIBUTES:
        return name
    value = parts[0][1]
    labels = [label for attribute, label in parts[1:] if attribute == "dc"]
    return value if "@" in value or not labels else f"{value}@{'.'.join(labels)}"


async def _extended(session: Session, message: Message, request: Extended) -> None:
    if request.name == START_TLS:
        await _start_tls(session, message)
    elif request.name == WHO_AM_I:
        account = session.account
        session.write(responses.answer(message.id, f"u:{account.address}".encode() if account else b""))
    else:  # RFC 4511 §4.12
        session.done(message.id, message.answer, Code.PROTOCOL_ERROR, "no_such_extension")


async def _start_tls(session: Session, message: Message) -> None:
    """RFC 4511 §4.14."""
    if session.peer.encrypted:
        session.done(message.id, message.answer, Code.OPERATIONS_ERROR, "tls_already")
    elif not session.peer.can_start_tls:
        session.done(message.id, message.answer, Code.PROTOCOL_ERROR, "no_such_extension")
    else:
        session.write(responses.result(message.id, message.answer, Code.SUCCESS, name=START_TLS))
        await session.start_tls()
