"""Hostile byte streams for each protocol, the same for the same seed: noise, broken dialogues, mutated good ones."""

import random
from collections.abc import Callable

NOISE = bytes(range(256))
BODY = b"From: a@example.org\r\nSubject: t\r\n\r\nhello\r\n"

GOOD = {
    "imap": [
        b'a LOGIN user00@example.org "secret word"\r\n',
        b"b SELECT INBOX\r\n",
        b"c FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (FROM TO)]<0.100>)\r\n",
        b"d APPEND INBOX (\\Seen) {%d+}\r\n%b\r\n" % (len(BODY), BODY),
        b'e SEARCH RETURN (ALL) OR (SUBJECT "x") (NOT (SINCE 1-Jan-2020 LARGER 10))\r\n',
        b"f UID STORE 1:* +FLAGS.SILENT (\\Deleted $x)\r\n",
        b"g UID COPY 1:* Archive\r\n",
        b"h UID EXPUNGE 1:*\r\n",
        b"i IDLE\r\nDONE\r\n",
        b'j LIST (SUBSCRIBED) "" ("*" "%") RETURN (SPECIAL-USE STATUS (MESSAGES))\r\n',
        b'k CREATE "a/b/c"\r\n',
        b'l RENAME "a/b" "x"\r\n',
        b'm DELETE "x/c"\r\n',
        b"n GETQUOTAROOT INBOX\r\n",
        b"o AUTHENTICATE PLAIN\r\nAHVzZXIAcGFzcw==\r\n",
        b"p ENABLE CONDSTORE\r\n",
        b"q COMPRESS DEFLATE\r\n",
        b"r STARTTLS\r\n",
        b'ID ("name" "x")\r\n',
    ],
    "pop3": [
        b"CAPA\r\n",
        b"USER user01@example.org\r\n",
        b"PASS secret word\r\n",
        b"AUTH PLAIN AHVzZXIAcGFzcw==\r\n",
        b"STAT\r\nLIST\r\nUIDL\r\n",
        b"RETR 1\r\n",
        b"TOP 1 10\r\n",
        b"DELE 1\r\nRSET\r\n",
        b"LANG fr\r\nUTF8\r\n",
        b"STLS\r\n",
        b"NOOP\r\nQUIT\r\n",
    ],
    "smtp": [
        b"EHLO client.example\r\n",
        b"MAIL FROM:<a@example.org> SIZE=100 BODY=8BITMIME SMTPUTF8\r\n",
        b"RCPT TO:<user02@example.org>\r\n",
        b"RCPT TO:<nobody@example.org>\r\n",
        b"DATA\r\n%b.\r\n" % BODY,
        b"BDAT %d LAST\r\n%b" % (len(BODY), BODY),
        b"AUTH PLAIN AHVzZXIAcGFzcw==\r\n",
        b"AUTH LOGIN\r\ndXNlcg==\r\ncGFzcw==\r\n",
        b"VRFY user02\r\nHELP\r\nNOOP\r\nRSET\r\n",
        b"STARTTLS\r\n",
        b"QUIT\r\n",
    ],
}
GOOD["lmtp"] = [line.replace(b"EHLO", b"LHLO") for line in GOOD["smtp"]]

Stream = list[bytes]
"""Pieces to be sent one after another."""


def _noise(dice: random.Random, good: list[bytes]) -> Stream:
    return [dice.randbytes(dice.choice((1, 10, 100, 5_000, 70_000)))]


def _mutated(dice: random.Random, good: list[bytes]) -> Stream:
    """A plausible dialogue in which bytes were changed, dropped, doubled."""
    pieces = []
    for line in dice.choices(good, k=dice.randint(1, 8)):
        data = bytearray(line)
        for _ in range(dice.choice((0, 0, 1, 1, 3, 10))):
            at = dice.randrange(len(data) + 1)
            act = dice.randrange(4)
            if act == 0:
                data[at : at + dice.randint(0, 5)] = b""
            elif act == 1:
                data[at:at] = dice.choice((b"\0", b"\r", b"\n", b"{", b"(", b'"', b"\xff", b"\\", b"*", b"~", b" "))
            elif act == 2:
                data[at:at] = bytes(data[at : at + 20]) * dice.choice((1, 2, 50))
            elif at < len(data):
                data[at] = dice.randrange(256)
        pieces.append(bytes(data))
    return pieces


def _shuffled(dice: random.Random, good: list[bytes]) -> Stream:
    """Correct commands in an order that makes no sense, in one write."""
    return [b"".join(dice.choices(good, k=dice.randint(5, 60)))]


