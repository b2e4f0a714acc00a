"""CAPABILITY, NOOP, CHECK, LOGOUT, ID, ENABLE, COMPRESS."""

from importlib.metadata import PackageNotFoundError, version

from imap.session.capabilities import capabilities
from imap.session.metadata import enable_metadata
from imap.session.session import Session
from imap.session.state import Done
from imap.wire import codes, responses
from imap.wire.commands import Compress, Enable, Id
from imap.wire.responses import Condition
from optimails.config.imap import IdAnswer
from optimails.model.errors import BadSyntax

try:
    VERSION = version("optimails")
except PackageNotFoundError:  # run from a bare tree
    VERSION = "0"


async def capability(session: Session, _command: object) -> Done:
    session.write(responses.capability(capabilities(session)))
    return Done("CAPABILITY completed")


async def noop(_session: Session, _command: object) -> Done:
    """NOOP and CHECK: the news are told by the table."""
    return Done("Completed")


async def logout(session: Session, _command: object) -> Done:
    session.write(responses.untagged(Condition.BYE, "Logging out"))
    await session.unselect()
    session.logged_out = True
    return Done("LOGOUT completed")


async def identify(session: Session, _command: Id) -> Done:
    """RFC 2971: name always, version only to whom the setting says."""
    fields: dict[str, str | None] = {"name": session.settings.greeting}
    when = session.settings.id_version
    if when is IdAnswer.ALWAYS or (when is IdAnswer.LOGIN and session.account is not None):
        fields["version"] = VERSION
    session.write(responses.ident(fields))
    return Done("ID completed")


async def enable(session: Session, command: Enable) -> Done:
    """RFC 9051 §6.3.1. What we do not know is ignored; what was on already is not told again."""
    enabled = []
    for name in command.capabilities:
        if name == "CONDSTORE" and not session.condstore:
            session.condstore = True
            enabled.append("CONDSTORE")
        elif name == "UTF8=ACCEPT" and not session.utf8:
            session.utf8 = session.parser.utf8 = True
            enabled.append("UTF8=ACCEPT")
        elif name == "IMAP4REV2" and not session.rev2:
            session.rev2 = session.utf8 = session.parser.utf8 = True
            session.recents = False  # RFC 9051 appendix E: \Recent is gone
            enabled.append("IMAP4rev2")
        elif name == "METADATA" and await enable_metadata(session):
            enabled.append("METADATA")
    session.write(responses.enabled(enabled))
    return Done("ENABLE completed")


async def compress(session: Session, command: Compress) -> Done | None:
    """RFC 4978. The tagged OK is the last thing sent as it is."""
    if command.algorithm != "DEFLATE" or not session.settings.compress:
        raise BadSyntax("Compression method is not known")
    if session.compressed:
        return Done("Compression is on already", codes.COMPRESSION_ACTIVE, Condition.NO)
    session.write(responses.tagged(session.tag, Condition.OK, "DEFLATE active"))
    await session.flush()
    session.peer.compress(session.parser.take_rest())
    session.compressed = True
    return None
