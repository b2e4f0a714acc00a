"""Values of the model: sets of numbers, addresses, mailbox names, flags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from optimails.model.address import EmailAddress, domain_name
from optimails.model.errors import BadSyntax, Reason, Refused
from optimails.model.flags import SEEN, Flag, flag_set
from optimails.model.mailbox_name import INBOX, canonical, mailbox_name, parents
from optimails.model.number_set import STAR, NumberSet


@pytest.mark.parametrize(
    ("ranges", "largest", "expected"),
    [
        (((1, 1),), 5, ((1, 1),)),
        (((1, STAR),), 5, ((1, 5),)),
        (((STAR, STAR),), 5, ((5, 5),)),
        (((5, 3),), 9, ((3, 5),)),
        (((9, STAR),), 7, ((7, 9),)),  # RFC 9051 §9: * may be smaller than the other bound
        (((4, 6), (1, 2), (3, 3)), 9, ((1, 6),)),
        (((1, 3), (2, 8)), 9, ((1, 8),)),
        (((STAR, STAR),), 0, ()),
    ],
)
def test_a_set_resolves_to_ascending_ranges(ranges, largest, expected):
    assert NumberSet(ranges).resolved(largest).ranges == expected


@given(st.sets(st.integers(1, 60)))
def test_a_set_of_numbers_has_exactly_them(numbers):
    made = NumberSet.of(numbers)
    assert set(made) == numbers
    assert made.count() == len(numbers)
    assert made.resolved(60) == made


def test_a_set_prints_as_clients_write_it():
    assert str(NumberSet(((1, 3), (7, 7), (9, STAR)))) == "1:3,7,9:*"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Ann@Demo.Test", "ann@demo.test"),
        ('"ann"@demo.test', "ann@demo.test"),
        ('"a b"@demo.test', '"a b"@demo.test'),
        ("Élodie@xn--caf-dma.test", "élodie@café.test"),
        ("ann@CAFÉ.test.", "ann@café.test"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
    ],
)
def test_addresses_that_mean_the_same_have_one_key(text, key):
    assert EmailAddress.parse(text).key == key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@demo.test",
        "ann@",
        "a b@demo.test",
        "ann@-demo.test",
        ".ann@demo.test",
        "an..n@demo.test",
        "ann@demo..test",
        "a" * 65 + "@demo.test",
        "ann@" + "a" * 64 + ".test",
        "ann\r\n@demo.test",
        "<ann@demo.test>",
        "ann@demo_test/",
        "ann@[::1",
        "\ud800@demo.test",
    ],
)
def test_what_is_not_an_address_is_refused(text):
    with pytest.raises(BadSyntax):
        EmailAddress.parse(text)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_a_syntax_error(text):
    try:
        parsed = EmailAddress.parse(text)
    except BadSyntax:
        return
    assert EmailAddress.parse(str(parsed)).key == parsed.key


def test_a_sub_address_has_a_base():
    address = EmailAddress.parse("ann+news@demo.test")
    assert (address.tag, str(address.base)) == ("news", "ann@demo.test")
    assert EmailAddress.parse("+x@demo.test").base == EmailAddress.parse("+x@demo.test")


def test_a_domain_is_the_same_in_both_writings():
    assert domain_name("XN--CAF-DMA.test") == domain_name("Café.TEST") == "café.test"


def test_inbox_is_inbox_in_any_case():
    assert canonical("inbox") == INBOX
    assert canonical("iNbOx/a") == "INBOX/a"
    assert canonical("inboxes") == "inboxes"


@pytest.mark.parametrize("name", ["", "a//b", "/a", "a/", "a\nb", "a\x00", "x" * 241, "a/" * 40 + "a", "a\u2028b"])
def test_names_that_cannot_be_created(name):
    with pytest.raises(Refused) as refused:
        mailbox_name(name)
    assert refused.value.reason is Reason.CANNOT


def test_odd_names_that_can():
    for name in ["a.b", "&", "%*", "~", "..", "é", "📬", " x ", "a\\b", '"', "#news"]:
        assert mailbox_name(name) == name
    assert parents(mailbox_name("a/b/c")) == ["a", "a/b"]


def test_flags_differ_by_name_not_by_case():
    assert flag_set(["\\sEEN", "$Fwd"]) == {SEEN, Flag("$Fwd")}
    assert len(flag_set(["work", "Work"])) == 1
