"""Every command as clients send it, and the value it becomes."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from imap.wire import commands as c
from imap.wire.parser import Event, Invalid, Parser, Received
from optimails.model import query as q
from optimails.model.flags import ANSWERED, DELETED, SEEN
from optimails.model.number_set import STAR, NumberSet
from optimails.model.special_use import SpecialUse

ONE = NumberSet(((1, 1),))
A = c.Attribute


def parse(text: bytes, *, utf8: bool = False) -> Event | None:
    parser = Parser()
    parser.utf8 = utf8
    parser.feed(b"t1 " + text + b"\r\n")
    event = parser.next()
    assert parser.next() is None
    assert parser.buffered == 0
    return event


def items(*wanted: c.FetchItem) -> c.Fetch:
    return c.Fetch(ONE, by_uid=False, items=wanted)


def search(query: q.Query, **more: object) -> c.Search:
    return c.Search(query, by_uid=False, **more)


GOOD = [
    (b"CAPABILITY", c.Capability()),
    (b"noop", c.Noop()),
    (b"NOOP  ", c.Noop()),
    (b"LOGOUT", c.Logout()),
    (b"STARTTLS", c.StartTls()),
    (b"NAMESPACE", c.Namespace()),
    (b"IDLE", c.Idle()),
    (b"CHECK", c.Check()),
    (b"CLOSE", c.Close()),
    (b"UNSELECT", c.Unselect()),
    (b"EXPUNGE", c.Expunge()),
    (b"UID EXPUNGE 3:5", c.Expunge(NumberSet(((3, 5),)))),
    (b"ID NIL", c.Id(None)),
    (b"ID ()", c.Id(())),
    (b'ID ("name" "mutt" "os" NIL)', c.Id((("name", "mutt"), ("os", None)))),
    (b"AUTHENTICATE plain", c.Authenticate("PLAIN")),
    (b"AUTHENTICATE PLAIN ", c.Authenticate("PLAIN")),
    (b"AUTHENTICATE PLAIN =", c.Authenticate("PLAIN", b"")),
    (b"AUTHENTICATE SCRAM-SHA-256 bixhPQ==", c.Authenticate("SCRAM-SHA-256", b"n,a=")),
    (b"LOGIN alice secret", c.Login("alice", "secret")),
    (b'LOGIN "a b" "c\\"d\\\\"', c.Login("a b", 'c"d\\')),
    (b'LOGIN a "\xc3\xa9"', c.Login("a", "é")),
    (b'LOGIN a "\xe9"', c.Login("a", "é")),
    (b'LOGIN a ""', c.Login("a", "")),
    (b"LOGIN a ]", c.Login("a", "]")),
    (b"ENABLE condstore IMAP4rev2", c.Enable(("CONDSTORE", "IMAP4REV2"))),
    (b"COMPRESS deflate", c.Compress("DEFLATE")),
    (b"SELECT inbox", c.Select("INBOX")),
    (b"EXAMINE Inbox/x", c.Select("INBOX/x", read_only=True)),
    (b"SELECT &AOk-t&AOk-", c.Select("été")),
    (b"SELECT a (CONDSTORE)", c.Select("a", condstore=True)),
    (b"SELECT a (QRESYNC (7 9))", c.Select("a", qresync=c.QResync(7, 9))),
    (
        b"SELECT a (QRESYNC (7 9 1:3,5 (1,2 4,6)) CONDSTORE)",
        c.Select(
            "a",
            condstore=True,
            qresync=c.QResync(
                7, 9, NumberSet(((1, 3), (5, 5))), (NumberSet(((1, 1), (2, 2))), NumberSet(((4, 4), (6, 6))))
            ),
        ),
    ),
    (b"SELECT a (QRESYNC (7 9 (1 4)))", c.Select("a", qresync=c.QResync(7, 9, None, (ONE, NumberSet(((4, 4),)))))),
    (b"CREATE a/b/", c.Create("a/b/")),
    (b"CREATE a (USE ())", c.Create("a")),
    (b"CREATE a (USE (\\sent \\Junk \\Sent))", c.Create("a", (SpecialUse.SENT, SpecialUse.JUNK))),
    (b"DELETE a", c.Delete("a")),
    (b'RENAME "a b" inbox', c.Rename("a b", "INBOX")),
    (b"SUBSCRIBE a", c.Subscribe("a")),
    (b"UNSUBSCRIBE a", c.Unsubscribe("a")),
    (
        b"STATUS a (MESSAGES unseen MESSAGES DELETED-STORAGE)",
        c.Status("a", (c.StatusItem.MESSAGES, c.StatusItem.UNSEEN, c.StatusItem.DELETED_STORAGE)),
    ),
    (b'LIST "" ""', c.List("", ("",))),
    (b'LIST "" %/*', c.List("", ("%/*",))),
    (b'LIST "" "&AOk-*"', c.List("", ("é*",))),
    (b"LSUB a *", c.Lsub("a", "*")),
    (
        b'LIST (SUBSCRIBED REMOTE) "" (INBOX "a b/*") RETURN (CHILDREN SPECIAL-USE)',
        c.List(
            "",
            ("INBOX", "a b/*"),
            frozenset({c.ListSelection.SUBSCRIBED, c.ListSelection.REMOTE}),
            frozenset({c.ListReturn.CHILDREN, c.ListReturn.SPECIAL_USE}),
            extended=True,
        ),
    ),
    (b'LIST () "" * RETURN ()', c.List("", ("*",), extended=True)),
    (
        b'LIST (RECURSIVEMATCH SUBSCRIBED) "" *',
        c.List(
            "",
            ("*",),
            frozenset({c.ListSelection.SUBSCRIBED, c.ListSelection.RECURSIVE_MATCH}),
            extended=True,
        ),
    ),
    (
        b'LIST "" * RETURN (SUBSCRIBED STATUS (UIDNEXT SIZE))',
        c.List(
            "",
            ("*",),
            returns=frozenset({c.ListReturn.SUBSCRIBED, c.ListReturn.STATUS}),
            status=(c.StatusItem.UID_NEXT, c.StatusItem.SIZE),
            extended=True,
        ),
    ),
    (b'GETQUOTA ""', c.GetQuota("")),
    (b"GETQUOTAROOT inbox", c.GetQuotaRoot("INBOX")),
    (b'SETQUOTA "" (storage 512 MESSAGE 9)', c.SetQuota("", (("STORAGE", 512), ("MESSAGE", 9)))),
    (b'SETQUOTA "r" ()', c.SetQuota("r", ())),
    (b"COPY 1:*,4 a", c.Copy(NumberSet(((1, STAR), (4, 4))), by_uid=False, mailbox="a")),
    (b"UID COPY $ a", c.Copy(c.SAVED_RESULT, by_uid=True, mailbox="a")),
    (b"MOVE *:2 a", c.Move(NumberSet(((STAR, 2),)), by_uid=False, mailbox="a")),
    (b"UID MOVE * a", c.Move(NumberSet(((STAR, STAR),)), by_uid=True, mailbox="a")),
    (
        b"STORE 1 FLAGS (\\seen $Junk \\Recent)",
        c.Store(ONE, by_uid=False, action=c.StoreAction.REPLACE, flags=frozenset({SEEN, "$Junk"})),
    ),
    (b"STORE 1 FLAGS ()", c.Store(ONE, by_uid=False, action=c.StoreAction.REPLACE, flags=frozenset())),
    (
        b"UID STORE 1 (UNCHANGEDSINCE 12) +flags.silent \\Deleted \\Answered",
        c.Store(
            ONE,
            by_uid=True,
            action=c.StoreAction.ADD,
            flags=frozenset({DELETED, ANSWERED}),
            silent=True,
            unchanged_since=12,
        ),
    ),
    (b"STORE 1 -FLAGS x", c.Store(ONE, by_uid=False, action=c.StoreAction.REMOVE, flags=frozenset({"x"}))),
    # -- FETCH
    (b"FETCH 1 FLAGS", items(A.FLAGS)),
    (b"FETCH 1 fast", items(A.FLAGS, A.INTERNAL_DATE, A.SIZE)),
    (b"FETCH 1 ALL", items(A.FLAGS, A.INTERNAL_DATE, A.SIZE, A.ENVELOPE)),
    (b"FETCH 1 FULL", items(A.FLAGS, A.INTERNAL_DATE, A.SIZE, A.ENVELOPE, A.BODY)),
    (
        b"FETCH 1 (UID BODY BODYSTRUCTURE MODSEQ SAVEDATE EMAILID THREADID UID)",
        items(A.UID, A.BODY, A.BODY_STRUCTURE, A.MODSEQ, A.SAVE_DATE, A.EMAIL_ID, A.THREAD_ID),
    ),
    (b"FETCH 1 RFC822", items(c.BodySection(obsolete="RFC822"))),
    (
        b"FETCH 1 RFC822.HEADER",
        items(c.BodySection(kind=c.SectionKind.HEADER, peek=True, obsolete="RFC822.HEADER")),
    ),
    (b"FETCH 1 RFC822.TEXT", items(c.BodySection(kind=c.SectionKind.TEXT, obsolete="RFC822.TEXT"))),
    (b"FETCH 1 BODY[]", items(c.BodySection())),
    (
        b"FETCH 1 BODY.PEEK[text]<5.10>",
        items(c.BodySection((), c.SectionKind.TEXT, peek=True, partial=c.Partial(5, 10))),
    ),
    (b"FETCH 1 BODY[1.22]", items(c.BodySection((1, 22)))),
    (b"FETCH 1 BODY[4.MIME]", items(c.BodySection((4,), c.SectionKind.MIME))),
    (b"FETCH 1 BODY[4.1.HEADER]", items(c.BodySection((4, 1), c.SectionKind.HEADER))),
    (
        b'FETCH 1 (BODY.PEEK[HEADER.FIELDS (To "X-A")] BODY[2.HEADER.FIELDS.NOT (Cc)])',
        items(
            c.BodySection((), c.SectionKind.HEADER_FIELDS, ("To", "X-A"), peek=True),
            c.BodySection((2,), c.SectionKind.HEADER_FIELDS_NOT, ("Cc",)),
        ),
    ),
    (
        b"FETCH 1 (BINARY[1]<0.9> BINARY.PEEK[] BINARY.SIZE[2.1])",
        items(c.Binary((1,), partial=c.Partial(0, 9)), c.Binary(peek=True), c.BinarySize((2, 1))),
    ),
    (b"FETCH 1 UID (CHANGEDSINCE 7)", c.Fetch(ONE, by_uid=False, items=(A.UID,), changed_since=7)),
    (
        b"UID FETCH 1 (UID) (VANISHED CHANGEDSINCE 7)",
        c.Fetch(ONE, by_uid=True, items=(A.UID,), changed_since=7, vanished=True),
    ),
    # -- SEARCH
    (b"SEARCH ALL", search(q.All())),
    (b"UID SEARCH 1:3", c.Search(q.InSet(NumberSet(((1, 3),)), by_uid=False), by_uid=True)),
    (b"SEARCH UID *", search(q.InSet(NumberSet(((STAR, STAR),)), by_uid=True))),
    (b"SEARCH $", search(q.InSet(c.SAVED_RESULT, by_uid=True), uses_saved=True)),
    (b"SEARCH NEW", search(q.And((q.IsRecent(), q.Not(q.HasFlag(SEEN)))))),
    (b"SEARCH OLD", search(q.Not(q.IsRecent()))),
    (b"SEARCH NOT UNSEEN", search(q.HasFlag(SEEN))),
    (b"SEARCH NOT SEEN", search(q.Not(q.HasFlag(SEEN)))),
    (b"SEARCH KEYWORD a UNKEYWORD b", search(q.And((q.HasFlag("a"), q.Not(q.HasFlag("b")))))),
    (b'SEARCH FROM "Smith"', search(q.HeaderContains("FROM", "Smith"))),
    (b'SEARCH HEADER List-Id ""', search(q.HeaderContains("List-Id", ""))),
    (b'SEARCH BODY x TEXT "y z"', search(q.And((q.BodyContains("x"), q.TextContains("y z"))))),
    (b'SEARCH CHARSET iso-8859-1 SUBJECT "\xe9"', search(q.HeaderContains("SUBJECT", "é"))),
    (b'SEARCH CHARSET ISO-2022-JP BODY "\x1b$BF|K\\\\\x1b(B"', search(q.BodyContains("日本"))),
    (b'SEARCH SUBJECT "\xc3\xa9"', search(q.HeaderContains("SUBJECT", "é"))),
    (b"SEARCH LARGER 5 SMALLER 9", search(q.And((q.LargerThan(5), q.SmallerThan(9))))),
    (b"SEARCH OLDER 60 YOUNGER 90", search(q.And((q.Not(q.YoungerThan(60)), q.YoungerThan(90))))),
    (b"SEARCH BEFORE 1-Feb-2020", search(q.DateBefore(q.DateField.INTERNAL, date(2020, 2, 1)))),
    (b'SEARCH SENTSINCE "01-feb-2020"', search(q.DateSince(q.DateField.SENT, date(2020, 2, 1)))),
    (
        b"SEARCH SAVEDON 28-Feb-2021",
        search(
            q.And(
                (
                    q.DateSince(q.DateField.SAVED, date(2021, 2, 28)),
                    q.DateBefore(q.DateField.SAVED, date(2021, 3, 1)),
                )
            )
        ),
    ),
    (b"SEARCH ON 31-Dec-9999", search(q.DateSince(q.DateField.INTERNAL, date(9999, 12, 31)))),
    (b"SEARCH SAVEDATESUPPORTED", search(q.All())),
    (b"SEARCH MODSEQ 12", search(q.ChangedSince(12), uses_modseq=True)),
    (b'SEARCH MODSEQ "/flags/\\\\draft" all 12', search(q.ChangedSince(12), uses_modseq=True)),
    (b"SEARCH EMAILID M1", search(q.HasObjectId("M1"))),
    (b"SEARCH THREADID T1", search(q.Not(q.All()))),
    (b"SEARCH (SEEN)", search(q.HasFlag(SEEN))),
    (
        b"SEARCH OR (SEEN DELETED) 1",
        search(q.Or((q.And((q.HasFlag(SEEN), q.HasFlag(DELETED))), q.InSet(ONE, by_uid=False)))),
    ),
    (
        b"SEARCH OR SEEN OR DELETED OR ANSWERED ALL",
        search(q.Or((q.HasFlag(SEEN), q.HasFlag(DELETED), q.HasFlag(ANSWERED), q.All()))),
    ),
    (b"SEARCH RETURN () ALL", search(q.All(), returns=frozenset({c.SearchReturn.ALL}))),
    (
        b"SEARCH RETURN (MIN SAVE) CHARSET UTF-8 1",
        search(q.InSet(ONE, by_uid=False), returns=frozenset({c.SearchReturn.MIN, c.SearchReturn.SAVE})),
    ),
    (b"SEARCH RETURN (COUNT) CC x", search(q.HeaderContains("CC", "x"), returns=frozenset({c.SearchReturn.COUNT}))),
]


@pytest.mark.parametrize(
    ("text", "command"), GOOD, ids=lambda value: value.decode("latin-1") if isinstance(value, bytes) else ""
)
def test_command(text: bytes, command: c.Command) -> None:
    assert parse(text) == Received(b"t1", command)


def test_names_in_utf8_mode_are_utf8_and_ampersand_is_itself() -> None:
    assert parse('SELECT "été &AOk-"'.encode(), utf8=True) == Received(b"t1", c.Select("été &AOk-"))
    assert parse('LIST "" "é*"'.encode(), utf8=True) == Received(b"t1", c.List("", ("é*",)))


def test_passwords_do_not_show_in_logs() -> None:
    assert "secret" not in repr(parse(b"LOGIN alice secret"))
    assert "n,a=" not in repr(parse(b"AUTHENTICATE PLAIN bixhPQ=="))


BAD = [
    b"",
    b"FOO",
    b"UID NOOP",
    b"UID",
    b"NOOP x",
    b"LOGIN alice",
    b"LOGIN alice secret more",
    b'LOGIN alice "open',
    b'LOGIN alice "a\\b"',
    b"LOGIN alice (",
    b"AUTHENTICATE PLAIN !",
    b"AUTHENTICATE PLAIN abc",
    b"ENABLE",
    b"ENABLE " + b"x " * 101,
    b"ID x",
    b'ID "x"',
    b'ID ("a" "b"' + b' "a" "b"' * 30 + b")",
    b"SELECT",
    b"SELECT a (FOO)",
    b"SELECT a (QRESYNC (7 9 1:* ))",
    b"SELECT a (QRESYNC (7 9 1:3 4:5))",
    b"SELECT a (QRESYNC (0 9))",
    b"SELECT a&b",
    b"SELECT &AOk",
    b"SELECT &AA-",
    b"SELECT &AAAAA-",
    b"SELECT &2AA-",
    b'SELECT "\xff"',
    b"CREATE a (FOO (x))",
    b"STATUS a ()",
    b"STATUS a (FOO)",
    b'LIST (RECURSIVEMATCH) "" *',
    b'LIST (RECURSIVEMATCH REMOTE) "" *',
    b'LIST (FOO) "" *',
    b'LIST "" * RETURN (FOO)',
    b'LIST "" * FOO (CHILDREN)',
    b'LIST "" ()',
    b'LIST "" (' + b"a " * 100 + b"a)",
    b'GETQUOTA "\xff"',
    b"COPY 0 a",
    b"COPY 1:0 a",
    b"COPY 1,, a",
    b"COPY 1:2:3 a",
    b"COPY 4294967296 a",
    b"COPY 99999999999 a",
    b"COPY 1,$ a",
    b"COPY " + b"1," * 20_000 + b"1 a",
    b"STORE 1 FOO (x)",
    b"STORE 1 FLAGS",
    b"STORE 1 FLAGS (\\Foo)",
    b"STORE 1 (FOO 1) FLAGS (x)",
    b"STORE 1 (UNCHANGEDSINCE 99999999999999999999) FLAGS (x)",
    b"STORE 1 (UNCHANGEDSINCE 9999999999999999999) FLAGS (x)",
    b"FETCH 1 ()",
    b"FETCH 1 (FLAGS",
    b"FETCH 1 (FLAGS,UID)",
    b"FETCH 1 (ALL)",
    b"FETCH 1 FOO",
    b"FETCH 1 FOO[]",
    b"FETCH 1 BODY[",
    b"FETCH 1 BODY[MIME]",
    b"FETCH 1 BODY[0]",
    b"FETCH 1 BODY[1.]",
    b"FETCH 1 BODY[.1]",
    b"FETCH 1 BODY[1TEXT]",
    b"FETCH 1 BODY[1..2]",
    b"FETCH 1 BODY[12345678901]",
    b"FETCH 1 BODY[" + b"1." * 101 + b"1]",
    b"FETCH 1 BODY[HEADER.FIELDS]",
    b"FETCH 1 BODY[HEADER.FIELDS ()]",
    b'FETCH 1 BODY[HEADER.FIELDS ("\xc3\xa9")]',
    b"FETCH 1 BODY[HEADER.FIELDS (" + b"a " * 1000 + b"a)]",
    b"FETCH 1 BODY[]<1>",
    b"FETCH 1 BODY[]<1.0>",
    b"FETCH 1 BODY[]<4294967296.1>",
    b"FETCH 1 BINARY[TEXT]",
    b"FETCH 1 FLAGS (FOO 1)",
    b"FETCH 1 FLAGS (VANISHED CHANGEDSINCE 1)",
    b"UID FETCH 1 FLAGS (VANISHED)",
    b"SEARCH",
    b"SEARCH FOO",
    b"SEARCH FOO x",
    b"SEARCH NOT",
    b"SEARCH OR SEEN",
    b"SEARCH ()",
    b"SEARCH (SEEN",
    b"SEARCH RETURN (FOO) ALL",
    b"SEARCH BEFORE 31-Feb-2020",
    b"SEARCH BEFORE 1-Foo-2020",
    b"SEARCH BEFORE x",
    b'SEARCH BEFORE "1-Feb-2020',
    b'SEARCH MODSEQ "x" foo 1',
    b'SEARCH SUBJECT "\xff"',
    b'SEARCH CHARSET UTF-8 SUBJECT "\xff"',
    b"SEARCH YOUNGER 0",
    b"SEARCH " + b"(" * 200 + b"ALL" + b")" * 200,
    b"SEARCH " + b"NOT " * 200 + b"ALL",
    b"SEARCH" + b" ALL" * 2001,
    b"APPEND a",
    b"APPEND a (\\Seen)",
    b"SETQUOTA x (STORAGE)",
    b"SELECT a (QRESYNC 7)",
    b"STORE 1 FLAGS (" + b"a " * 20_000 + b"a)",
    b"COMPRESS (",
]


@pytest.mark.parametrize("text", BAD, ids=lambda value: value[:40].decode("latin-1"))
def test_no_command(text: bytes) -> None:
    event = parse(text)
    assert isinstance(event, Invalid)
    assert event.tag == b"t1"
    assert type(event.error).__name__ == "BadSyntax"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"SEARCH CHARSET X-NONE ALL", "BADCHARSET"),
        (b"SEARCH CHARSET base64 ALL", "BADCHARSET"),
        (b"CREATE a (USE (\\Foo))", "USEATTR"),
    ],
)
def test_refused(text: bytes, reason: str) -> None:
    event = parse(text)
    assert isinstance(event, Invalid)
    assert event.error.reason == reason  # type: ignore[union-attr]


@pytest.mark.parametrize("line", [b"noop", b"* noop", b"+ noop", b"\xff noop", b"(", b"a\x00 NOOP", b" NOOP"])
def test_without_a_tag(line: bytes) -> None:
    parser = Parser()
    parser.feed(line + b"\r\n")
    event = parser.next()
    assert isinstance(event, Invalid)
    assert event.tag in (None, b"noop")


def test_the_saved_result_is_put_in_place_everywhere() -> None:
    event = parse(b"SEARCH OR $ (SEEN NOT $) 1")
    assert isinstance(event, Received)
    assert isinstance(event.command, c.Search)
    saved = q.InSet(NumberSet(((4, 5),)), by_uid=True)
    assert c.with_saved_result(event.command.query, saved.numbers) == q.And(
        (q.Or((saved, q.And((q.HasFlag(SEEN), q.Not(saved))))), q.InSet(ONE, by_uid=False))
    )


@pytest.mark.parametrize(
    ("text", "date_time"),
    [
        (
            b"17-Jul-1996 02:44:25 -0730",
            datetime(1996, 7, 17, 2, 44, 25, tzinfo=timezone(-timedelta(hours=7, minutes=30))),
        ),
        (b" 1-jan-2020 00:00:60 +0000", datetime(2020, 1, 1, 0, 0, 59, tzinfo=UTC)),
    ],
)
def test_date_time(text: bytes, date_time: datetime) -> None:
    parser = Parser()
    parser.feed(b't APPEND a "' + text + b'" {3}\r\n')
    event = parser.next()
    assert isinstance(event, Received)
    assert isinstance(event.command, c.AppendStart)
    assert event.command.date == date_time


@pytest.mark.parametrize(
    "text",
    [
        b"31-Feb-2020 00:00:00 +0000",
        b"01-Foo-2020 00:00:00 +0000",
        b"01-Jan-2020 25:00:00 +0000",
        b"01-Jan-2020 00:00:00 +9900",
        b"01-Jan-0001 00:00:00 +0100",
        b"01-Jan-2020 00:00:00",
        b"x",
    ],
)
def test_no_date_time(text: bytes) -> None:
    parser = Parser()
    parser.feed(b't APPEND a "' + text + b'" {3}\r\n')
    assert isinstance(parser.next(), Invalid)
