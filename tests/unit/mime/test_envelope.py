"""ENVELOPE as a client reads it (RFC 9051 §7.5.2)."""

import pytest

from optimails.mime import Address, parse_addresses, prepare, render_addresses

RFC_3501_EXAMPLE = (
    b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
    b"From: Terry Gray <gray@cac.washington.edu>\r\n"
    b"Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
    b"To: imap@cac.washington.edu\r\n"
    b"cc: minutes@CNRI.Reston.VA.US, \r\n"
    b"  John Klensin <KLENSIN@MIT.EDU>\r\n"
    b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
)


def test_example_of_rfc_3501():
    assert prepare(RFC_3501_EXAMPLE).envelope == (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev1 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) '
        b'NIL NIL "<B27397-0100000@cac.washington.edu>")'
    )


def test_no_header_at_all():
    assert prepare(b"").envelope == b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"


def test_empty_is_not_absent():
    envelope = prepare(b"Date:\r\nSubject: \r\nIn-Reply-To:\r\nMessage-ID:\r\nTo:\r\n\r\n").envelope
    assert envelope == b'("" "" NIL NIL NIL NIL NIL NIL "" "")'


def test_sender_and_reply_to_are_their_own_when_given():
    envelope = prepare(b"From: a@x\r\nSender: b@x\r\nReply-To: c@x, d@x\r\n\r\n").envelope
    assert envelope == (
        b'(NIL NIL ((NIL NIL "a" "x")) ((NIL NIL "b" "x")) ((NIL NIL "c" "x")(NIL NIL "d" "x")) NIL NIL NIL NIL NIL)'
    )


def test_empty_reply_to_counts_as_from():
    envelope = prepare(b"From: a@x\r\nSender: \r\nReply-To: <>\r\n\r\n").envelope
    assert envelope == b'(NIL NIL ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) ((NIL NIL "a" "x")) NIL NIL NIL NIL NIL)'


def test_repeated_to_fields_are_put_together_and_the_first_subject_counts():
    envelope = prepare(b"Subject: one\r\nTo: a@x\r\nSubject: two\r\nTo: b@x\r\n\r\n").envelope
    assert envelope == b'(NIL "one" NIL NIL NIL ((NIL NIL "a" "x")(NIL NIL "b" "x")) NIL NIL NIL NIL)'


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b"plain", b'"plain"'),
        (b'a "quoted" \\ word', rb'"a \"quoted\" \\ word"'),
        (b"=?utf-8?Q?caf=C3=A9?=", b'"=?utf-8?Q?caf=C3=A9?="'),
        (b"one\r\n two\r\n\tthree", b'"one two three"'),
        (b"one\n two", b'"one two"'),
        (b"a\x00b", b"{2}\r\nab"),
        ("café".encode(), b"{5}\r\n" + "café".encode()),
        (b"a\tb", b"{3}\r\na\tb"),
        (b"x" * 1001, b"{1001}\r\n" + b"x" * 1001),
    ],
)
def test_strings(subject, shown):
    assert prepare(b"Subject: " + subject + b"\r\n\r\n").envelope == b"(NIL " + shown + b" NIL" * 8 + b")"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        # RFC 5322 appendix A
        (b"John Doe <jdoe@machine.example>", [(b"John Doe", None, b"jdoe", b"machine.example")]),
        (b'"Joe Q. Public" <john.q.public@example.com>', [(b"Joe Q. Public", None, b"john.q.public", b"example.com")]),
        (b"<boss@nil.test>", [(None, None, b"boss", b"nil.test")]),
        (
            b'"Giant; \\"Big\\" Box" <sysservices@example.net>',
            [(b'Giant; "Big" Box', None, b"sysservices", b"example.net")],
        ),
        (
            b"A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            [
                (None, None, b"A Group", None),
                (b"Ed Jones", None, b"c", b"a.test"),
                (None, None, b"joe", b"where.test"),
                (b"John", None, b"jdoe", b"one.test"),
                (None, None, None, None),
            ],
        ),
        (b"Undisclosed recipients:;", [(None, None, b"Undisclosed recipients", None), (None,) * 4]),
        (b"(Empty list)(start)Hidden recipients :(nobody(that I know))  ;",
         [(None, None, b"Hidden recipients", None), (None,) * 4]),
        (b"Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", [(b"Pete", None, b"pete", b"silly.test")]),
        (b"Joe Q. Public <john.q.public@example.com>", [(b"Joe Q. Public", None, b"john.q.public", b"example.com")]),
        (
            b"Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            [(b"Mary Smith", b"@node.test", b"mary", b"example.net"), (None, None, b"jdoe", b"test.example")],
        ),
        (b"<@a.test,@b.test:c@d.test>", [(None, b"@a.test,@b.test", b"c", b"d.test")]),
        # a group and more after it
        (b"g:a@x;, b@y", [(None, None, b"g", None), (None, None, b"a", b"x"), (None,) * 4, (None, None, b"b", b"y")]),
        (b"g:a@x", [(None, None, b"g", None), (None, None, b"a", b"x"), (None,) * 4]),
        # other forms
        (b"user@example.com (Full Name)", [(b"Full Name", None, b"user", b"example.com")]),
        (b'"john doe"@example.com', [(None, None, b"john doe", b"example.com")]),
        (b'"a@b" <c@d>', [(b"a@b", None, b"c", b"d")]),
        (b"u@[192.0.2.1]", [(None, None, b"u", b"[192.0.2.1]")]),
        (b"u@[IPv6:2001:db8::1], v@x", [(None, None, b"u", b"[IPv6:2001:db8::1]"), (None, None, b"v", b"x")]),
        ("Zoë <zoë@exämple.test>".encode(), [("Zoë".encode(), None, "zoë".encode(), "exämple.test".encode())]),
        (b"=?utf-8?B?w6k=?= <e@x>", [(b"=?utf-8?B?w6k=?=", None, b"e", b"x")]),
        (b'"Last, First" <a@x>, b@x', [(b"Last, First", None, b"a", b"x"), (None, None, b"b", b"x")]),
        (b'"First" Last <a@x>', [(b"First Last", None, b"a", b"x")]),
        # broken ones
        (b"root", [(None, None, b"root", b"")]),
        (b"no address here", [(b"no address here", None, b"", b"")]),
        (b"", []),
        (b"<>", []),
        (b",,;,", []),
        (b"Foo <foo@bar, baz@x", [(b"Foo", None, b"foo", b"bar"), (None, None, b"baz", b"x")]),
        (b'"unclosed <a@x>', [(None, None, b"unclosed <a@x>", b"")]),
        (b"a@b@c", [(None, None, b"a@b", b"c")]),
        (b"Name <a@x> trailing", [(b"Name", None, b"a", b"x")]),
        (b"a@x b@y", [(None, None, b"a@xb", b"y")]),
        (b"(unclosed a@x", []),
    ],
)  # fmt: skip
def test_addresses(value, expected):
    assert parse_addresses(value) == [Address(*address) for address in expected]
    # The short cut for simple lists says the same as the full reader.
    parts = [b"(" + b" ".join(b"NIL" if v is None else _literal(v) for v in address) + b")" for address in expected]
    assert render_addresses(b" " + value + b"\r\n") == (b"(" + b"".join(parts) + b")" if parts else b"NIL")


def _literal(value):
    if value.isascii():
        return b'"' + value.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return b"{%d}\r\n%b" % (len(value), value)


def test_folded_address_list():
    assert render_addresses(b' "A B"\r\n <a@x>,\r\n\tC\r\n D <c@x>\r\n') == (
        b'(("A B" NIL "a" "x")("C D" NIL "c" "x"))'
    )
