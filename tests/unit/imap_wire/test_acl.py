"""The commands of RFC 4314 as clients send them, and what is none; their answers."""

import pytest

from imap.wire import responses
from imap.wire.acl import AclAction, DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from imap.wire.parser import Invalid, Parser
from optimails.model.errors import BadSyntax
from optimails.model.rights import NOTHING, STANDARD, parse_rights

LR = parse_rights("lr")
GOOD = [
    (b"GETACL inbox", GetAcl("INBOX")),
    (b'getacl "&AOk-t"', GetAcl("ét")),
    (b"MYRIGHTS a", MyRights("a")),
    (b"SETACL a bob lr", SetAcl("a", "bob", False, AclAction.REPLACE, LR)),
    (b"SETACL a bob +lr", SetAcl("a", "bob", False, AclAction.ADD, LR)),
    (b'SETACL a "bob" "-lr"', SetAcl("a", "bob", False, AclAction.REMOVE, LR)),
    (b"SETACL a -bob lr", SetAcl("a", "bob", True, AclAction.REPLACE, LR)),
    (b'SETACL a bob ""', SetAcl("a", "bob", False, AclAction.REPLACE, NOTHING)),
    (b"SETACL a bob cd", SetAcl("a", "bob", False, AclAction.REPLACE, parse_rights("kxte"))),
    (b"SETACL a {4+}\r\nb b\t lr", SetAcl("a", "b b\t", False, AclAction.REPLACE, LR)),
    (b"DELETEACL a anyone", DeleteAcl("a", "anyone", False)),
    (b"DELETEACL a -bob@x", DeleteAcl("a", "bob@x", True)),
    (b"LISTRIGHTS a bob", ListRights("a", "bob", False)),
]

BAD = [
    b"GETACL",
    b"GETACL a b",
    b"SETACL a bob",
    b"SETACL a bob LR",
    b"SETACL a bob lrq",
    b"SETACL a bob l9",
    b"SETACL a bob ++l",
    b'SETACL a "" l',
    b"SETACL a - l",
    b"SETACL a " + b"x" * 331 + b" l",
    b"DELETEACL a",
    b"LISTRIGHTS a",
    b"MYRIGHTS",
]


@pytest.mark.parametrize(("line", "command"), GOOD)
def test_commands(line, command):
    parser = Parser()
    parser.feed(b"t " + line + b"\r\n")
    assert parser.next().command == command


@pytest.mark.parametrize("line", BAD)
def test_what_is_none(line):
    parser = Parser()
    parser.feed(b"t " + line + b"\r\n")
    event = parser.next()
    assert isinstance(event, Invalid)
    assert isinstance(event.error, BadSyntax)


def test_answers():
    assert responses.acl("a b", [("bob", LR), ('-x "y"', NOTHING)], utf8=True) == (
        b'* ACL "a b" bob lr "-x \\"y\\"" ""\r\n'
    )
    assert responses.acl("a", [], utf8=True) == b"* ACL a\r\n"
    assert responses.list_rights("a", "bob", LR, parse_rights("x"), utf8=True) == b"* LISTRIGHTS a bob lr x c\r\n"
    assert responses.my_rights("é", STANDARD, utf8=False) == b"* MYRIGHTS &AOk- lrswipkxteacd\r\n"
