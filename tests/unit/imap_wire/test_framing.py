"""Where commands begin and end: literals, continuations, limits, and what the parser throws away."""

import pytest

from imap.wire import commands as c
from imap.wire.parser import Event, Invalid, Limits, Line, NeedContinuation, Parser, Received
from optimails.model.errors import BadSyntax, Refused

NOOP = Received(b"z", c.Noop())


def take(parser: Parser, data: bytes) -> list[Event]:
    parser.feed(data)
    events = []
    while (event := parser.next()) is not None:
        events.append(event)
    return events


def shown(events: list[Event]) -> list[object]:
    """Errors as their text, since exceptions compare by identity."""
    return [(event.tag, str(event.error)) if isinstance(event, Invalid) else event for event in events]


def test_a_synchronizing_literal_is_asked_for_once() -> None:
    parser = Parser()
    assert take(parser, b"a LOGIN {5}\r\n") == [NeedContinuation(5)]
    assert take(parser, b"") == []
    assert take(parser, b"al") == []
    assert take(parser, b"ice {6}\r\n") == [NeedContinuation(6)]
    assert take(parser, b"s\r\net!\r\n") == [Received(b"a", c.Login("alice", "s\r\net!"))]


def test_a_non_synchronizing_literal_is_not_asked_for() -> None:
    assert take(Parser(), b"a LOGIN {5+}\r\nalice {1+}\r\nx\r\nz NOOP\r\n") == [
        Received(b"a", c.Login("alice", "x")),
        NOOP,
    ]


def test_bare_newlines_end_lines_and_empty_lines_are_nothing() -> None:
    assert take(Parser(), b"z NOOP\n\r\n\nz NOOP\r\n") == [NOOP, NOOP]


def test_braces_within_a_line_are_no_literal() -> None:
    assert take(Parser(), b'a LOGIN x "{5}"\r\nz NOOP\r\n') == [Received(b"a", c.Login("x", "{5}")), NOOP]


def test_a_literal_with_nul_is_no_string() -> None:
    assert shown(take(Parser(), b"a LOGIN x {3+}\r\na\x00b\r\nz NOOP\r\n")) == [
        (b"a", "A literal must not hold NUL"),
        NOOP,
    ]


def test_a_literal_where_none_belongs_is_read_and_the_command_refused() -> None:
    parser = Parser()
    assert take(parser, b"a NOOP {5}\r\n") == [NeedContinuation(5)]
    assert shown(take(parser, b"hello\r\nz NOOP\r\n")) == [(b"a", "Too many arguments"), NOOP]


def test_a_long_synchronizing_literal_is_refused_before_it_is_sent() -> None:
    parser = Parser(Limits(literal=10))
    assert shown(take(parser, b"a LOGIN {11}\r\nz NOOP\r\n")) == [(b"a", "Literal is too long"), NOOP]


def test_a_long_non_synchronizing_literal_is_thrown_away_with_its_command() -> None:
    parser = Parser(Limits(literal=10))
    assert shown(take(parser, b"a LOGIN {100+}\r\n")) == [(b"a", "Literal is too long")]
    for _ in range(10):
        assert take(parser, b"x NOOP\r\n\r\n") == []
        assert parser.buffered == 0
    assert take(parser, b" {3+}\r\nfoo bar\r\nz NOOP\r\n") == [NOOP]


def test_literals_together_are_limited() -> None:
    parser = Parser(Limits(literal=10, command=30))
    assert shown(take(parser, b"a LOGIN {10+}\r\n0123456789 {9+}\r\n012345678\r\nz NOOP\r\n")) == [
        (b"a", "Literal is too long"),
        NOOP,
    ]


def test_many_empty_literals_do_not_nest() -> None:
    events = take(Parser(), b"a X " + b"{0+}\r\n" * 40_000 + b"\r\nz NOOP\r\n")
    assert shown(events) == [(b"a", "Unknown command"), NOOP]


def test_literal_minus_has_its_limit() -> None:
    parser = Parser(Limits(non_synchronizing=4096))
    assert shown(take(parser, b"a LOGIN {4097+}\r\n" + b"x" * 4097 + b" y\r\nz NOOP\r\n")) == [
        (b"a", "A non-synchronizing literal has at most 4096 bytes"),
        NOOP,
    ]
    assert take(parser, b"a LOGIN {4097}\r\n") == [NeedContinuation(4097)]


@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_long_line_is_thrown_away(step: int) -> None:
    parser = Parser(Limits(line=300))
    data = b"a LOGIN " + b"x" * 5000 + b"\r\nz NOOP\r\n"
    events = []
    for at in range(0, len(data), step):
        events += take(parser, data[at : at + step])
        assert parser.buffered <= 301
    assert shown(events) == [(b"a", "Line is too long"), NOOP]


