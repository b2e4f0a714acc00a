"""BER as LDAP restricts it (RFC 4511 §5.1): definite lengths, tags of one octet, strings in one piece.

Lengths may be longer than they need to be: programs of Microsoft always write five octets. Nothing here recurses: what
lies inside of an element is read by whoever knows what it is, so that depth is bounded there.
"""

from optimails.model.errors import BadSyntax

BOOLEAN, INTEGER, OCTETS, ENUMERATED, SEQUENCE, SET = 0x01, 0x02, 0x04, 0x0A, 0x30, 0x31
_MANY = 0x1F  # in a tag: there are more octets of it
_LONGEST = 4  # octets of a length


def header(data: bytes | bytearray, at: int) -> tuple[int, int, int] | None:
    """Tag, start and length of the element there; None when the octets do not suffice. Raises ``BadSyntax``."""
    if at + 2 > len(data):
        return None
    tag, length = data[at], data[at + 1]
    if tag & _MANY == _MANY:
        raise BadSyntax("A tag is too long")
    if length < 0x80:
        return tag, at + 2, length
    octets = length & 0x7F
    if not 1 <= octets <= _LONGEST:
        raise BadSyntax("A length is indefinite or absurd")
    start = at + 2 + octets
    if start > len(data):
        return None
    return tag, start, int.from_bytes(data[at + 2 : start], "big")


class Reader:
    """The elements within one, in order. All that it raises is ``BadSyntax``."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        """Whether something is left."""
        return self._at < len(self._data)

    def peek(self) -> int | None:
        """The next tag."""
        return self._data[self._at] if self else None

    def any(self) -> tuple[int, bytes]:
        """The next element, whatever it is."""
        found = header(self._data, self._at)
        if found is None or found[1] + found[2] > len(self._data):
            raise BadSyntax("An element is cut off")
        tag, start, length = found
        self._at = start + length
        return tag, self._data[start : self._at]

    def octets(self, tag: int = OCTETS) -> bytes:
        """The value of the next element, which has that tag."""
        found, value = self.any()
        if found != tag:
            raise BadSyntax("An element has another tag than expected")
        return value

    def text(self, tag: int = OCTETS) -> str:
        try:
            return self.octets(tag).decode()
        except UnicodeDecodeError as wrong:
            raise BadSyntax("A text is not UTF-8") from wrong

    def inside(self, tag: int = SEQUENCE) -> "Reader":
        return Reader(self.octets(tag))

    def integer(self, tag: int = INTEGER) -> int:
        value = self.octets(tag)
        if not 1 <= len(value) <= 8:
            raise BadSyntax("A number is empty or too large")
        return int.from_bytes(value, "big", signed=True)

    def boolean(self) -> bool:
        value = self.octets(BOOLEAN)
        if len(value) != 1:
            raise BadSyntax("A truth value has one octet")
        return value != b"\0"

    def end(self) -> None:
        """Nothing may be left."""
        if self:
            raise BadSyntax("Something follows that does not belong there")


def element(tag: int, *parts: bytes) -> bytes:
    """An element with these contents."""
    value = b"".join(parts)
    length = len(value)
    if length < 0x80:
        return bytes((tag, length)) + value
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(octets))) + octets + value


def integer(number: int, tag: int = INTEGER) -> bytes:
    return element(tag, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True))
