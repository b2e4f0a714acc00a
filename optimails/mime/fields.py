"""BODY[HEADER.FIELDS (…)] and .NOT (RFC 9051 §6.4.5)."""

from functools import lru_cache

from optimails.mime.header import split_fields
from optimails.mime.prepare import PREPARED_FIELDS, crlf_lines


class FieldFilter:
    """Picks fields out of header blocks; one filter serves the many messages of a FETCH."""

    __slots__ = ("_exclude", "_names", "_seen", "prepared")

    def __init__(self, names: frozenset[bytes], *, exclude: bool = False) -> None:
        """``names`` in lower case."""
        self._names = names
        self._exclude = exclude
        # Spellings met so far → wanted. Asking this once per line is cheaper than lower-casing every name.
        self._seen: dict[bytes, bool] = {}
        self.prepared = not exclude and names <= PREPARED_FIELDS
        """Whether ``Prepared.headers`` is enough, for a message whose ``headers_complete`` is true."""

    def __call__(self, header_block: bytes) -> bytes:
        """The fields of a whole header, or of ``Prepared.headers``: in the order of the message, with their own case,
        CRLF at each end, and the empty line."""
        seen = self._seen
        kept: list[bytes] = []
        for line, name, _ in split_fields(header_block):
            wanted = seen.get(name)
            if wanted if wanted is not None else self._learn(name):
                kept.append(line)
        return crlf_lines(kept) + b"\r\n"

    def _learn(self, name: bytes) -> bool:
        wanted = bool(name) and (name.lower() in self._names) != self._exclude
        if len(self._seen) < 1000 and len(name) <= 100:  # names come from messages: hostile ones shall not fill memory
            self._seen[name] = wanted
        return wanted


@lru_cache(maxsize=256)
def field_filter(names: frozenset[bytes], *, exclude: bool = False) -> FieldFilter:
    """The shared filter for these names (lower case)."""
    return FieldFilter(names, exclude=exclude)


def header_fields(header_block: bytes, names: frozenset[bytes], *, exclude: bool = False) -> bytes:
    """The fields with these names (lower case), or all but these, and the empty line."""
    return field_filter(names, exclude=exclude)(header_block)
