"""Header texts as people read and search them (RFC 2047, RFC 2231 §5)."""

import pytest

from optimails.mime import decode_header, header_text, header_texts


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # RFC 2047 §8
        (b"=?ISO-8859-1?Q?a?=", "a"),
        (b"=?ISO-8859-1?Q?a?= b", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
        (b"=?ISO-8859-1?Q?a_b?=", "a b"),
        (b"=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        (b"=?US-ASCII?Q?Keith_Moore?= <moore@cs.utk.edu>", "Keith Moore <moore@cs.utk.edu>"),
        (b"=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n =?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
         "If you can read this you understand the example."),
        (b"=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),  # RFC 2231 §5
        # characters split between words, in any encoding
        (b"=?utf-8?B?w6?= =?utf-8?B?k=?=", "\ufffd"),
        (b"=?utf-8?Q?=C3?= =?UTF-8?Q?=A9?=", "é"),
        (b"=?utf-8?B?ww==?= =?utf-8?B?qQ==?=", "é"),
        (b"=?iso-2022-jp?B?GyRCRnxLXDhsGyhC?=", "日本語"),
        (b"=?gb2312?B?1tDOxA==?=", "中文"),
        (b"=?windows-1252?Q?=80?=", "€"),
        (b"=?iso-8859-1?Q?=80?=", "€"),
        (b"=?KOI8-R?B?8NLJ18XU?=", "Привет"),
        # tolerated
        (b"=?utf-8?Q?with spaces and ??=", "with spaces and ?"),
        (b"before=?utf-8?Q?=C3=A9?=after", "beforeéafter"),
        (b"=?no-such-charset?Q?caf=C3=A9?=", "café"),
        (b"=?zlib?B?eJw=?=", "x\x9c".encode("latin-1").decode("cp1252")),
        (b"=?utf-8?B?Y2Fmw6k?=", "café"),
        (b"=?utf-8?B?Y2 Fm w6k=?=", "café"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?Q?open", "=?utf-8?Q?open"),
        ("déjà".encode(), "déjà"),
        ("déjà".encode("latin-1"), "déjà"),
        (b"", ""),
        (b" folded\r\n\tvalue \r\n", "folded value"),
    ],
)  # fmt: skip
def test_decode_header(value, text):
    assert decode_header(value) == text


def test_header_text_gives_every_field_of_the_name():
    message = b"X-A: =?utf-8?Q?=C3=A9?=\r\nX-B: no\r\nx-a :\r\n two\r\n\r\nX-A: body"
    assert header_text(message, b"X-a") == ["é", "two"]
    assert header_text(message, b"X-C") == []


def test_header_texts_gives_all_fields():
    message = b"Subject: =?utf-8?Q?=C3=A9?=\r\nno field\r\nX-A:\r\n\r\nX-B: body"
    assert list(header_texts(message)) == [(b"subject", "é"), (b"x-a", "")]