def test_a_long_line_behind_a_literal_does_not_let_the_literal_become_commands() -> None:
    parser = Parser(Limits(line=300))
    assert shown(take(parser, b"a LOGIN {8+}\r\nq NOOP\r\n " + b"x" * 400 + b"\r\nz NOOP\r\n")) == [
        (b"a", "Line is too long"),
        NOOP,
    ]


def test_a_long_line_may_end_in_a_literal() -> None:
    parser = Parser(Limits(line=300))
    assert shown(take(parser, b"a LOGIN " + b"x" * 400 + b" {8+}\r\nq NOOP\r\n\r\nz NOOP\r\n")) == [
        (b"a", "Line is too long"),
        NOOP,
    ]
    assert shown(take(parser, b"a LOGIN " + b"x" * 400 + b" {8}\r\nz NOOP\r\n")) == [(b"a", "Line is too long"), NOOP]


def test_an_expected_line_is_given_as_it_is() -> None:
    parser = Parser()
    parser.feed(b"i IDLE\r\nDONE\r\nz NOOP\r\n")
    assert parser.next() == Received(b"i", c.Idle())
    parser.expect_line()
    assert parser.next() == Line(b"DONE")
    assert parser.next() == NOOP


def test_an_expected_line_may_be_empty_but_not_long() -> None:
    parser = Parser(Limits(line=300))
    parser.expect_line()
    assert take(parser, b"\r\n") == [Line(b"")]
    parser.expect_line()
    assert shown(take(parser, b"AA== " + b"x" * 300 + b"\r\nz NOOP\r\n")) == [(None, "Line is too long"), NOOP]


def test_discard_forgets_what_came_before_tls() -> None:
    parser = Parser()
    parser.feed(b"s STARTTLS\r\na LOGIN x {5+}\r\nab")
    assert parser.next() == Received(b"s", c.StartTls())
    parser.expect_line()
    parser.discard()
    assert take(parser, b"z NOOP\r\n") == [NOOP]


def test_the_rest_is_given_back_for_decompression() -> None:
    parser = Parser()
    parser.feed(b"c COMPRESS DEFLATE\r\n\x01\x02\n")
    assert parser.next() == Received(b"c", c.Compress("DEFLATE"))
    assert parser.take_rest() == b"\x01\x02\n"
    assert parser.next() is None


# -- APPEND ------------------------------------------------------------------------------------------------------------


def start(mailbox: str, size: int, *, synchronizing: bool = True, **more: object) -> c.AppendStart:
    return c.AppendStart(mailbox, frozenset(), None, size, synchronizing, **more)  # type: ignore[arg-type]


def test_append_in_pieces() -> None:
    parser = Parser(Limits(chunk=4))
    assert take(parser, b"a APPEND Sent {10}\r\n") == [Received(b"a", start("Sent", 10)), NeedContinuation(10)]
    assert take(parser, b"12") == [Received(b"a", c.AppendData(b"12"))]
    assert take(parser, b"345678\n0\r\nz NOOP\r\n") == [
        Received(b"a", c.AppendData(b"3456")),
        Received(b"a", c.AppendData(b"78\n0")),
        Received(b"a", c.AppendEnd()),
        NOOP,
    ]


def test_append_with_everything() -> None:
    events = take(
        Parser(), b'a APPEND {3+}\r\na b (\\seen x) "17-Jul-1996 02:44:25 -0700" ~{2+}\r\n\x00\n\r\nz NOOP\r\n'
    )
    assert isinstance(events[0], Received)
    begun = events[0].command
    assert isinstance(begun, c.AppendStart)
    assert (begun.mailbox, begun.flags, begun.binary, begun.synchronizing) == ("a b", {"\\Seen", "x"}, True, False)
    assert events[1:] == [Received(b"a", c.AppendData(b"\x00\n")), Received(b"a", c.AppendEnd()), NOOP]


def test_append_of_several_messages() -> None:
    assert take(Parser(), b"a APPEND x {1+}\r\nA {2}\r\nBB (\\Seen) {1+}\r\nC\r\nz NOOP\r\n") == [
        Received(b"a", start("x", 1, synchronizing=False)),
        Received(b"a", c.AppendData(b"A")),
        Received(b"a", start("x", 2, number=1)),
        NeedContinuation(2),
        Received(b"a", c.AppendData(b"BB")),
        Received(b"a", c.AppendStart("x", frozenset({"\\Seen"}), None, 1, synchronizing=False, number=2)),
        Received(b"a", c.AppendData(b"C")),
        Received(b"a", c.AppendEnd()),
        NOOP,
    ]


