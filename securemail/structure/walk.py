"""Every file in a message, containers opened, and what cannot be looked into."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from optimails.mime import Part, decode_part
from optimails.model.errors import Refused
from securemail.case import File, FileKind
from securemail.examined import Examined
from securemail.facts import Clean, Encrypted, Examination, Fact, Infected, Outcome, Undeterminable
from securemail.structure.budget import Budget, LockedError, TooMuchError
from securemail.structure.containers import CLOSED, NotReadableError, opener
from securemail.structure.documents import entry_marks, marks
from securemail.structure.names import disguised
from securemail.structure.types import identify

NAME, VERSION = "structure", "1"
_MAX_FILES = 500  # that are named; all are looked at
_MAX_MARKS = 5

Scan = Callable[[bytes], str | None]
"""Says what a file is infected with."""


@dataclass(slots=True)
class Inside:
    """What was found in one message."""

    files: list[File] = field(default_factory=list)
    seen: dict[str, list[str]] = field(default_factory=dict)  # symbol: where
    outcomes: list[Outcome] = field(default_factory=list)

    def facts(self) -> list[Fact]:
        """Without weight: that a file has macros says nothing of spam, policies decide."""
        return [Fact(symbol, 0.0, tuple(paths[:_MAX_MARKS]), NAME, VERSION) for symbol, paths in self.seen.items()]

    def examination(self) -> Examination:
        """The worst of it: infected, then what could not be looked into, then locks."""
        for kind in (Infected, Undeterminable, Encrypted):
            for one in self.outcomes:
                if isinstance(one, kind):
                    return Examination(NAME, one, VERSION)
        return Examination(NAME, Clean(), VERSION)


def look_inside(examined: Examined, scans: Sequence[Scan] = ()) -> Inside:
    """Whatever the bytes, there is an answer, within the bounds of ``securemail.structure.budget``."""
    inside = Inside()
    budget = Budget(len(examined.raw))
    if not examined.complete:
        inside.outcomes.append(Undeterminable("too many parts"))
    try:
        for name, data in _attachments(examined):
            _file(inside, budget, scans, name, data, 1)
    except TooMuchError as bound:
        inside.outcomes.append(Undeterminable(str(bound)))
    _smime(examined, inside)
    return inside


def _attachments(examined: Examined) -> Iterator[tuple[str, bytes]]:
    """Every leaf but the text that a reader reads."""
    for number, part in enumerate(examined.parts):
        if part.children or part.message is not None or not part.size:
            continue
        name = _plain(part.filename or "")
        if not name and part.type == b"text" and part.disposition != b"attachment":
            continue
        try:
            data = bytes(decode_part(examined.raw, part))
        except Refused:
            data = bytes(examined.raw[part.body_start : part.body_end])
        yield name or f"part-{number}.{_ending(part)}", data


def _file(  # noqa: PLR0913, PLR0917 - a file, where it lies, and what is asked of it
    inside: Inside, budget: Budget, scans: Sequence[Scan], path: str, data: bytes, level: int
) -> None:
    budget.enter(level)
    name = path.rpartition("/")[2]
    found = identify(data, name)
    hidden = disguised(name, found.kind)
    if len(inside.files) < _MAX_FILES or found.kind is FileKind.EXECUTABLE:
        inside.files.append(File(path, found.media, found.kind, len(data), hidden))
    for scan in scans:
        infection = scan(data)
        if infection is not None:
            inside.outcomes.append(Infected(infection, path))
    try:
        for symbol in marks(found.media, data):
            inside.seen.setdefault(symbol, []).append(path)
        _container(inside, budget, scans, path, data, level, found.media)
    except LockedError:
        inside.outcomes.append(Encrypted(path))
    except NotReadableError as wrong:
        inside.outcomes.append(Undeterminable(f"cannot be read: {wrong}", path))


def _container(  # noqa: PLR0913, PLR0917 - as above
    inside: Inside, budget: Budget, scans: Sequence[Scan], path: str, data: bytes, level: int, media: str
) -> None:
    if media in CLOSED:
        raise NotReadableError(media)
    unpack = opener(media)
    if unpack is None:
        return
    document = media.startswith(("application/vnd.openxml", "application/vnd.oasis"))
    for name, content in unpack(data, budget):
        for symbol in entry_marks(name, content) if document else ():
            inside.seen.setdefault(symbol, []).append(path)
        if document and not name.lower().endswith((".bin", ".exe", ".ole")) and "/embeddings/" not in name.lower():
            budget.enter(level)
            continue
        # A compressed file has no name of its own: it is that of the container without its last ending.
        inner = (
            f"{path}/{_plain(name)}" if name else f"{path}/{path.rpartition('/')[2].rpartition('.')[0] or 'content'}"
        )
        _file(inside, budget, scans, inner, content, level + 1)


def _smime(examined: Examined, inside: Inside) -> None:
    """Mail that only its reader can open (RFC 8551, RFC 3156): encrypted, not undeterminable."""
    for part in examined.parts:
        kind = (part.type, part.subtype)
        if kind == (b"multipart", b"encrypted"):
            inside.outcomes.append(Encrypted("message"))
        if kind in ((b"application", b"pkcs7-mime"), (b"application", b"x-pkcs7-mime")):
            asked = dict(part.params).get(b"smime-type", b"enveloped-data")
            if asked != b"signed-data":
                inside.outcomes.append(Encrypted("message"))


def _plain(name: str) -> str:
    return "".join(one if one.isprintable() or one == "\u202e" else "?" for one in name)[:200].strip()


def _ending(part: Part) -> str:
    return part.subtype.decode("ascii", "replace").removeprefix("x-")[:20] or "bin"
