"""From as submitted mail must have it: one reading, or none."""

import pytest

from optimails.model.errors import BadSyntax
from smtp.wire.authors import authors


@pytest.mark.parametrize(
    ("value", "addresses", "name"),
    [
        (b" ann@example.org", ["ann@example.org"], ""),
        (b"<ann@example.org>", ["ann@example.org"], ""),
        (b"Ann Example <ann@example.org>", ["ann@example.org"], "Ann Example"),
        (b"J. R. Smith <ann@example.org>", ["ann@example.org"], "J. R. Smith"),
        (b'"Smith, Ann (Sales) <x>" <ann@example.org>', ["ann@example.org"], "Smith, Ann (Sales) <x>"),
        (b"=?utf-8?q?Andr=C3=A9?= <ann@example.org>", ["ann@example.org"], "Andr\N{LATIN SMALL LETTER E WITH ACUTE}"),
        ("André <ann@example.org>".encode(), ["ann@example.org"], "Andr\N{LATIN SMALL LETTER E WITH ACUTE}"),
        (b"Andr\xe9 <ann@example.org>", ["ann@example.org"], "Andr\N{LATIN SMALL LETTER E WITH ACUTE}"),
        (b"ann@example.org (Ann (from \\) Sales))", ["ann@example.org"], ""),
        (b"Ann\r\n <ann@example.org>,\r\n\tbob@example.org", ["ann@example.org", "bob@example.org"], "Ann"),
        (b'"odd name"@example.org', ['"odd name"@example.org'], ""),
        (b"< ann@example.org >", ["ann@example.org"], ""),
        (b'"ceo@bank.example" <ann@example.org>', ["ann@example.org"], "ceo@bank.example"),
    ],
)
def test_what_is_read(value: bytes, addresses: list[str], name: str) -> None:
    found = authors(value)
    assert [str(one.address) for one in found] == addresses
    assert found[0].name == name


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"Ann",
        b"ann@example.org,",
        b",ann@example.org",
        b"friends: ann@example.org;",
        b"undisclosed:;",
        b"<@relay.test:ann@example.org>",
        b"ceo@bank.example <ann@example.org>",
        b"<ceo@bank.example> <ann@example.org>",
        b"<ceo@bank.example> ann@example.org",
        b"<ann@example.org> ceo@bank.example",
        b"<<ceo@bank.example>ann@example.org>",
        b"ceo@bank.example@example.org",
        b"ceo @bank.example ann@example.org",
        b"ann@exam ple.org",
        b"Ann <ann@example.org",
        b"(open <ceo@bank.example>, ann@example.org",
        b'"open <ann@example.org>',
        b"=?utf-8?q?ceo=40bank.example?=",
        b"=?utf-8?q?ceo_=3Cceo=40bank.example=3E?= <ann@example.org>",
        b"=?utf-8?q?ceo=0D=0ABcc=3A?= <ann@example.org>",
        b"ann@example.org\0",
        b"Ann <\xe9@example.org>",
        b"x@[192.0.2.1] <ann@example.org>",
        b"a@b.test," * 30 + b"ann@example.org",
        b"(" * 20_000,
        b'"' * 30_001,
        b"a " * 40_000,
    ],
)
def test_what_could_be_read_in_two_ways_is_not_read(value: bytes) -> None:
    with pytest.raises(BadSyntax):
        authors(value)
