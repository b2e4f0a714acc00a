"""COMPRESS=DEFLATE (RFC 4978): two zlib streams whose memory has bounds.

*Against bombs:* a few bytes can unpack to gigabytes, so output is made only in portions that were asked for; what was
received waits packed. *Against idle weight:* a compressor weighs 64 KiB here (zlib's default is 268). It ends every
portion on a byte boundary, so it can be dropped while a session idles: a new one goes on in the same stream, it only
cannot refer back to what was sent before.
"""

import zlib

PORTION = 65_536  # unpacked bytes given at a time
_RAW = -15  # RFC 4978 §3: no header; clients may use any window
_WINDOW = -13  # ours: 8 KiB, enough for the repetitions of IMAP
_MEMORY = 6


class BadStream(Exception):
    """What the client sends is not compressed, or its stream has ended."""


class Inflater:
    """Packed bytes in, portions of unpacked bytes out."""

    __slots__ = ("_more", "_stream", "_waiting")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_RAW)
        self._waiting = b""
        self._more = False  # zlib holds finished output that the last portion had no room for

    @property
    def ready(self) -> bool:
        """Whether ``take`` may give something without further input."""
        return self._more or bool(self._waiting)

    def take(self, received: bytes = b"") -> bytes:
        """The next portion; ``received`` is added to what waits.

        Raises:
            BadStream: when it cannot be unpacked.
        """
        try:
            data = self._stream.decompress(self._waiting + received, PORTION)
        except zlib.error as wrong:
            raise BadStream from wrong
        self._waiting = self._stream.unconsumed_tail
        self._more = len(data) == PORTION
        if self._stream.eof:
            raise BadStream
        return data


class Deflater:
    """Plain bytes in, packed bytes out."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream: zlib._Compress | None = None

    def pack(self, data: bytes) -> bytes:
        """Everything that the client needs to unpack ``data``."""
        if self._stream is None:
            self._stream = zlib.compressobj(zlib.Z_DEFAULT_COMPRESSION, zlib.DEFLATED, _WINDOW, _MEMORY)
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def rest(self) -> None:
        """Give the memory back until there is something to pack again."""
        self._stream = None
