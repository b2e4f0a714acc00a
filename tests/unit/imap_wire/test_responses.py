"""Answers as they stand on the wire."""

import pytest

from imap.wire import codes, responses
from imap.wire import commands as c
from imap.wire.responses import Condition
from optimails.model.errors import Reason
from optimails.model.number_set import NumberSet

SET = NumberSet(((1, 3), (7, 7)))
S = c.StatusItem


@pytest.mark.parametrize(
    ("text", "quoted", "astring"),
    [
        ("", b'""', b'""'),
        ("abc", b'"abc"', b"abc"),
        ("a]", b'"a]"', b'"a]"'),
        ("nil", b'"nil"', b'"nil"'),
        ('a"b\\', b'"a\\"b\\\\"', b'"a\\"b\\\\"'),
        ("a b", b'"a b"', b'"a b"'),
        ("é", b"{2}\r\n\xc3\xa9", b"{2}\r\n\xc3\xa9"),
        ("a\r\nb", b"{4}\r\na\r\nb", b"{4}\r\na\r\nb"),
        ("a\x00b", b"{3}\r\na\x80b", b"{3}\r\na\x80b"),
        ("x" * 1001, b"{1001}\r\n" + b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(text: str, quoted: bytes, astring: bytes) -> None:
    assert responses.quoted(text) == quoted
    assert responses.quoted(text.encode()) == quoted
    assert responses.astring(text) == astring
    assert responses.nstring(text) == quoted


def test_nil_and_literals() -> None:
    assert responses.nstring(None) == b"NIL"
    assert responses.literal_header(5) == b"{5}\r\n"
    assert responses.literal_header(5, binary=True) == b"~{5}\r\n"


@pytest.mark.parametrize(
    ("name", "utf7", "utf8"),
    [
        ("INBOX", b"INBOX", b"INBOX"),
        ("a b", b'"a b"', b'"a b"'),
        ("été", b"&AOk-t&AOk-", '"été"'.encode()),
        ("a*\\", b'"a*\\\\"', b'"a*\\\\"'),
        ("a\nb", b"a&AAo-b", b"{3}\r\na\nb"),
    ],
)
def test_mailbox(name: str, utf7: bytes, utf8: bytes) -> None:
    assert responses.mailbox(name, utf8=False) == utf7
    assert responses.mailbox(name, utf8=True) == utf8


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("done", b"done"),
        ("a\r\nb\x00\u2028c", b"a b c"),
        ("", b"-"),
        ("\r\n", b"-"),
        ("[ALERT] x", b"- [ALERT] x"),
        ("é", "é".encode()),
        ("\ud800", b"?"),
        ("x" * 2000, b"x" * 900),
    ],
)
def test_human_text_stays_on_its_line(text: str, line: bytes) -> None:
    assert responses.tagged(b"a", Condition.NO, text) == b"a NO " + line + b"\r\n"
    assert responses.continuation(text) == b"+ " + line + b"\r\n"


ANSWERS = [
    (responses.tagged(b"a", Condition.OK, "x", codes.READ_ONLY), b"a OK [READ-ONLY] x"),
    (responses.tagged(b"a", Condition.BAD, "x"), b"a BAD x"),
    (responses.untagged(Condition.BYE, "x"), b"* BYE x"),
    (responses.untagged(Condition.OK, "x", codes.uid_next(4)), b"* OK [UIDNEXT 4] x"),
    (responses.continuation(), b"+ OK"),
    (responses.challenge(b""), b"+ "),
    (responses.challenge(b"abc"), b"+ YWJj"),
    (responses.capability(["IMAP4rev1", "IDLE"]), b"* CAPABILITY IMAP4rev1 IDLE"),
    (responses.enabled(["CONDSTORE"]), b"* ENABLED CONDSTORE"),
    (responses.enabled([]), b"* ENABLED"),
    (responses.flags(b"\\Seen x"), b"* FLAGS (\\Seen x)"),
    (responses.exists(3), b"* 3 EXISTS"),
    (responses.recent(0), b"* 0 RECENT"),
    (responses.expunge(3), b"* 3 EXPUNGE"),
    (responses.list_line("a", ["\\Noselect", "\\HasChildren"], utf8=False), b'* LIST (\\Noselect \\HasChildren) "/" a'),
    (responses.list_line("a", [], utf8=False, command="LSUB"), b'* LSUB () "/" a'),
    (
        responses.list_line("é", [], utf8=True, old_name="b c", child_info=["SUBSCRIBED"]),
        '* LIST () "/" "é" ("CHILDINFO" ("SUBSCRIBED") "OLDNAME" ("b c"))'.encode(),
    ),
    (responses.list_separator(), b'* LIST (\\Noselect) "/" ""'),
    (
        responses.status("a b", {S.MESSAGES: 3, S.APPEND_LIMIT: None, S.MAILBOX_ID: "F1"}, utf8=False),
        b'* STATUS "a b" (MESSAGES 3 APPENDLIMIT NIL MAILBOXID (F1))',
    ),
    (responses.namespace([("", "/")]), b'* NAMESPACE (("" "/")) NIL NIL'),
    (
        responses.namespace([("", "/")], [("Users/", "/")], [("Shared/", "/"), ("P/", "/")]),
        b'* NAMESPACE (("" "/")) ((Users/ "/")) ((Shared/ "/")(P/ "/"))',
    ),
    (responses.ident({"name": "x", "os": None}), b'* ID ("name" "x" "os" NIL)'),
    (responses.ident(None), b"* ID NIL"),
    (responses.ident({}), b"* ID NIL"),
    (responses.quota("", [("STORAGE", 10, 512), ("MESSAGE", 1, 9)]), b'* QUOTA "" (STORAGE 10 512 MESSAGE 1 9)'),
    (responses.quota("a b", []), b'* QUOTA "a b" ()'),
    (responses.quota_root("INBOX", [""], utf8=False), b'* QUOTAROOT INBOX ""'),
    (responses.search([]), b"* SEARCH"),
    (responses.search([2, 5], 9), b"* SEARCH 2 5 (MODSEQ 9)"),
    (responses.esearch(b'a"1', by_uid=False), b'* ESEARCH (TAG "a\\"1")'),
    (
        responses.esearch(b"a", by_uid=True, minimum=1, maximum=7, count=0, numbers=SET, modseq=9),
        b'* ESEARCH (TAG "a") UID MIN 1 MAX 7 COUNT 0 ALL 1:3,7 MODSEQ 9',
    ),
    (responses.esearch(b"a", by_uid=True, numbers=NumberSet(())), b'* ESEARCH (TAG "a") UID'),
    (
        responses.fetch(3, [responses.uid_piece(9), responses.flags_piece(b""), responses.modseq_piece(4)]),
        b"* 3 FETCH (UID 9 FLAGS () MODSEQ (4))",
    ),
]


@pytest.mark.parametrize(("answer", "line"), ANSWERS, ids=lambda value: value.decode("utf-8", "replace")[:40])
def test_answer(answer: bytes, line: bytes) -> None:
    assert answer == line + b"\r\n"


PIECES = [
    (responses.internal_date_piece(0), b'INTERNALDATE " 1-Jan-1970 00:00:00 +0000"'),
    (responses.internal_date_piece(1_700_000_000), b'INTERNALDATE "14-Nov-2023 22:13:20 +0000"'),
    (responses.internal_date_piece(-1), b'INTERNALDATE "31-Dec-1969 23:59:59 +0000"'),
    (responses.save_date_piece(None), b"SAVEDATE NIL"),
    (responses.save_date_piece(0), b'SAVEDATE " 1-Jan-1970 00:00:00 +0000"'),
    (responses.size_piece(5), b"RFC822.SIZE 5"),
    (responses.envelope_piece(b"(x)"), b"ENVELOPE (x)"),
    (responses.body_structure_piece(b"(x)"), b"BODYSTRUCTURE (x)"),
    (responses.body_piece(b"(x)"), b"BODY (x)"),
    (responses.email_id_piece("M1"), b"EMAILID (M1)"),
    (responses.thread_id_piece(None), b"THREADID NIL"),
    (responses.thread_id_piece("T1"), b"THREADID (T1)"),
    (responses.fetch_head(3) + responses.FETCH_TAIL, b"* 3 FETCH ()\r\n"),
    (responses.section_piece(b"BODY[]", None), b"BODY[] NIL"),
    (responses.section_piece(b"BODY[]", b"a\r\n"), b"BODY[] {3}\r\na\r\n"),
    (responses.section_piece(b"BINARY[1]", b"a\x00", binary=True), b"BINARY[1] ~{2}\r\na\x00"),
    (responses.section_piece(b"BINARY[1]", b"a", binary=True), b"BINARY[1] {1}\r\na"),
    (responses.binary_size_piece(b"BINARY.SIZE[1]", 7), b"BINARY.SIZE[1] 7"),
]


@pytest.mark.parametrize(("piece", "text"), PIECES)
def test_fetch_piece(piece: bytes, text: bytes) -> None:
    assert piece == text


K = c.SectionKind
LABELS = [
    (c.BodySection(), b"BODY[]"),
    (c.BodySection(peek=True, partial=c.Partial(5, 10)), b"BODY[]<5>"),
    (c.BodySection((1, 2)), b"BODY[1.2]"),
    (c.BodySection((1, 2), K.MIME), b"BODY[1.2.MIME]"),
    (c.BodySection((), K.TEXT), b"BODY[TEXT]"),
    (c.BodySection((), K.HEADER_FIELDS, ("To", "x y")), b'BODY[HEADER.FIELDS (TO "X Y")]'),
    (c.BodySection((3,), K.HEADER_FIELDS_NOT, ("Cc",)), b"BODY[3.HEADER.FIELDS.NOT (CC)]"),
    (c.BodySection(obsolete="RFC822.TEXT", kind=K.TEXT), b"RFC822.TEXT"),
    (c.Binary((2,), partial=c.Partial(0, 1)), b"BINARY[2]<0>"),
    (c.Binary(), b"BINARY[]"),
    (c.BinarySize((2, 1)), b"BINARY.SIZE[2.1]"),
]


@pytest.mark.parametrize(("item", "label"), LABELS)
def test_label(item: c.BodySection | c.Binary | c.BinarySize, label: bytes) -> None:
    assert responses.section_label(item) == label


@pytest.mark.parametrize(
    ("code", "data"),
    [
        (codes.of_reason(Reason.OVER_QUOTA), b"OVERQUOTA"),
        (codes.capability(["A", "B"]), b"CAPABILITY A B"),
        (codes.bad_charset(["UTF-8", "KOI8-R"]), b"BADCHARSET (UTF-8 KOI8-R)"),
        (codes.permanent_flags(b"\\Seen", new_keywords=True), b"PERMANENTFLAGS (\\Seen \\*)"),
        (codes.permanent_flags(b"", new_keywords=True), b"PERMANENTFLAGS (\\*)"),
        (codes.permanent_flags(b"", new_keywords=False), b"PERMANENTFLAGS ()"),
        (codes.uid_validity(5), b"UIDVALIDITY 5"),
        (codes.unseen(5), b"UNSEEN 5"),
        (codes.highest_modseq(5), b"HIGHESTMODSEQ 5"),
        (codes.modified(SET), b"MODIFIED 1:3,7"),
        (codes.append_uid(9, SET), b"APPENDUID 9 1:3,7"),
        (codes.copy_uid(9, SET, SET), b"COPYUID 9 1:3,7 1:3,7"),
        (codes.mailbox_id("F1"), b"MAILBOXID (F1)"),
    ],
)
def test_code(code: codes.Code, data: bytes) -> None:
    assert code.data == data
