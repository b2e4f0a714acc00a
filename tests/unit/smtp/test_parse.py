"""Command lines into values: tables, and that nothing but ``BadCommand`` ever comes out."""

import pytest

from optimails.model.address import EmailAddress
from smtp.wire import commands as c
from smtp.wire.neighbours import Missing
from smtp.wire.parse import parse
from smtp.wire.replies import BadCommand, basic_code, plain, reply

A = EmailAddress("a", "b.test")

GOOD = {
    b"EHLO client.test": c.Hello(c.Greeting.EHLO, "client.test"),
    b"ehlo   client.test  ": c.Hello(c.Greeting.EHLO, "client.test"),
    b"HELO my_pc": c.Hello(c.Greeting.HELO, "my_pc"),
    b"LHLO [IPv6:2001:db8::1]": c.Hello(c.Greeting.LHLO, "[IPv6:2001:db8::1]"),
    "EHLO bücher.test".encode(): c.Hello(c.Greeting.EHLO, "bücher.test"),
    b"STARTTLS": c.StartTls(),
    b"AUTH plain": c.Auth("PLAIN", None),
    b"AUTH SCRAM-SHA-256 =": c.Auth("SCRAM-SHA-256", b"="),
    b"AUTH PLAIN AGEAYg==": c.Auth("PLAIN", b"AGEAYg=="),
    b"MAIL FROM:<>": c.Mail(None),
    b"MAIL FROM:<a@b.test>": c.Mail(A),
    b"mail from: <a@B.TEST>": c.Mail(A),
    b"MAIL FROM:a@b.test SIZE=5": c.Mail(A, 5),
    b"MAIL FROM:<@x.test,@y.test:a@b.test>": c.Mail(A),
    b"MAIL FROM:<a@b.test> size=12 BODY=8bitmime SMTPUTF8 AUTH=<>": c.Mail(A, 12, c.Body.EIGHT_BIT, smtputf8=True),
    b'MAIL FROM:<"a > b"@b.test> BODY=7BIT': c.Mail(EmailAddress('"a > b"', "b.test"), None, c.Body.SEVEN_BIT),
    b"MAIL FROM:<a@[192.0.2.1]>": c.Mail(EmailAddress("a", "[192.0.2.1]")),
    "MAIL FROM:<é@b.test> SMTPUTF8".encode(): c.Mail(EmailAddress("é", "b.test"), smtputf8=True),
    b"RCPT TO:<a@b.test>": c.Rcpt(A),
    b"RCPT TO:<PostMaster>": c.Rcpt(None),
    b"RCPT TO:<a+tag@xn--bcher-kva.test>": c.Rcpt(EmailAddress("a+tag", "bücher.test")),
    b"DATA": c.Data(),
    b"DATA ": c.Data(),
    b"BDAT 0 last": c.Bdat(0, last=True),
    b"BDAT 100": c.Bdat(100, last=False),
    b"RSET": c.Rset(),
    b"NOOP \xff\x00": c.Noop(),
    b"VRFY anybody": c.Vrfy(),
    b"EXPN list": c.Expn(),
    b"HELP me": c.Help(),
    b"QUIT": c.Quit(),
    b"XCLIENT NAME=a+2Bb.test ADDR=IPv6:2001:DB8::1 port=025": c.XClient(
        {"NAME": "a+b.test", "ADDR": "2001:db8::1", "PORT": "25"}
    ),
    b"XCLIENT ADDR=::ffff:192.0.2.1 NAME=[unavailable] HELO=[TEMPUNAVAIL]": c.XClient(
        {"ADDR": "192.0.2.1", "NAME": Missing.UNAVAILABLE, "HELO": Missing.TEMPORARILY}
    ),
    b"XCLIENT LOGIN=ren+C3+A9 PROTO=smtp": c.XClient({"LOGIN": "rené", "PROTO": "SMTP"}),
    b"XCLIENT HELO=a)+20by+20(b NAME=[192.0.2.1]": c.XClient({"HELO": "a??by??b", "NAME": "[192.0.2.1]"}),
    b"XFORWARD IDENT=4C1 SOURCE=local PROTO=ESMTPS": c.XForward({"IDENT": "4C1", "SOURCE": "LOCAL", "PROTO": "ESMTPS"}),
}

