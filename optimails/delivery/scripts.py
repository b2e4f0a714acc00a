"""The Sieve scripts of accounts and domains, as files.

An account's scripts lie in ``sieve/`` of its directory, each as ``<name>.sieve``; ``active`` there is a symbolic link
to the one that runs. Both are written beside and moved into place, then the folder is synced: whoever reads finds the
old or the new one, whole. A worker keeps what it compiled until time, size or inode of the file change; a delivery to
an account without scripts costs one ``stat``.
"""

import contextlib
import os
import re
import secrets
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from optimails.config.sieve import SieveSettings
from optimails.model.errors import Reason, Refused, Unavailable
from sieve.language import Limits, Script, SieveError, compile_script
from sieve.language.values import is_script_name

FOLDER, ACTIVE, SUFFIX = "sieve", "active", ".sieve"
_CACHED = 1_000  # compiled scripts of one worker
_DOMAIN = re.compile(r"[^\x00-\x20/\\]{1,255}")


@dataclass(frozen=True, slots=True)
class StoredScript:
    name: str
    size: int
    active: bool


def limits_of(settings: SieveSettings) -> Limits:
    """The limits that the configuration sets."""
    return Limits(
        script_size=settings.max_script_size,
        steps=settings.max_steps,
        actions=settings.max_actions,
        redirects=settings.max_redirects,
        duplicate_seconds=settings.duplicate_most,
        vacation_least=min(settings.vacation_least, settings.vacation_most),
        vacation_most=settings.vacation_most,
    )


class Compiled:
    """Scripts by their files, compiled once. A wrong script is remembered, too: as its error."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._known: OrderedDict[str, tuple[tuple[int, int, int], Script | SieveError]] = OrderedDict()

    def get(self, path: str) -> Script | SieveError | None:
        """None: there is no such file. Raises ``OSError`` when it cannot be read."""
        try:
            status = os.stat(path)  # noqa: PTH116 - a Path costs as much again
        except (FileNotFoundError, NotADirectoryError):
            return None
        mark = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._known.get(path)
        if known is None or known[0] != mark:
            if status.st_size > self._limits.script_size:
                result: Script | SieveError = SieveError("the script is too large")
            else:
                try:
                    result = compile_script(Path(path).read_bytes(), self._limits)
                except SieveError as wrong:
                    result = wrong
            known = self._known[path] = (mark, result)
            while len(self._known) > _CACHED:
                self._known.popitem(last=False)
        return known[1]


class ScriptFiles:
    """The scripts of one account. All calls block; errors are those of ``optimails.model.errors``."""

    def __init__(self, account: Path, settings: SieveSettings) -> None:
        """``account`` is its directory."""
        self.folder = account / FOLDER
        self._settings = settings

    def _path(self, name: str) -> Path:
        if not is_script_name(name):
            raise Refused(Reason.CANNOT, "This cannot be the name of a script")
        return self.folder / (name + SUFFIX)

    def check(self, content: bytes) -> Script:
        """Raises ``SieveError``."""
        return compile_script(content, limits_of(self._settings))

    def has_space(self, name: str, size: int) -> None:
        """Raises ``Refused``: TOO_BIG for the size, OVER_QUOTA for the number."""
        path = self._path(name)
        if size > self._settings.max_script_size:
            raise Refused(Reason.TOO_BIG, "The script is too large")
        scripts = self.list()
        if len(scripts) >= self._settings.max_scripts and not path.exists():
            raise Refused(Reason.OVER_QUOTA, "There are too many scripts")

    def put(self, name: str, content: bytes) -> None:
        """Store a script, instead of one of the same name. Raises ``SieveError``, ``Refused``, ``Unavailable``."""
        self.has_space(name, len(content))
        self.check(content)
        with _disk():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            beside = self.folder / f"tmp-{secrets.token_hex(8)}"
            try:
                with beside.open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                beside.replace(self._path(name))
            finally:
                beside.unlink(missing_ok=True)
            self._sync()

    def get(self, name: str) -> bytes:
        """Raises ``Refused``: NON_EXISTENT."""
        path = self._path(name)
        with _disk():
            try:
                return path.read_bytes()
            except FileNotFoundError:
                raise Refused(Reason.NON_EXISTENT, "There is no script with that name") from None

    def list(self) -> list[StoredScript]:
        """All scripts, by name."""
        active = self.active()
        found = []
        with _disk(), contextlib.suppress(FileNotFoundError), os.scandir(self.folder) as entries:
            for entry in entries:
                if entry.name.endswith(SUFFIX) and entry.is_file(follow_symlinks=False):
                    name = entry.name.removesuffix(SUFFIX)
                    found.append(StoredScript(name, entry.stat().st_size, name == active))
        return sorted(found, key=lambda script: script.name)

    def active(self) -> str | None:
        """The name of the script that runs."""
        try:
            return os.readlink(self.folder / ACTIVE).removesuffix(SUFFIX)  # noqa: PTH115 - a name, not a path
        except OSError:
            return None

    def activate(self, name: str | None) -> None:
        """Let this one run, or none. Raises ``Refused``: NON_EXISTENT; ``SieveError`` when it is not valid any more."""
        if name is None:
            with _disk():
                (self.folder / ACTIVE).unlink(missing_ok=True)
                self._sync()
            return
        self.check(self.get(name))
        with _disk():
            beside = self.folder / f"tmp-{secrets.token_hex(8)}"
            try:
                beside.symlink_to(self._path(name).name)
                beside.replace(self.folder / ACTIVE)
            finally:
                beside.unlink(missing_ok=True)
            self._sync()

    def delete(self, name: str) -> None:
        """Raises ``Refused``: NON_EXISTENT, IN_USE for the active one (RFC 5804 §2.10)."""
        path = self._path(name)
        if name == self.active():
            raise Refused(Reason.IN_USE, "The active script cannot be deleted")
        with _disk():
            try:
                path.unlink()
            except FileNotFoundError:
                raise Refused(Reason.NON_EXISTENT, "There is no script with that name") from None
            self._sync()

    def rename(self, old: str, new: str) -> None:
        """The active one stays active. Raises ``Refused``: NON_EXISTENT, ALREADY_EXISTS."""
        source, target = self._path(old), self._path(new)
        active = self.active() == old
        with _disk():
            try:
                os.link(source, target)  # unlike a rename it replaces nothing
            except FileNotFoundError:
                raise Refused(Reason.NON_EXISTENT, "There is no script with that name") from None
            except FileExistsError:
                raise Refused(Reason.ALREADY_EXISTS, "There is a script with that name") from None
        if active:
            self.activate(new)
        with _disk():
            source.unlink(missing_ok=True)
            self._sync()

    def _sync(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def domain_folder(root: Path, domain: str) -> Path | None:
    """Where the scripts of a domain are; None for a name that cannot be a folder."""
    return root / domain if has_domain_folder(domain) else None


def has_domain_folder(domain: str) -> bool:
    """Whether the domain's name can be a folder's."""
    return _DOMAIN.fullmatch(domain) is not None and domain not in (".", "..")


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as wrong:
        raise Unavailable("Scripts cannot be read or written now") from wrong
