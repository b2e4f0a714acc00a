"""Keeping an account's text index up with its mailboxes. Blocking; the jobs worker's business, never a delivery's."""

from collections.abc import Sequence

from optimails import mime
from optimails.index import mailboxes, messages
from optimails.index.database import Damaged, storage_errors
from optimails.index.mailboxes import MailboxRow
from optimails.index.texts import PARTS
from optimails.mailbox.engine import Engine
from optimails.mailbox.folding import TEXT_LIMIT, fold

BATCH = 50  # messages a transaction


@storage_errors
def index_texts(engine: Engine) -> int:
    """Index what is not indexed yet of the mailboxes that somebody searches; how many messages."""
    if not engine.texts.wanted:
        return 0
    wanted = engine.texts.wanted_mailboxes()
    with engine.database.read() as connection:
        boxes = [row for row in mailboxes.every(connection) if row.id in wanted]
    try:
        return _index(engine, boxes)
    except Damaged:
        engine.texts.discard()
        return _index(engine, boxes)


@storage_errors
def _index(engine: Engine, boxes: Sequence[MailboxRow]) -> int:
    engine.texts.open()
    return sum(_index_mailbox(engine, box) for box in boxes)


def _index_mailbox(engine: Engine, box: MailboxRow) -> int:
    count = 0
    last = engine.texts.progress(box.id)
    while True:
        with engine.database.read() as connection:
            rows = connection.execute(
                "SELECT id, name, email FROM content WHERE id BETWEEN ? AND ? ORDER BY id LIMIT ?",
                (messages.key(box.id, last + 1), messages.key(box.id, 2**32 - 1), BATCH),
            ).fetchall()
        if not rows:
            return count
        known = engine.texts.known([email for _, _, email in rows])
        found: list[tuple[int, str, str | None]] = []
        for key, name, email in rows:
            uid = key - messages.key(box.id, 0)
            if email in known:
                found.append((uid, email, None))
            elif (folded := _folded(engine, box.folder, name)) is not None:
                found.append((uid, email, folded))
                known.add(email)
        last = rows[-1][0] - messages.key(box.id, 0)
        engine.texts.add(box.id, found, last)
        count += len(found)


def _folded(engine: Engine, folder: str, name: str) -> str | None:
    try:
        file = engine.files.open(folder, name)
    except FileNotFoundError:
        return None  # expunged or moved meanwhile
    try:
        view = file.view()
        header, body = header_text(view).replace(PARTS, " "), body_text(view)
        return f"{header}{PARTS}{body}".replace("\0", " ")
    finally:
        file.close()


def header_text(message: bytes) -> str:
    """Every header field as ``name: value``, folded, one a line."""
    return "\n".join(fold(f"{name.decode('latin-1')}: {value}") for name, value in mime.header_texts(message))


def body_text(message: bytes) -> str:
    """The texts of the body, folded, one a line: a needle is never found across two parts."""
    return "\n".join(fold(piece) for piece in mime.text(message, TEXT_LIMIT))


@storage_errors
def prune_texts(engine: Engine) -> int:
    """Forget the texts of messages that are gone; how many."""
    if not engine.texts.wanted:
        return 0
    with engine.database.read() as connection:
        alive = [
            (row.id, {uid for uid, _ in messages.all_flags(connection, row.id)}) for row in mailboxes.every(connection)
        ]
    return engine.texts.prune(alive)