BAD = {
    b"XCLIENT": 501,
    b"XCLIENT NAME": 501,
    b"XCLIENT NAME=a=b": 501,
    b"XCLIENT NAME=a+0Ab": 501,
    b"XCLIENT NAME=+GG": 501,
    b"XCLIENT HELO=+FF": 501,
    b"XCLIENT HELO=" + b"x" * 256: 501,
    b"XCLIENT ADDR=fe80::1%eth0": 501,
    b"XCLIENT PORT=65536": 501,
    b"XCLIENT PROTO=QMTP": 501,
    b"XCLIENT IDENT=1": 501,
    b"XCLIENT" + b" PORT=1" * 21: 501,
    b"XFORWARD SOURCE=NOWHERE": 501,
    b"XFORWARD PROTO=E-SMTP": 501,
    b"": 500,
    b"MAIL FROM:<a@b.test> BY=soon": 501,
    b"MAIL FROM:<a@b.test> BY=0;R": 501,
    b"MAIL FROM:<a@b.test> BY": 501,
    b"MAILFROM:<a@b.test>": 500,
    b" QUIT": 500,
    b"QUIT\nMAIL FROM:<a@b.test>": 500,
    b"NOOP\rQUIT": 500,
    b"EHLO": 501,
    b"EHLO a b": 501,
    b"EHLO (x)": 501,
    b"EHLO \xff": 501,
    b"HELO " + b"x" * 300: 501,
    b"DATA x": 501,
    b"QUIT x": 501,
    b"AUTH": 501,
    b"AUTH PLAIN a b": 501,
    b"AUTH PLAIN ****": 501,
    b"AUTH \xff": 501,
    b"MAIL": 501,
    b"MAIL FROM": 501,
    b"MAIL FROM:": 501,
    b"MAIL FROM:<a@b.test": 501,
    b"MAIL FROM:<a@b.test>SIZE=1": 501,
    b"MAIL FROM:<a@b.test> SIZE=": 501,
    b"MAIL FROM:<a@b.test> SIZE=-1": 501,
    b"MAIL FROM:<a@b.test> SIZE=1 SIZE=2": 501,
    b"MAIL FROM:<a@b.test> SMTPUTF8=yes": 501,
    b"MAIL FROM:<a@b.test> =": 501,
    b"MAIL FROM:<a@b.test>" + b" X=1" * 30: 501,
    b"MAIL FROM:<a>": 553,
    b"MAIL FROM:<a@b@c.test>": 553,
    b"MAIL FROM:<a..b@c.test>": 553,
    b"MAIL FROM:<" + b"x" * 65 + b"@b.test>": 553,
    b"MAIL FROM:<a@-b-.test>": 553,
    "MAIL FROM:<é@b.test>".encode(): 553,
    b"RCPT TO:<>": 553,
    b"RCPT TO:<a@b.test> ORCPT=a@b.test": 501,
    b"RCPT TO:<nobody>": 553,
    b"RCPT FROM:<a@b.test>": 501,
    b"BDAT": 501,
    b"BDAT -1": 501,
    b"BDAT 1 2": 501,
    b"BDAT 9223372036854775808": 501,
    b"BDAT \xd9\xa1": 501,
}


@pytest.mark.parametrize("line", GOOD, ids=repr)
def test_understood(line: bytes) -> None:
    assert parse(line) == GOOD[line]


@pytest.mark.parametrize("line", BAD, ids=lambda line: repr(line[:50]))
def test_refused(line: bytes) -> None:
    with pytest.raises(BadCommand) as caught:
        parse(line)
    assert caught.value.reply.startswith(b"%d 5." % BAD[line])
    assert caught.value.reply.endswith(b"\r\n")
    assert caught.value.reply.count(b"\r\n") == 1


def test_replies_cannot_be_broken_out_of() -> None:
    assert reply(550, "5.1.1", "a\r\n250 é" + "x" * 600) == b"550 5.1.1 a?250 ?" + b"x" * 393 + b"\r\n"
    assert plain(250, "one", "two\n", "three") == b"250-one\r\n250-two?\r\n250 three\r\n"


def test_basic_codes() -> None:
    assert [basic_code(status) for status in ("4.2.2", "5.2.2", "4.3.0", "5.1.1", "5.4.6")] == [452, 552, 451, 550, 554]