def test_append_utf8() -> None:
    assert take(Parser(), b"a APPEND x UTF8 (~{1+}\r\nA)\r\nz NOOP\r\n") == [
        Received(b"a", start("x", 1, synchronizing=False, utf8=True, binary=True)),
        Received(b"a", c.AppendData(b"A")),
        Received(b"a", c.AppendEnd()),
        NOOP,
    ]


@pytest.mark.parametrize(
    "command",
    [
        b"a APPEND x UTF8 (~{1+}\r\nA\r\n",
        b"a APPEND x UTF8 ({1+}\r\nA)\r\n",
        b"a APPEND x FOO (~{1+}\r\nA)\r\n",
        b"a APPEND x UFO (~{1+}\r\nA)\r\n",
        b"a APPEND x (\\Foo) {1+}\r\nA\r\n",
        b"a APPEND &x {1+}\r\nA\r\n",
        b"a APPEND x {1+}\r\nA x\r\n",
        b"a APPEND x {1+}\r\nA foo {8+}\r\nq NOOP\r\n\r\n",
        b"a APPEND x y {8+}\r\nq NOOP\r\n\r\n",
        b"a APPEND x {0+}\r\n\r\n",
        b"a APPEND x {1+}\r\nA {0+}\r\n\r\n",
        b"a APPEND x {1+}\r\nA {0}\r\n",
        b"a APPEND x {1+}\r\nA " + b"y" * 70_000 + b"\r\n",
    ],
)
def test_a_wrong_append_ends_with_bad_and_the_next_command_is_found(command: bytes) -> None:
    events = take(Parser(), command + b"z NOOP\r\n")
    *_, wrong, last = events
    assert isinstance(wrong, Invalid)
    assert (wrong.tag, type(wrong.error), last) == (b"a", BadSyntax, NOOP)
    assert Received(b"a", c.AppendEnd()) not in events


@pytest.mark.parametrize("literal", [b"{101}\r\n", b"{101+}\r\n" + b"x NOOP\r\n" * 12 + b"12345\r\n"])
def test_a_message_too_big_is_refused_and_never_kept(literal: bytes) -> None:
    parser = Parser(Limits(message=100))
    wrong, last = take(parser, b"a APPEND x " + literal + b"z NOOP\r\n")
    assert isinstance(wrong, Invalid)
    assert isinstance(wrong.error, Refused)
    assert (wrong.error.reason, last) == ("TOOBIG", NOOP)


def test_too_many_messages_are_refused() -> None:
    *_, wrong, last = take(Parser(Limits(messages=2)), b"a APPEND x {1+}\r\nA {1+}\r\nB {1+}\r\nC\r\nz NOOP\r\n")
    assert isinstance(wrong, Invalid)
    assert isinstance(wrong.error, Refused)
    assert (wrong.error.reason, last) == ("LIMIT", NOOP)


def test_literal_minus_holds_for_messages() -> None:
    parser = Parser(Limits(non_synchronizing=10))
    wrong, last = take(parser, b"a APPEND x {11+}\r\n01234567890\r\nz NOOP\r\n")
    assert isinstance(wrong, Invalid)
    assert last == NOOP


def test_the_session_refuses_before_the_message_is_sent() -> None:
    parser = Parser()
    parser.feed(b"a APPEND x {9}\r\n")
    assert parser.next() == Received(b"a", start("x", 9))
    parser.refuse()
    assert take(parser, b"z NOOP\r\n") == [NOOP]


@pytest.mark.parametrize("taken", [1, 2, 3, 4])
def test_the_session_refuses_a_message_that_comes_anyway(taken: int) -> None:
    parser = Parser(Limits(chunk=4))
    parser.feed(b"a APPEND x {8+}\r\nq NOOP\r\n {3+}\r\nabc {3+}\r\nabc\r\nz NOOP\r\n")
    for _ in range(taken):
        assert parser.next() is not None
    parser.refuse()
    assert take(parser, b"") == [NOOP]


def test_refusing_behind_the_message_waits_for_the_end_of_the_line() -> None:
    parser = Parser()
    assert len(take(parser, b"a APPEND x {1+}\r\nA")) == 2
    parser.refuse()
    assert take(parser, b" {3}\r\nz NOOP\r\n") == [NOOP]
    parser.refuse()  # nothing to refuse: nothing happens
    assert take(parser, b"z NOOP\r\n") == [NOOP]


def test_an_append_that_goes_on_with_another_line() -> None:
    parser = Parser()
    parser.feed(b"a APPEND x {1+}\r\nA")
    assert len(list(iter(parser.next, None))) == 2
    assert take(parser, b"\r") == []
    assert take(parser, b"\n") == [Received(b"a", c.AppendEnd())]
