"""Every POP3 command as clients send it."""

import pytest

from optimails.model.errors import BadSyntax
from pop3.wire import commands as c

GOOD = [
    (b"USER alice", c.User("alice")),
    (b"user  alice ", c.User("alice")),
    (b"USER \xc3\xa9", c.User("é")),
    (b"USER \xe9", c.User("é")),
    (b"PASS secret", c.Pass("secret")),
    (b"PASS  two  words ", c.Pass(" two  words ")),
    (b"AUTH", c.Auth(None)),
    (b"AUTH ", c.Auth(None)),
    (b"AUTH plain", c.Auth("PLAIN")),
    (b"AUTH PLAIN =", c.Auth("PLAIN", b"=")),
    (b"AUTH PLAIN AGE=", c.Auth("PLAIN", b"AGE=")),
    (b"STLS", c.Stls()),
    (b"CAPA ", c.Capa()),
    (b"UTF8", c.Utf8()),
    (b"LANG", c.Lang(None)),
    (b"LANG ", c.Lang(None)),
    (b"LANG *", c.Lang("*")),
    (b"LANG fr-CA", c.Lang("fr-ca")),
    (b"STAT", c.Stat()),
    (b"LIST", c.List(None)),
    (b"LIST ", c.List(None)),
    (b"LIST 12", c.List(12)),
    (b"UIDL", c.Uidl(None)),
    (b"UIDL 007", c.Uidl(7)),
    (b"RETR 1", c.Retr(1)),
    (b"RETR 1 ", c.Retr(1)),
    (b"TOP 1 0", c.Top(1, 0)),
    (b"DELE 2147483647", c.Dele(2147483647)),
    (b"NOOP", c.Noop()),
    (b"RSET", c.Rset()),
    (b"QUIT", c.Quit()),
]


@pytest.mark.parametrize(("line", "command"), GOOD)
def test_command(line: bytes, command: c.Command) -> None:
    assert c.parse(line) == command


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b"\x00",
        b" STAT",
        b"FOO",
        b"APOP alice c4c9334bac560ecc979e58001b3e22fb",
        b"LAST",
        b"STAT x",
        b"STAT\tx",
        b"USER",
        b"USER ",
        b"PASS",
        b"PASS a\x00b",
        b"AUTH PLAIN ==",
        b"AUTH PLAIN a b",
        b"AUTH (",
        b"LANG fr fr",
        b"LANG -",
        b"RETR",
        b"RETR x",
        b"RETR -1",
        b"RETR 1 2",
        b"RETR 2147483648",
        b"RETR 99999999999999999999",
        b"TOP 1",
        b"TOP 1 2 3",
        b"LIST x",
        b"\xff\xfe",
    ],
)
def test_no_command(line: bytes) -> None:
    with pytest.raises(BadSyntax):
        c.parse(line)


def test_passwords_do_not_show_in_logs() -> None:
    assert "secret" not in repr(c.parse(b"PASS secret"))
    assert "AGE=" not in repr(c.parse(b"AUTH PLAIN AGE="))
