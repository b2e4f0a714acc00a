"""SASLprep (RFC 4013): passwords that look the same become the same octets, whatever keyboard made them."""

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str) -> str:
    """The prepared form.

    Code points that Unicode 3.2 did not know pass, for new passwords too: RFC 4013 §2.5 would forbid emoji and scripts
    that people write today.

    Raises:
        ValueError: for control characters and others that it forbids, and for text that mixes directions wrongly.
    """
    if text.isascii():
        if not text.isprintable():
            raise ValueError("the password has a control character")
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(character) else character
        for character in text
        if not stringprep.in_table_b1(character)
    )
    prepared = unicodedata.normalize("NFKC", mapped)
    for character in prepared:
        if any(prohibited(character) for prohibited in _PROHIBITED):
            raise ValueError("the password has a character that is not allowed")
    # RFC 3454 §6: with any right-to-left character, no left-to-right one, and right-to-left at both ends.
    if any(stringprep.in_table_d1(character) for character in prepared):
        ends = stringprep.in_table_d1(prepared[0]) and stringprep.in_table_d1(prepared[-1])
        if not ends or any(stringprep.in_table_d2(character) for character in prepared):
            raise ValueError("the password mixes writing directions")
    return prepared
