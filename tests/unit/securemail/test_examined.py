"""What analysers see of a message: fields, parts, texts, and where looking ends."""

from securemail.examined import MAX_DEPTH, MAX_PARTS, MAX_TEXT, Examined

MIXED = b"""\
From: =?utf-8?q?Ren=C3=A9e?= <Renee@Example.Org>, other@example.net
To: a@demo.test
To: Team: b@demo.test, c@demo.test;
Subject: =?utf-8?q?=C3=A9t=C3=A9?=
 again
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 http://example.org/menu.

--b
Content-Type: text/html

<p>one<b>word</b> <a href="https://shop.test/x">buy</a></p>

--b
Content-Type: message/rfc822

Subject: inner

inner text
--b--
"""


def test_header() -> None:
    message = Examined(MIXED)
    assert message.author == ("Renée", "renee@example.org")
    assert message.author_domain == "example.org"
    assert message.subject == "été again"
    assert [one.mailbox for one in message.addresses("to")] == [b"a", b"b", b"c"]
    assert message.field("x-missing") == ""


def test_parts_and_texts() -> None:
    message = Examined(MIXED)
    assert [(part.type, part.subtype) for part in message.parts] == [
        (b"multipart", b"mixed"),
        (b"text", b"plain"),
        (b"text", b"html"),
        (b"message", b"rfc822"),
        (b"text", b"plain"),
    ]
    assert [part.html for part in message.texts] == [False, True, False]
    assert "café" in message.text
    assert "oneword buy" in message.text
    assert "inner text" in message.text
    assert [(link.host, link.shown) for link in message.links] == [("example.org", ""), ("shop.test", "buy")]
    assert message.complete


def test_what_is_not_looked_at_is_said() -> None:
    many = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * (MAX_PARTS + 1) + b"--b--\n"
    assert len(Examined(many).parts) == MAX_PARTS
    assert not Examined(many).complete
    deep = b"Content-Type: message/rfc822\n\n" * (MAX_DEPTH + 2) + b"\nx"
    assert len(Examined(deep).parts) == MAX_DEPTH + 1
    assert not Examined(deep).complete
    long = b"Subject: x\n\n" + b"word " * (MAX_TEXT // 5 + 10)
    assert len(Examined(long).text) == MAX_TEXT
    assert not Examined(long).complete


def test_nothing_at_all() -> None:
    empty = Examined(b"")
    assert empty.author == ("", "")
    assert empty.text == ""
    assert empty.links == ()
    assert empty.complete
