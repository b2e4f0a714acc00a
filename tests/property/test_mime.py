"""Any bytes give an answer that an IMAP client can read; generated mail is read as the standard library reads it."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, parsedate_to_datetime

from hypothesis import assume, given
from hypothesis import strategies as st

from optimails.mime import (
    SectionKind,
    basic_structure,
    decode_header,
    decode_part,
    field_filter,
    find_part,
    full_structure,
    header_fields,
    header_text,
    html_text,
    parse,
    parse_addresses,
    parse_date,
    prepare,
    render_addresses,
    section,
    text,
)
from optimails.mime.binary import without_binary
from optimails.model.errors import BadSyntax, Refused

PIECES = st.sampled_from(
    [
        b"\r\n", b"\n", b"\r", b"\r\n\r\n", b"\n\n", b" ", b"\t", b"\r\n ", b"\0", b"\xff", "é".encode(), b"--",
        b"--b", b"\r\n--b\r\n", b"\n--b\n", b"\r\n--b--\r\n", b"--c", b"\r\n--c\r\n", b"Content-Type: ",
        b"multipart/mixed; boundary=b\r\n", b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
        b'multipart/digest; boundary="c"\r\n', b"Content-Type: message/rfc822\r\n\r\n", b"text/plain; charset=",
        b"utf-8", b"Content-Transfer-Encoding: base64\r\n", b"quoted-printable",
        b"Content-Disposition: attachment; filename*0*=utf-8''%C3; filename*1=x", b"Content-Language: a,b",
        b"From: ", b"To: ", b"Date: ", b"Subject: ", b"a@b", b"<", b">", b"(", b")", b'"', b"\\", b",", b";", b":",
        b"@", b"[", b"]", b"=?utf-8?Q?=C3=A9?=", b"=?", b"?=", b"=", b"%", b"*", b"'", b"1 Jan 2024 10:00:00 +0100",
        b"x", b"NIL", b"{5}\r\n",
    ]
)  # fmt: skip
BYTES = st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=60).map(b"".join)

_TOKEN = re.compile(rb'\(|\)| |NIL|\d+|"(?:[^"\\\r\n\0]|\\["\\])*"')
_LITERAL = re.compile(rb"\{(\d+)\}\r\n")


def read_imap(value):
    """The nested lists of a response as RFC 9051 §9 reads it; asserts when it cannot."""
    stack, at = [[]], 0
    while at < len(value):
        if literal := _LITERAL.match(value, at):
            at = literal.end() + int(literal[1])
            content = value[literal.end() : at]
            assert len(content) == int(literal[1])
            assert b"\0" not in content
            stack[-1].append(content)
            continue
        token = _TOKEN.match(value, at)
        assert token, value[at : at + 40]
        at = token.end()
        if token[0] == b"(":
            stack.append([])
        elif token[0] == b")":
            done = stack.pop()
            stack[-1].append(done)
        elif token[0] == b"NIL":
            stack[-1].append(None)
        elif token[0][:1] == b'"':
            stack[-1].append(re.sub(rb"\\(.)", rb"\1", token[0][1:-1]))
        elif token[0] != b" ":
            stack[-1].append(int(token[0]))
    assert len(stack) == 1
    assert len(stack[0]) == 1
    return stack[0][0]


def check_envelope(members):
    assert len(members) == 10
    for text_member in (members[0], members[1], members[8], members[9]):
        assert text_member is None or isinstance(text_member, bytes)
    for addresses in members[2:8]:
        assert addresses is None or (addresses and all(len(address) == 4 for address in addresses))


def check_structure(body, *, extended):
    if isinstance(body[0], list):
        parts = [member for member in body if isinstance(member, list)]
        children = parts[: next(n for n, member in enumerate(body) if not isinstance(member, list))]
        for child in children:
            check_structure(child, extended=extended)
        assert len(body) == len(children) + (5 if extended else 1)
        assert isinstance(body[len(children)], bytes)
        return
    kind, subtype, params, _id, _description, encoding, size = body[:7]
    assert isinstance(kind, bytes)
    assert isinstance(subtype, bytes)
    assert params is None or len(params) % 2 == 0
    assert isinstance(encoding, bytes)
    assert size >= 0
    rest = body[7:]
    if (kind, subtype) in ((b"message", b"rfc822"), (b"message", b"global")):
        check_envelope(rest[0])
        check_structure(rest[1], extended=extended)
        rest = rest[2:]
    if kind == b"text" or len(body) - len(rest) > 7:
        assert rest[0] >= 0
        rest = rest[1:]
    assert len(rest) == (4 if extended else 0)


def walk(part):
    yield part
    for child in part.children:
        yield from walk(child)
    if part.message:
        yield from walk(part.message)


@given(BYTES)
def test_any_bytes_give_readable_answers(message):
    prepared = prepare(message)
    check_envelope(read_imap(prepared.envelope))
    check_structure(read_imap(prepared.structure), extended=True)
    root = parse(message)
    assert prepared.structure == full_structure(root, message)
    check_structure(read_imap(basic_structure(root, message)), extended=False)
    for part in walk(root):
        assert 0 <= part.header_start <= part.body_start <= part.body_end <= len(message)
        assert (part.type == b"multipart") == bool(part.children)
        for child in part.children:
            assert part.body_start <= child.header_start
            assert child.body_end <= part.body_end
        with suppress(Refused):
            decode_part(message, part)


@given(BYTES, st.lists(st.integers(0, 4), max_size=4).map(tuple), st.sampled_from(SectionKind))
def test_sections_lie_in_the_message(message, path, kind):
    span = section(message, path, kind)
    assert span is None or 0 <= span[0] <= span[1] <= len(message)
    if kind is SectionKind.FULL and path:
        assert (span is None) == (find_part(parse(message), path) is None)


@given(BYTES)
def test_header_and_text_make_the_message(message):
    header, body = section(message, (), SectionKind.HEADER), section(message, (), SectionKind.TEXT)
    assert header[0] == 0
    assert header[1] == body[0]
    assert body[1] == len(message)
    assert prepare(message).header_size == header[1]


@given(BYTES, st.frozensets(st.sampled_from([b"from", b"to", b"subject", b"content-type", b"x-y"])))
def test_fields_from_prepared_headers_are_those_of_the_message(message, names):
    prepared = prepare(message)
    whole = header_fields(message[: prepared.header_size], names)
    assert whole.endswith(b"\r\n")
    if field_filter(names).prepared and prepared.headers_complete:
        assert field_filter(names).from_prepared(prepared.headers) == whole
    rest = header_fields(message[: prepared.header_size], names, exclude=True)
    everything = header_fields(message[: prepared.header_size], frozenset(), exclude=True)
    assert len(whole) + len(rest) == len(everything) + 2


@given(BYTES)
def test_any_bytes_as_values(value):
    decode_header(value)
    parse_date(value)
    parse_addresses(value)
    header_text(value, b"from")
    addresses = render_addresses(value)
    assert addresses == b"NIL" or read_imap(addresses)


@given(BYTES, st.integers(0, 300))
def test_any_bytes_as_search_text(message, limit):
    assert all(isinstance(piece, str) for piece in text(message, limit))


@given(st.lists(st.sampled_from([*"<>!-/&#;ab \n'=", "script", "style", "<!--", "-->", "&amp", "é"])).map("".join))
def test_any_text_as_html(source):
    html_text(source)


# -- beside the standard library ---------------------------------------------------------------------------------------

WORDS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
PHRASES = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
ADDRESSES = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,2}@[a-z]{1,10}\.test", fullmatch=True)
MAILBOXES = st.lists(st.tuples(st.one_of(st.just(""), PHRASES), ADDRESSES), min_size=1, max_size=4)
BODIES = st.text(
    alphabet=st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=300
)


@st.composite
def mails(draw, depth=0):
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = draw(PHRASES)
    mail["To"] = [f"<{address}>" if not name else f"{_quoted(name)} <{address}>" for name, address in draw(MAILBOXES)]
    mail["Date"] = draw(st.datetimes(datetime(1970, 1, 2), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    mail.set_content(draw(BODIES))
    if draw(st.booleans()):
        mail.add_alternative("<p>" + draw(BODIES), subtype="html")
    for _ in range(draw(st.integers(0, 2))):
        mail.add_attachment(draw(st.binary(max_size=100)), "application", "x-y", filename=draw(PHRASES) + ".bin")
    if depth < 2 and draw(st.booleans()):
        mail.add_attachment(draw(mails(depth + 1)))
    return mail


def _quoted(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


@given(mails())
def test_generated_mail_is_read_as_the_standard_library_reads_it(mail):
    message = mail.as_bytes()
    check_structure(read_imap(prepare(message).structure), extended=True)
    compare(parse(message), message_from_bytes(message, policy=policy.SMTP), message)


def compare(part, other, message):
    assert (part.type + b"/" + part.subtype).decode() == other.get_content_type()
    if other.get_filename():
        assert part.filename == other.get_filename()
    if other.get_content_type() == "message/rfc822":
        return compare(part.message, other.get_payload(0), message)
    if other.is_multipart():
        assert len(part.children) == len(other.get_payload())
        for child, other_child in zip(part.children, other.get_payload(), strict=True):
            compare(child, other_child, message)
        return None
    assert decode_part(message, part) == other.get_payload(decode=True)
    return None


@given(PHRASES)
def test_subjects_come_back(subject):
    mail = EmailMessage(policy=policy.SMTP)
    mail["Subject"] = subject
    expected = message_from_bytes(mail.as_bytes(), policy=policy.SMTP)["Subject"]
    assert header_text(mail.as_bytes(), b"subject") == [str(expected)]


ZONES = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=ZONES))  # noqa: DTZ001
def test_dates_come_back(moment):
    written = format_datetime(moment)
    sent = parse_date(written.encode())
    assert sent.seconds == int(parsedate_to_datetime(written).timestamp())
    assert sent.day == moment.date()


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.sampled_from([b"binary", b"8bit", b"base64", b"x"])), max_size=5),
    st.booleans(),
)
def test_binary_parts_are_converted_and_unchanged(parts, nested):
    boundary = b"=boundary="
    assume(all(boundary not in body for body, _ in parts))
    inner = b"".join(
        b"--%b\r\nContent-Type: application/x\r\nContent-Transfer-Encoding: %b\r\n\r\n%b\r\n" % (boundary, how, body)
        for body, how in parts
    )
    message = b'Content-Type: multipart/mixed; boundary="%b"\r\n\r\n%b--%b--\r\n' % (boundary, inner, boundary)
    if nested:
        message = b"Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n" + message
    found = b"".join(without_binary(message))
    bare = found.replace(b"\r\n", b"")
    assert b"\r" not in bare
    assert b"\n" not in bare
    read = [p for p in message_from_bytes(found).walk() if not p.is_multipart()]
    binary = [body for body, how in parts if how == b"binary"]
    assert [p.get_payload(decode=True) for p, (_, how) in zip(read, parts, strict=False) if how == b"binary"] == binary


@given(st.binary(max_size=2000))
def test_any_bytes_are_converted_or_refused(message):
    with suppress(BadSyntax):
        b"".join(without_binary(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + message))
    with suppress(BadSyntax):
        b"".join(without_binary(message))
