"""LIST patterns, against the obvious definition, and on patterns made to be slow."""

import re

from hypothesis import given
from hypothesis import strategies as st

from imap.session.patterns import matcher

NAMES = st.text("ab/N", max_size=12)
PATTERNS = st.text("ab/N*%", max_size=10)


@given(PATTERNS, NAMES)
def test_a_pattern_means_what_the_rfc_says(pattern, name):
    expression = re.escape(pattern).replace(r"\*", ".*").replace("%", "[^/]*")
    assert matcher([pattern])(name) == bool(re.fullmatch(expression, name))


def test_inbox_in_any_case():
    assert matcher(["inbox"])("INBOX")
    assert matcher(["In%"])("INBOX")
    assert matcher(["inbox/%"])("INBOX/a")
    assert not matcher(["archive"])("Archive")


def test_any_of_several_patterns():
    match = matcher(["a/%", "b"])
    assert [name for name in ("a", "a/x", "a/x/y", "b") if match(name)] == ["a/x", "b"]


def test_a_pattern_full_of_wildcards_ends():
    match = matcher(["*a%" * 300 + "b"])
    assert not match("a" * 1000)
    assert match("a" * 1000 + "b")
