"""Date fields as they are written, well and badly (RFC 5322 §3.3, §4.3)."""

from datetime import UTC, date, datetime

import pytest

from optimails.mime import parse_date, prepare


@pytest.mark.parametrize(
    ("value", "utc", "day"),
    [
        (b"Fri, 21 Nov 1997 09:55:06 -0600", (1997, 11, 21, 15, 55, 6), (1997, 11, 21)),
        (b"Tue, 1 Jul 2003 10:52:37 +0200", (2003, 7, 1, 8, 52, 37), (2003, 7, 1)),
        (b"Thu, 13 Feb 1969 23:32:54 -0330", (1969, 2, 14, 3, 2, 54), (1969, 2, 13)),
        (b"21 Nov 97 09:55:06 GMT", (1997, 11, 21, 9, 55, 6), (1997, 11, 21)),
        (b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", (1997, 11, 21, 15, 55, 6), (1997, 11, 21)),
        (b"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n    -0330 (Newfoundland Time)",
         (1969, 2, 14, 3, 2, 0), (1969, 2, 13)),
        (b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)", (1996, 7, 17, 9, 23, 25), (1996, 7, 17)),
        (b"1 Jan 49 00:00 EST", (2049, 1, 1, 5, 0, 0), (2049, 1, 1)),
        (b"1 Jan 50 00:00 Z", (1950, 1, 1, 0, 0, 0), (1950, 1, 1)),
        (b"1 Jan 104 00:00:00 +0000", (2004, 1, 1, 0, 0, 0), (2004, 1, 1)),
        (b"Mon, 1 Jan 2024 00:30:00 +0100", (2023, 12, 31, 23, 30, 0), (2024, 1, 1)),
        (b"Mon, 1 Jan 2024 00:30:00", (2024, 1, 1, 0, 30, 0), (2024, 1, 1)),
        (b"Mon, 1 Jan 2024", (2024, 1, 1, 0, 0, 0), (2024, 1, 1)),
        (b"Mon, 1 Jan 2024 10:00:00 -0000", (2024, 1, 1, 10, 0, 0), (2024, 1, 1)),
        (b"Mon, 1 Jan 2024 10:00:00 A", (2024, 1, 1, 10, 0, 0), (2024, 1, 1)),
        (b"Sat, 31 Dec 2016 23:59:60 +0000", (2017, 1, 1, 0, 0, 0), (2016, 12, 31)),
        # not of the RFC
        (b"Mon Jan  2 08:00:00 2024", (2024, 1, 2, 8, 0, 0), (2024, 1, 2)),
        (b"Mon Jan  2 08:00:00 PST 2024", (2024, 1, 2, 16, 0, 0), (2024, 1, 2)),
        (b"2024-01-02 08:00:00 +0100", (2024, 1, 2, 7, 0, 0), (2024, 1, 2)),
        (b"2024-01-02T08:00:00Z", (2024, 1, 2, 8, 0, 0), (2024, 1, 2)),
        (b"Monday, 1 January 2024 10.00.00 +01:00", (2024, 1, 1, 9, 0, 0), (2024, 1, 1)),
        (b"01-Jan-2024 10:00:00 +0100", (2024, 1, 1, 9, 0, 0), (2024, 1, 1)),
        (b"Mon,1 Jan 2024 10:00:00+0100", (2024, 1, 1, 9, 0, 0), (2024, 1, 1)),
        (b"Mon, 1 Jan 2024 10:00:00 +9999", (2024, 1, 1, 10, 0, 0), (2024, 1, 1)),
        (b"Mon, 1 Jan 2024 99:00:00 +0000", (2024, 1, 1, 0, 0, 0), (2024, 1, 1)),
    ],
)  # fmt: skip
def test_dates(value, utc, day):
    assert parse_date(value) == (int(datetime(*utc, tzinfo=UTC).timestamp()), date(*day))


@pytest.mark.parametrize(
    "value",
    [b"", b"yesterday", b"32 Jan 2024 10:00:00 +0000", b"1 Foo 2024 10:00", b"30 Feb 2024", b"\xff", b"0 Jan 0"],
)
def test_no_dates(value):
    assert parse_date(value) is None


def test_prepared():
    prepared = prepare(b"Date: Mon, 1 Jan 2024 00:30:00 +0100\r\n\r\n")
    assert (prepared.sent, prepared.sent_day) == (1704065400, date(2024, 1, 1))
    prepared = prepare(b"Date: soon\r\n\r\n")
    assert (prepared.sent, prepared.sent_day) == (None, None)
