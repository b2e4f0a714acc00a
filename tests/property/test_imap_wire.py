"""The IMAP grammar under any bytes: values or Invalid, the same however the input is cut, in bounded memory."""

from hypothesis import given, settings
from hypothesis import strategies as st

from imap.wire import commands as c
from imap.wire import responses
from imap.wire.grammar import metadata
from imap.wire.metadata import SetMetadata
from imap.wire.names import decode_mailbox, encode_mailbox
from imap.wire.parser import Event, Invalid, Limits, Parser, Received
from imap.wire.scanner import Scanner
from optimails.model.mailbox_name import canonical
from optimails.model.number_set import NumberSet

LIMITS = Limits(line=400, literal=60, command=600, message=80, messages=3, depth=5, terms=8, elements=10, chunk=16)

WORDS = [
    *b"a b1 NOOP LOGIN UID FETCH SEARCH STORE APPEND SELECT LIST RETURN STATUS COPY ID ENABLE AUTHENTICATE".split(b" "),
    *b"OR NOT FLAGS CHARSET US-ASCII NIL SENTON MODSEQ LARGER +FLAGS.SILENT (\\Seen) &AOk- & \xc3\xa9 \xff".split(b" "),
    *b'( ) [ ] } { " "x" "\\"" "\\x" \\ * % $ 1:* 1,2 0 1 1-Feb-2020 \r \n \r\n'.split(b" "),
    *b"{3}\r\nabc {3+}\r\nabc {70}\r\n {70+}\r\n ~{3+}\r\nabc {0+}\r\n (~{3+}\r\nabc) UTF8".split(b" "),
    *b"BODY[] BODY[HEADER.FIELDS BODY.PEEK[1.TEXT] <0.5>".split(b" "),
    *b"GETMETADATA SETMETADATA DEPTH infinity MAXSIZE /shared/a /private/A/b /shared".split(b" "),
    b'"17-Jul-1996 02:44:25 -0700"',
]
pieces = st.one_of(
    st.sampled_from(WORDS), st.just(b"\r\n"), st.just(b"\x00"), st.binary(max_size=20), st.just(b"y" * 150)
)
streams = st.lists(st.tuples(pieces, st.sampled_from([b" ", b" ", b" ", b"", b"\r\n"])), max_size=40).map(
    lambda parts: b"".join(piece + gap for piece, gap in parts)
)


def values(data: bytes, step: int, *, utf8: bool) -> list[object]:
    """What the parser gives, with the pieces of a message joined, since they depend on the cuts."""
    parser = Parser(LIMITS)
    parser.utf8 = utf8
    seen: list[object] = []
    for at in range(0, len(data), step):
        parser.feed(data[at : at + step])
        while (event := parser.next()) is not None:
            _note(seen, event)
        assert parser.buffered <= LIMITS.command + LIMITS.line + 1
    return seen


def _note(seen: list[object], event: Event) -> None:
    match event:
        case Invalid(tag, error):
            seen.append((tag, type(error), str(error)))
        case Received(tag, c.AppendData(data)) if seen and isinstance(seen[-1], bytearray):
            seen[-1] += data
        case Received(tag, c.AppendData(data)):
            seen.append(bytearray(data))
        case _:
            seen.append(event)


@settings(max_examples=400, deadline=None)
@given(streams, st.booleans())
def test_any_bytes_give_values_and_the_same_byte_by_byte(data: bytes, utf8: bool) -> None:  # noqa: FBT001 - drawn
    whole = values(data, len(data) or 1, utf8=utf8)
    assert values(data, 1, utf8=utf8) == whole
    assert values(data, 7, utf8=utf8) == whole


@given(streams)
def test_after_anything_a_command_on_its_own_line_is_found(data: bytes) -> None:
    parser = Parser(LIMITS)
    parser.feed(data)
    while parser.next() is not None:
        pass
    for _ in range(12):  # enough lines to end whatever was open: literals are at most 80 bytes here
        parser.feed(b"\r\nzz NOOP\r\n")
    found = []
    while (event := parser.next()) is not None:
        found.append(event)
    # A literal announced with a huge size swallows everything, as it must.
    assert Received(b"zz", c.Noop()) in found or parser.buffered == 0


names = st.text(max_size=60)


@given(names, st.booleans())
def test_mailbox_names_survive(name: str, utf8: bool) -> None:  # noqa: FBT001 - drawn
    raw = encode_mailbox(name, utf8=utf8)
    assert decode_mailbox(raw, utf8=utf8) == name
    plain = name.replace("\x00", "")  # which no string can hold
    scan = Scanner(responses.mailbox(plain, utf8=utf8) + b"\r\n", Limits(), utf8=utf8)
    assert scan.mailbox() == canonical(plain)
    assert scan.at_end()


@given(st.binary(max_size=200))
def test_strings_survive(data: bytes) -> None:
    data = data.replace(b"\x00", b"")
    for printed in (responses.astring(data), responses.quoted(data)):
        scan = Scanner(printed + b"\r\n", Limits())
        assert scan.astring() == data
        assert scan.at_end()


entries = st.lists(
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E, exclude_characters="/*%"), min_size=1, max_size=20),
    min_size=1,
    max_size=4,
).map(lambda parts: "/".join(["/shared", *parts]).lower())


@given(st.dictionaries(entries, st.none() | st.binary(max_size=50), min_size=1, max_size=5), names)
def test_annotations_survive(values: dict[str, bytes | None], name: str) -> None:
    name = name.replace("\x00", "")
    line = responses.metadata(name, values.items(), utf8=True).removeprefix(b"* METADATA")
    found = metadata.set_metadata(Scanner(line, Limits(), utf8=True))
    assert found == SetMetadata(canonical(name) or None, tuple(values.items()))
    line = responses.metadata_news("", values, utf8=True).removeprefix(b'* METADATA ""')
    scan = Scanner(b" (" + line.strip() + b")\r\n", Limits(), utf8=True)
    scan.space()
    assert metadata.entries(scan) == tuple(values)
    assert scan.at_end()


bounds = st.integers(0, 2**32 - 1)


@given(st.lists(st.tuples(bounds, bounds), min_size=1, max_size=20))
def test_number_sets_survive(ranges: list[tuple[int, int]]) -> None:
    numbers = NumberSet(tuple(ranges))
    scan = Scanner(str(numbers).encode() + b"\r\n", Limits())
    assert scan.message_set() == numbers
    assert scan.at_end()


@given(st.text(max_size=300))
def test_no_text_breaks_out_of_its_line(text: str) -> None:
    line = responses.tagged(b"a", responses.Condition.NO, text)
    assert line.endswith(b"\r\n")
    assert not {b"\r", b"\n", b"\x00"} & {line[i : i + 1] for i in range(len(line) - 2)}
