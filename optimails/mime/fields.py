"""BODY[HEADER.FIELDS (…)] and .NOT (RFC 9051 §6.4.5)."""

import re
from collections.abc import Callable
from functools import lru_cache

from optimails.mime.header import split_fields, with_crlf
from optimails.mime.prepare import PREPARED_FIELDS

_NAME = re.compile(rb"[!-9;-~]++")
_REST = rb")[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+\n?)|[^\n]*+\n?"
_MAX_PATTERN = 64  # names; compiling more costs more than it saves


class FieldFilter:
    """Picks fields out of header blocks; one filter serves the many messages of a FETCH."""

    __slots__ = ("_exclude", "_find", "_names", "prepared")

    def __init__(self, names: frozenset[bytes], *, exclude: bool = False) -> None:
        """``names`` in lower case."""
        self._names = names
        self._exclude = exclude
        self.prepared = not exclude and names <= PREPARED_FIELDS
        """Whether ``Prepared.headers`` is enough, for a message whose ``headers_complete`` is true."""
        # One pattern of all names costs half of looking at each line here.
        self._find: Callable[[bytes], list[bytes]] | None = None
        spelled = sorted(re.escape(name) for name in names if _NAME.fullmatch(name))
        if spelled and len(names) <= _MAX_PATTERN and not exclude:
            self._find = re.compile(rb"(?i)((?:" + b"|".join(spelled) + _REST).findall

    def __call__(self, header_block: bytes) -> bytes:
        """The fields of a whole header: in the order of the message, with their own case, CRLF at each end, and the
        empty line."""
        if self._find is not None:
            return with_crlf(b"".join(self._find(header_block))) + b"\r\n"
        names, exclude = self._names, self._exclude
        kept = [line for line, name, _ in split_fields(header_block) if name and (name.lower() in names) != exclude]
        return with_crlf(b"\n".join(kept)) + b"\r\n"

    def from_prepared(self, headers: bytes) -> bytes:
        """The same from ``Prepared.headers``, whose line ends need no look: half the time, for long lists."""
        if self._find is None:
            return self(headers)
        return b"".join(self._find(headers)) + b"\r\n"


@lru_cache(maxsize=256)
def field_filter(names: frozenset[bytes], *, exclude: bool = False) -> FieldFilter:
    """The shared filter for these names (lower case)."""
    return FieldFilter(names, exclude=exclude)


def header_fields(header_block: bytes, names: frozenset[bytes], *, exclude: bool = False) -> bytes:
    """The fields with these names (lower case), or all but these, and the empty line."""
    return field_filter(names, exclude=exclude)(header_block)
