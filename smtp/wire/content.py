r"""The bytes of a message on the wire: after DATA until the lone dot, after BDAT until their number is reached.

**Only CR LF "." CR LF ends a message** (RFC 5321 §4.1.1.4). Servers that also took LF "." LF, or any mixture, let a
sender hide a second message behind one that others see as a single one (SMTP smuggling). Here a bare CR or LF ends
nothing. The session makes it CR LF, after the end was looked for, or refuses the message where it is told to: what is
stored and later relayed has clean line ends, with its dots stuffed anew, so it hides nothing from the next server.

**Pieces.** Input comes in reads of any size. What is left of a read that could be the beginning of CR LF "." CR LF
is held back, so no piece that is given out ends in CR, CR LF or CR LF ".". That makes the rest simple: a line end
never straddles two pieces, so unstuffing is one ``replace`` and counting line ends is exact, piece by piece. The
reader begins as if a line had just ended, for a dot in the first line.
"""

import re

_END = b"\r\n.\r\n"
_BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")


def bare_line_ends(piece: bytes) -> bool:
    """Whether a CR or LF stands alone in a piece that neither begins nor ends within a line end."""
    pairs = piece.count(b"\r\n")
    return piece.count(b"\n") != pairs or piece.count(b"\r") != pairs


def with_line_ends(piece: bytes) -> bytes:
    """Every bare CR and LF made CR LF: real senders have them, and refusing them loses mail (RFC 5321 §2.3.8)."""
    return _BARE.sub(b"\r\n", piece)


class DotReader:
    """The content of DATA."""

    __slots__ = ("_begun", "_held")

    def __init__(self) -> None:
        self._held = b"\r\n"
        self._begun = False

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """The next piece of content, unstuffed; and what follows the message in ``data``, or None when it goes on."""
        if self._held:
            data = self._held + data
        end = data.find(_END)
        rest: bytes | None = None
        if end >= 0:
            piece = data[: end + 2]
            rest = data[end + 5 :]
            self._held = b""
        else:
            held = next((n for n in (4, 3, 2, 1) if data.endswith(_END[:n])), 0)
            piece = data[:-held] if held else data
            self._held = _END[:held]
        if not piece:
            return piece, rest
        if b"\r\n." in piece:
            piece = piece.replace(b"\r\n.", b"\r\n")  # RFC 5321 §4.5.2
        if not self._begun:  # the line end that was there before the message
            piece = piece[2:]
            self._begun = True
        return piece, rest


class ChunkReader:
    """The content of BDAT (RFC 3030): counted bytes; only line ends that fall between two pieces need care."""

    __slots__ = ("_held", "_left", "last")

    def __init__(self) -> None:
        self._held = b""
        self._left = 0
        self.last = False

    def expect(self, size: int, *, last: bool) -> None:
        """``size`` more bytes belong to the message, and perhaps no others."""
        self._left = size
        self.last = last

    def feed(self, data: bytes) -> tuple[bytes, bytes | None]:
        """As ``DotReader.feed``; the second value is not None when the chunk is complete."""
        taken = data[: self._left]
        rest = data[self._left :] if len(data) >= self._left else None
        self._left -= len(taken)
        piece = self._held + taken if self._held else taken
        self._held = b""
        if piece.endswith(b"\r"):
            piece, self._held = piece[:-1], b"\r"
        return piece, rest

    def finish(self) -> bytes:
        """What was held back, after the last chunk."""
        held, self._held = self._held, b""
        return held
