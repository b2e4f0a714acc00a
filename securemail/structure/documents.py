"""What documents carry beside their text: macros, scripts, things that start by themselves, and locks."""

import io
import re

import olefile
import pikepdf

from securemail.structure.budget import LockedError

_AUTO = re.compile(
    rb"auto_?(?:open|exec|close|new)|document_(?:open|close|new)|workbook_(?:open|activate|beforeclose)", re.IGNORECASE
)
_PDF_MARKS = (
    (b"/JavaScript", "PDF_JAVASCRIPT"),
    (b"/JS", "PDF_JAVASCRIPT"),
    (b"/Launch", "PDF_LAUNCH"),
    (b"/EmbeddedFile", "PDF_EMBEDDED_FILE"),
    (b"/RichMedia", "PDF_RICH_MEDIA"),
)
_RTF_MARKS = ((rb"\\objdata", "RTF_OBJECT"), (rb"\\objupdate", "RTF_OBJECT_UPDATES_ITSELF"))


def marks(media: str, data: bytes) -> list[str]:
    """Symbols of what was seen. Raises ``LockedError`` for a document that needs a password."""
    if media == "application/x-ole-storage":
        return _ole(data)
    if media == "application/pdf":
        return _pdf(data)
    if media == "application/rtf":
        return [symbol for mark, symbol in _RTF_MARKS if re.search(mark, data[: 4 * 2**20])]
    return []


def entry_marks(name: str, data: bytes) -> list[str]:
    """Of one entry of a document that is an archive."""
    lower = name.lower()
    found = []
    if lower.endswith("vbaproject.bin"):
        found.append("OFFICE_MACROS")
        if _AUTO.search(data):
            found.append("OFFICE_MACROS_START_BY_THEMSELVES")
    if (
        lower.endswith(".rels")
        and re.search(rb'TargetMode="External"', data)
        and re.search(rb'relationships/(?:attachedTemplate|oleObject|frame)"', data)
    ):
        found.append("OFFICE_LOADS_FROM_OUTSIDE")
    if "/embeddings/oleobject" in lower:
        found.append("OFFICE_OBJECT")
    return found


def _ole(data: bytes) -> list[str]:
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            names = ["/".join(parts) for parts in file.listdir(streams=True, storages=True)]
    except Exception:  # noqa: BLE001 - whatever a parser of hostile bytes raises: it is no document then
        return ["OFFICE_BROKEN"]
    if any(name in ("EncryptedPackage", "EncryptionInfo") for name in names):
        raise LockedError("office")
    found = []
    if any(re.search(r"(?:^|/)(?:VBA|_VBA_PROJECT|Macros)(?:/|$)", name) for name in names):
        found.append("OFFICE_MACROS")
        if _AUTO.search(data):
            found.append("OFFICE_MACROS_START_BY_THEMSELVES")
    if any("Ole10Native" in name for name in names):
        found.append("OFFICE_OBJECT")
    return found


def _pdf(data: bytes) -> list[str]:
    if b"/Encrypt" in data:
        try:
            pikepdf.open(io.BytesIO(data)).close()
        except pikepdf.PasswordError as wrong:
            raise LockedError("pdf") from wrong
        except Exception:  # noqa: BLE001 - as above
            return ["PDF_BROKEN"]
    return list(dict.fromkeys(symbol for mark, symbol in _PDF_MARKS if mark in data))
