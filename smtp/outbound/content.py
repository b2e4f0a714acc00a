"""What is really in a message: asked only where a server lacks an extension that the sender's program asked for."""

from dataclasses import dataclass
from pathlib import Path

_PIECE = 262_144


@dataclass(frozen=True, slots=True)
class Features:
    """``utf8_header``: bytes above 127 stand in the header; ``eight_bit``: anywhere."""

    eight_bit: bool
    utf8_header: bool


def features(content: Path) -> Features:
    """Reads the file, in a thread. Raises ``OSError``."""
    header, eight_bit, utf8_header, before = True, False, False, b""
    with content.open("rb") as file:
        while piece := file.read(_PIECE):
            end = (before + piece).find(b"\r\n\r\n") if header else -1
            part = piece if end < 0 else piece[: max(end - len(before), 0)]
            if header:
                utf8_header = utf8_header or not part.isascii()
            header = header and end < 0
            eight_bit = eight_bit or not piece.isascii()
            if eight_bit and not header:
                break
            before = piece[-3:]
    return Features(eight_bit, utf8_header)
