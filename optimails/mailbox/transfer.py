"""Mail from and to the forms that other programs read: Maildir++, mbox, single files.

Import keeps dates, flags and (from a Dovecot maildir) keywords; messages whose line ends are bare LF get CRLF. Export
never writes over what is there.
"""

import base64
import itertools
import mailbox as mailbox_files
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from optimails.mailbox.api import AccountMail, MessageSet, NewMessage, Want
from optimails.mailbox.ingest import with_crlf
from optimails.model.errors import MailError, Reason, Refused
from optimails.model.flags import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, Flag
from optimails.model.mailbox_name import INBOX, MailboxName, canonical
from optimails.model.number_set import STAR, NumberSet
from optimails.store import names

INFO = {"D": DRAFT, "F": FLAGGED, "R": ANSWERED, "S": SEEN, "T": DELETED}
_LETTERS = {flag: letter for letter, flag in INFO.items()}
MBOX_STATUS = {"R": SEEN, "A": ANSWERED, "F": FLAGGED, "D": DELETED, "T": DRAFT}
_STATUS = re.compile(rb"^(?:X-)?Status:[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_LONGEST = 240  # bytes of a name
EVERY = MessageSet(NumberSet(((1, STAR),)), by_uid=True)


@dataclass(slots=True)
class Transferred:
    messages: int = 0
    mailboxes: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (place, reason)


class Found(NamedTuple):
    """A message outside, before it is read."""

    mailbox: MailboxName
    place: str
    read: Callable[[], NewMessage]


Step = Callable[[], object]


def count(form: str, path: Path) -> int:
    """How many messages are there; for showing progress."""
    return sum(1 for _ in _found(form, path))


async def import_mail(mail: AccountMail, form: str, path: Path, mailbox: str | None, step: Step) -> Transferred:
    """Store what is found at ``path``. With a mailbox: all of it there; else in mailboxes named as outside (Maildir++,
    a folder of mbox files), or INBOX.

    A message that can't be read or is refused is named in ``skipped``; a full account ends the import.

    Raises:
        Refused: ``OVER_QUOTA``, after as many messages as fit.
    """
    done = Transferred()
    made: set[MailboxName] = {info.name for info in await mail.mailboxes() if info.selectable}
    used: set[MailboxName] = set()
    for found in _found(form, path):
        target = canonical(mailbox) if mailbox else found.mailbox
        try:
            if target not in made:
                await mail.create(target)
                await mail.subscribe(target, subscribed=True)
                made.add(target)
            await mail.append(target, [found.read()])
        except Refused as refused:
            if refused.reason is Reason.OVER_QUOTA:
                raise
            done.skipped.append((found.place, str(refused)))
        except (MailError, OSError, ValueError) as wrong:
            done.skipped.append((found.place, str(wrong)))
        else:
            done.messages += 1
            used.add(target)
        step()
    done.mailboxes = len(used)
    return done


def _found(form: str, path: Path) -> Iterator[Found]:
    if form == "maildir":
        return _in_maildir(path)
    return _in_mbox(path) if form == "mbox" else _in_files(path)


# -- Maildir++ ---------------------------------------------------------------------------------------------------------


def _in_maildir(root: Path) -> Iterator[Found]:
    if not (root / "cur").is_dir():
        raise Refused(Reason.NON_EXISTENT, f"{root} is not a maildir: it has no folder 'cur'")
    folders = sorted(entry for entry in root.iterdir() if entry.name.startswith(".") and (entry / "cur").is_dir())
    for folder in [root, *folders]:
        name = INBOX if folder == root else canonical(_folder_title(folder.name))
        keywords = _dovecot_keywords(folder / "dovecot-keywords")
        for part in ("cur", "new"):
            for file in sorted((folder / part).iterdir() if (folder / part).is_dir() else ()):
                yield Found(name, str(file), lambda file=file, keywords=keywords: _read_maildir(file, keywords))  # type: ignore[misc]


def _folder_title(folder: str) -> str:
    """``.Archiv&AOk-.2024`` as ``Archivé/2024``: folders are named in modified UTF-7 by most programs."""
    title = folder.lstrip(".").replace(".", "/")
    try:
        return _from_modified_utf7(title)
    except ValueError:
        return title


def _from_modified_utf7(title: str) -> str:
    parts = title.split("&")
    out = [parts[0]]
    for part in parts[1:]:
        encoded, dash, rest = part.partition("-")
        if not dash:
            raise ValueError(title)
        if encoded:
            padded = encoded.replace(",", "/") + "=" * (-len(encoded) % 4)
            out.append(base64.b64decode(padded, validate=True).decode("utf-16-be"))
        else:
            out.append("&")
        out.append(rest)
    return "".join(out)


def _to_modified_utf7(title: str) -> str:
    """RFC 3501 §5.1.3; dots are encoded, too, for Maildir++ puts them between the parts of a name."""
    out = ""
    for plain, run in itertools.groupby(title, lambda letter: " " <= letter <= "~" and letter != "."):
        text = "".join(run)
        if plain:
            out += text.replace("&", "&-")
        else:
            encoded = base64.b64encode(text.encode("utf-16-be", "surrogatepass")).decode()
            out += f"&{encoded.rstrip('=').replace('/', ',')}-"
    return out


def _exported_name(name: MailboxName) -> str:
    """``Archivé/2024`` as ``Archiv&AOk-.2024``: what ``_folder_title`` reads, as do other programs."""
    title = ".".join(_to_modified_utf7(part) for part in name.split("/"))
    # A file system takes 255 bytes with a suffix; then the store's way, which is shorter but cannot be read back.
    return title if len(title) <= _LONGEST else names.folder_name(name, frozenset()).lstrip(".")


def _dovecot_keywords(path: Path) -> dict[str, Flag]:
    """Dovecot's letters a to z for keywords, by lines of ``number name``."""
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split(maxsplit=1) for line in lines)
    return {chr(ord("a") + int(pair[0])): Flag(pair[1]) for pair in pairs if len(pair) == 2 and pair[0].isdigit()}


