"""The tree of a message's parts. Offsets count from the start of the whole message."""

from dataclasses import dataclass, field

from optimails.mime.params import Params, decoded


@dataclass(slots=True, eq=False)  # frozen would make the hot path a third slower; nothing changes a part after the scan
class Part:
    """A message, or one part of it.

    The header, with the empty line that ends it, is ``header_start:body_start``; the body ``body_start:body_end``.
    Names (type, subtype, disposition, encoding) are in lower case, all other values as in the message, unfolded.
    """

    header_start: int
    body_start: int
    body_end: int
    type: bytes
    subtype: bytes
    params: Params
    encoding: bytes = b"7bit"
    id: bytes | None = None
    description: bytes | None = None
    md5: bytes | None = None
    disposition: bytes | None = None
    disposition_params: Params = ()
    language: tuple[bytes, ...] = ()
    location: bytes | None = None
    lines: int = 0  # of text parts and embedded messages
    children: list["Part"] = field(default_factory=list)  # of a multipart: never empty there
    message: "Part | None" = None  # of message/rfc822 and message/global: the embedded message

    @property
    def header_end(self) -> int:
        """Where the header ends, the empty line included."""
        return self.body_start

    @property
    def size(self) -> int:
        """Bytes of the body as transferred."""
        return self.body_end - self.body_start

    @property
    def charset(self) -> str:
        """As claimed; empty when nothing is claimed."""
        return decoded(self.params, b"charset") or ""

    @property
    def filename(self) -> str | None:
        """From Content-Disposition, else the ``name`` of Content-Type."""
        return decoded(self.disposition_params, b"filename") or decoded(self.params, b"name")
