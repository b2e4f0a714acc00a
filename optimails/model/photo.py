"""Pictures of people: what may be shown as one, told by its bytes and not by its name."""

import hashlib
import struct
from dataclasses import dataclass

from optimails.model.errors import BadSyntax

MAX_SIDE = 4_096  # pixels; a small file may say that it is huge, and programs make room for what it says
_PNG = b"\x89PNG\r\n\x1a\n"
_SIZES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # SOFn of JPEG: the markers with width and height


@dataclass(frozen=True, slots=True)
class Photo:
    """A picture that was looked at."""

    kind: str  # JPEG or PNG
    data: bytes

    @property
    def digest(self) -> str:
        """Another one for any other picture."""
        return hashlib.sha256(self.data).hexdigest()[:32]


def read_photo(data: bytes, limit: int) -> Photo:
    """The picture in these bytes.

    Args:
        data: the whole file.
        limit: how many bytes it may have.

    Raises:
        BadSyntax: it is too large, or neither a JPEG nor a PNG, or its pixels are too many.
    """
    if len(data) > limit:
        raise BadSyntax(f"The photo has more than {limit} bytes")
    kind, sides = ("PNG", _png(data)) if data.startswith(_PNG) else ("JPEG", _jpeg(data))
    if sides is None:
        raise BadSyntax("The photo is neither a JPEG nor a PNG")
    if not all(0 < side <= MAX_SIDE for side in sides):
        raise BadSyntax(f"The photo is wider or higher than {MAX_SIDE} pixels")
    return Photo(kind, data)


def _png(data: bytes) -> tuple[int, int] | None:
    """Width and height: the first chunk has them (PNG 3rd edition §11.2.1)."""
    if data[12:16] != b"IHDR" or len(data) < 33 or b"IEND" not in data[-12:]:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Height and width: of the first frame header (ITU-T T.81 §B.2.2)."""
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if marker in _SIZES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return height, width
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