def _read_maildir(file: Path, keywords: dict[str, Flag]) -> NewMessage:
    letters = file.name.rpartition(":2,")[2] if ":2," in file.name else ""
    flags = {INFO[letter] for letter in letters if letter in INFO}
    flags |= {keywords[letter] for letter in letters if letter in keywords}
    date = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return NewMessage(with_crlf(file.read_bytes()), frozenset(flags - {DELETED}), date)


# -- mbox and single files ---------------------------------------------------------------------------------------------


def _in_mbox(path: Path) -> Iterator[Found]:
    """One file, or a folder with a file a mailbox, as ``export_mail`` writes it."""
    files = [(INBOX, path)]
    if path.is_dir():
        files = [(canonical(_folder_title(file.stem)), file) for file in sorted(path.glob("*.mbox")) if file.is_file()]
        if not files:
            raise Refused(Reason.NON_EXISTENT, f"{path} is a folder without files *.mbox")
    for name, file in files:
        box = mailbox_files.mbox(file, create=False)
        for key in box.keys():  # noqa: SIM118 - a mailbox, not a dictionary
            yield Found(name, f"{file}#{key}", lambda box=box, key=key: _read_mbox(box, key))  # type: ignore[misc]
        box.close()


def _read_mbox(box: "mailbox_files.mbox", key: str) -> NewMessage:
    message = box.get_message(key)
    letters = (message.get("Status", "") or "") + (message.get("X-Status", "") or "")
    flags = frozenset(MBOX_STATUS[letter] for letter in letters if letter in MBOX_STATUS) - {DELETED}
    date = None
    words = message.get_from().split(maxsplit=1)
    if len(words) == 2:
        try:
            date = datetime.strptime(words[1][:24], "%a %b %d %H:%M:%S %Y").replace(tzinfo=UTC)
        except ValueError:
            date = None
    head, blank, body = with_crlf(box.get_bytes(key)).partition(b"\r\n\r\n")
    head = _STATUS.sub(b"", head + b"\r\n")  # fields of the file, not of the message
    return NewMessage(head + blank[2:] + body, flags, date)


