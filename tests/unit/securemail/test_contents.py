import asyncio
import errno
from pathlib import Path

import pytest

from optimails.model.errors import Unavailable
from securemail.contents import Contents
from securemail.ledger.reading import Search
from tests.support.kept_mail import Quarantine

NAME = "0123456789abcdef"


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 17])
def test_what_is_kept_comes_back_and_is_not_readable_beside(tmp_path: Path, size: int) -> None:
    contents = Contents(tmp_path, memory=1000)
    content = (b"Subject: secret\r\n" * (size // 17 + 1))[:size]
    assert contents.write(NAME, [content[:100], content[100:]]) == size
    with contents.read(NAME).view() as back:
        assert back[:] == content
    on_disk = (tmp_path / "contents" / "01" / NAME).read_bytes()
    assert b"secret" not in on_disk
    contents.remove(NAME)
    with pytest.raises(Unavailable):
        contents.read(NAME)


def test_a_file_that_was_cut_changed_or_exchanged_is_not_read(tmp_path: Path) -> None:
    contents = Contents(tmp_path)
    contents.write(NAME, [b"x" * 3_000_000])
    path = tmp_path / "contents" / "01" / NAME
    whole = path.read_bytes()
    first = 8 + 4 + 2**20 + 16  # the first frame alone
    for wrong in (whole[:first], whole[:-1], whole[:5], b"", whole[:20] + b"\0" + whole[21:], whole + b"\0\0\0\0"):
        path.write_bytes(wrong)
        with pytest.raises(Unavailable):
            contents.read(NAME)
    other = tmp_path / "contents" / "01" / "01ffffffffffffff"
    other.write_bytes(whole)
    with pytest.raises(Unavailable):
        contents.read(other.name)


def test_only_old_files_without_a_row_are_orphans(tmp_path: Path) -> None:
    import os

    contents = Contents(tmp_path)
    for name in (NAME, "01aaaaaaaaaaaaaa", "01bbbbbbbbbbbbbb"):
        contents.write(name, [b"x"])
    for name in (NAME, "01aaaaaaaaaaaaaa"):
        os.utime(tmp_path / "contents" / "01" / name, (0, 0))
    assert contents.orphans({NAME}) == ["01aaaaaaaaaaaaaa"]


def test_on_a_full_disk_nothing_is_taken_and_nothing_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = Quarantine(tmp_path)
    first = asyncio.run(kept.keep(b"fits"))

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, f"no room for {descriptor}")

    with monkeypatch.context() as disk:
        disk.setattr("securemail.contents.os.fsync", full)
        with pytest.raises(Unavailable):  # which the client hears as 4xx
            asyncio.run(kept.keep(b"does not fit"))
    assert [one.arrival.id for one in asyncio.run(kept.ledger.find(Search()))] == [first]
    assert [path.name for path in (tmp_path / "securemail" / "contents").rglob("*") if path.is_file()] == [first]
