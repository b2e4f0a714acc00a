"""Letters, identifiers, bundles."""

import itertools

import pytest

from optimails.acl.bundles import named_rights, rights_of, send_of
from optimails.model.errors import BadSyntax
from optimails.model.rights import (
    EVERYTHING,
    NOTHING,
    STANDARD,
    Bundle,
    Identifier,
    Right,
    SendRight,
    Who,
    letters,
    obsolete_letters,
    parse_rights,
)


@pytest.mark.parametrize(
    ("given", "stands_for"),
    [
        ("", ""),
        ("rl", "lr"),
        ("c", "kx"),  # RFC 4314 §2.1.1
        ("d", "te"),
        ("lrswipcda", "lrswipkxtea"),
        ("9l0", "l90"),
        ("llll", "l"),
    ],
)
def test_letters_are_read_in_any_order_and_written_in_one(given, stands_for):
    assert letters(parse_rights(given)) == stands_for


@pytest.mark.parametrize("wrong", ["q", "L", "lr s", "é", "-l", "1"])
def test_what_is_no_right_is_told(wrong):
    with pytest.raises(BadSyntax, match="no right"):
        parse_rights(wrong)


@pytest.mark.parametrize(
    ("rights", "shown"), [("lr", ""), ("k", "c"), ("x", "c"), ("t", "d"), ("e", "d"), ("lxe", "cd"), ("", "")]
)
def test_clients_of_the_old_rfc_see_their_letters(rights, shown):
    assert obsolete_letters(parse_rights(rights)) == shown


def test_all_rights():
    assert letters(EVERYTHING) == "lrswipkxtea9"
    assert letters(STANDARD) == "lrswipkxtea"


@pytest.mark.parametrize("who", Who)
def test_identifiers_are_stored_as_text(who):
    identifier = Identifier(who, "a:b@demo.test")
    assert Identifier.parse(str(identifier)) == identifier


def test_each_bundle_allows_what_the_one_before_does():
    bundles = [Bundle.READER, Bundle.EDITOR, Bundle.ASSISTANT, Bundle.FULL]
    for small, large in itertools.pairwise(bundles):
        assert rights_of(small) in rights_of(large)
    assert [send_of(bundle) for bundle in bundles] == [
        SendRight.NO, SendRight.NO, SendRight.ON_BEHALF, SendRight.SEND_AS,
    ]  # fmt: skip


@pytest.mark.parametrize("bundle", Bundle)
def test_only_a_full_delegate_changes_the_rights_of_others(bundle):
    assert (Right.ADMINISTER in rights_of(bundle)) == (bundle is Bundle.FULL)


@pytest.mark.parametrize(("text", "rights"), [("reader", "lrs9"), ("lr", "lr"), ("", "")])
def test_rights_by_name_or_by_letter(text, rights):
    assert letters(named_rights(text)) == rights
    assert named_rights("") == NOTHING
