"""What is announced: only what works, and works now (before or after log-in, TLS, COMPRESS)."""

from imap.session.session import Session
from optimails.door import sasl

_ALWAYS = ("IMAP4rev1", "IMAP4rev2", "LITERAL+", "SASL-IR", "ID", "ENABLE", "IDLE")
_LOGGED_IN = (
    "NAMESPACE",
    "ACL",
    "RIGHTS=texk",  # RFC 4314 §7
    "LIST-MYRIGHTS",
    "CHILDREN",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "CREATE-SPECIAL-USE",
    "UNSELECT",
    "UIDPLUS",
    "MOVE",
    "MULTIAPPEND",
    "BINARY",
    "CONDSTORE",
    "ESEARCH",
    "SEARCHRES",
    "WITHIN",
    "SAVEDATE",
    "OBJECTID",
    "STATUS=SIZE",
    "METADATA",
    "LIST-METADATA",
    "QUOTA",
    "QUOTA=RES-STORAGE",
    "QUOTA=RES-MESSAGE",
    "UTF8=ACCEPT",
)


def plaintext_allowed(session: Session) -> bool:
    """Whether a password may pass as it is (RFC 9051 §11.1)."""
    peer = session.peer
    return peer.encrypted or peer.local or session.settings.allow_plaintext


def capabilities(session: Session) -> list[str]:
    """As the CAPABILITY response has them."""
    names = list(_ALWAYS)
    if session.account is None:
        if session.peer.can_start_tls and not session.peer.encrypted:
            names.append("STARTTLS")
        plain = plaintext_allowed(session)
        names += [f"AUTH={name}" for name in sasl.offered(plain=plain, scram=session.surroundings.login.scram)]
        if not plain:
            names.append("LOGINDISABLED")  # RFC 9051 §7.2.2
        return names
    names += _LOGGED_IN
    names.append(f"APPENDLIMIT={session.settings.max_append}")
    events = session.surroundings.events
    if events is not None and events.url:
        names.append(f"IMAPSIEVE={events.url}")  # RFC 6785 §2.1
    if session.settings.compress and not session.compressed:
        names.append("COMPRESS=DEFLATE")  # RFC 4978 §3: not again once it is on
    return names