def _literals(dice: random.Random, good: list[bytes]) -> Stream:
    """Giant literals and sizes announced, little sent."""
    size = dice.choice((0, 1, 2**16, 2**31 - 1, 2**31, 2**32, 2**63, 2**64, 10**30, -1))
    plus = dice.choice((b"", b"+", b"-", b"++"))
    told = str(size).encode()
    return [
        dice.choice(
            (
                b"a APPEND INBOX {%b%b}\r\n" % (told, plus),
                b"a LOGIN {%b%b}\r\n" % (told, plus),
                b"a SEARCH SUBJECT {%b%b}\r\n" % (told, plus),
                b"a APPEND INBOX ~{%b%b}\r\n" % (told, plus),
                b"BDAT %b LAST\r\n" % told,
                b"MAIL FROM:<a@example.org> SIZE=%b\r\n" % told,
                b"TOP %b %b\r\n" % (told, told),
            )
        ),
        dice.randbytes(dice.choice((0, 10, 10_000))),
    ]


def _nested(dice: random.Random, good: list[bytes]) -> Stream:
    depth = dice.choice((10, 1_000, 30_000))
    return [
        dice.choice(
            (
                b"a SEARCH %bALL%b\r\n" % (b"(" * depth, b")" * depth),
                b"a SEARCH %bALL\r\n" % (b"NOT " * depth),
                b"a SEARCH %bALL ALL\r\n" % (b"OR ALL " * depth),
                b"a FETCH 1 %bFLAGS%b\r\n" % (b"(" * depth, b")" * depth),
                b"a FETCH 1 BODY[%b1]\r\n" % (b"1." * depth),
                b"a FETCH %b1 FLAGS\r\n" % (b"1:*," * depth),
                b'a LIST "" "%b"\r\n' % (b"*%%" * min(depth, 5_000)),
                b'a CREATE "%b"\r\n' % (b"a/" * depth),
                b"MAIL FROM:<%ba@example.org>\r\n" % (b"@x," * depth),
                b'RCPT TO:<"%b"@example.org>\r\n' % (b"\\a" * depth),
                b"EHLO %b\r\n" % (b"[" * depth),
            )
        )
    ]


def _long_line(dice: random.Random, good: list[bytes]) -> Stream:
    start = dice.choice(good).rstrip(b"\r\n")
    return [
        start,
        *(dice.choice(NOISE[32:127].decode()).encode() * 20_000 for _ in range(dice.randint(1, 15))),
        b"\r\n",
    ]


def _blanks(dice: random.Random, good: list[bytes]) -> Stream:
    return [
        dice.choice((b"\0", b"\r", b"\n", b"\r\n", b"\n\r", b" ", b"\x16\x03\x01", b"* ")) * dice.randint(1, 20_000)
    ]


def _drip(dice: random.Random, good: list[bytes]) -> Stream:
    """One byte at a time."""
    return [bytes([byte]) for byte in b"".join(_mutated(dice, good))[:60]]


_KINDS: list[tuple[int, Callable[[random.Random, list[bytes]], Stream]]] = [
    (4, _noise),
    (10, _mutated),
    (4, _shuffled),
    (3, _literals),
    (3, _nested),
    (1, _long_line),
    (2, _blanks),
    (1, _drip),
]
_PREFIX = {
    "imap": [b'z LOGIN user00@example.org "secret word"\r\n', b"y SELECT INBOX\r\n"],
    "pop3": [b"USER user01@example.org\r\n", b"PASS secret word\r\n"],
    "smtp": [b"EHLO x\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<user02@example.org>\r\n", b"DATA\r\n"],
    "lmtp": [b"LHLO x\r\n", b"MAIL FROM:<a@example.org>\r\n", b"RCPT TO:<user02@example.org>\r\n", b"DATA\r\n"],
}


def hostile_stream(protocol: str, seed: int, number: int) -> tuple[str, Stream]:
    """A stream and the name that finds it again; half begin with a login or an envelope that works."""
    dice = random.Random(f"{protocol}/{seed}/{number}")
    kind = dice.choices([kind for _, kind in _KINDS], [weight for weight, _ in _KINDS])[0]
    prefix = _PREFIX[protocol][: dice.choice((0, 0, 1, 2, 4))]
    return f"{protocol}/{seed}/{number} {kind.__name__}", [*prefix, *kind(dice, GOOD[protocol])]