def _in_files(path: Path) -> Iterator[Found]:
    files = sorted(path.rglob("*.eml")) if path.is_dir() else [path]
    for file in files:
        yield Found(INBOX, str(file), lambda file=file: _read_maildir(file, {}))  # type: ignore[misc]


# -- export ------------------------------------------------------------------------------------------------------------


async def export_mail(mail: AccountMail, form: str, path: Path, mailbox: str | None, step: Step) -> Transferred:
    """Write all mail, or one mailbox, to a new or empty ``path``: a Maildir++, or a folder with an mbox a mailbox."""
    _make_empty(path)
    wanted = [info.name for info in await mail.mailboxes() if info.selectable]
    if mailbox is not None:
        await mail.status(canonical(mailbox))  # refuses a name that does not exist
        wanted = [canonical(mailbox)]
    done = Transferred()
    for name in wanted:
        write = (_MaildirWriter if form == "maildir" else _MboxWriter)(path, name)
        box = await mail.select(name, read_only=True)
        try:
            async for rows in box.fetch(EVERY, Want.FLAGS | Want.INTERNAL_DATE):
                for row in rows:
                    file = await box.open_message(row.uid)
                    try:
                        flags = mail.keywords.names(row.flags or 0)
                        write.message(bytes(file.view()[:]), flags, row.internal_date or 0)
                    finally:
                        file.close()
                    done.messages += 1
                    step()
        finally:
            await box.close()
            write.close()
        done.mailboxes += 1
    return done


def _make_empty(path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise Refused(Reason.ALREADY_EXISTS, f"{path} is there already and not empty; choose another place")
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


class _MaildirWriter:
    def __init__(self, root: Path, name: MailboxName) -> None:
        self._folder = root if name == INBOX else root / f".{_exported_name(name)}"
        for part in ("cur", "new", "tmp"):
            (self._folder / part).mkdir(parents=True, exist_ok=True, mode=0o700)
        if name != INBOX:
            (self._folder / "maildirfolder").touch()
        self._keywords: list[Flag] = []

    def message(self, content: bytes, flags: list[Flag], internal_date: int) -> None:
        letters = sorted(_LETTERS[flag] for flag in flags if flag in _LETTERS)
        for flag in flags:
            if flag not in _LETTERS and flag not in self._keywords and len(self._keywords) < 26:
                self._keywords.append(flag)
        letters += [chr(ord("a") + self._keywords.index(flag)) for flag in flags if flag in self._keywords]
        file = self._folder / "cur" / f"{names.new_name()},S={len(content)}:2,{''.join(letters)}"
        file.write_bytes(content)
        os.utime(file, (internal_date, internal_date))

    def close(self) -> None:
        if self._keywords:
            lines = "".join(f"{number} {flag}\n" for number, flag in enumerate(self._keywords))
            (self._folder / "dovecot-keywords").write_text(lines, "utf-8")


class _MboxWriter:
    def __init__(self, root: Path, name: MailboxName) -> None:
        self._box = mailbox_files.mbox(root / f"{_exported_name(name)}.mbox")

    def message(self, content: bytes, flags: list[Flag], internal_date: int) -> None:
        message = mailbox_files.mboxMessage(content.replace(b"\r\n", b"\n"))
        message.set_from("MAILER-DAEMON", datetime.fromtimestamp(internal_date, UTC).timetuple())
        message.set_flags("".join(letter for letter, flag in MBOX_STATUS.items() if flag in flags))
        self._box.add(message)

    def close(self) -> None:
        self._box.close()
