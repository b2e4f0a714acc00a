"""The bytes of the milter protocol, as ``libmilter/mfdef.h`` has them: tables."""

import pytest

from smtp.milter import macros, wire
from smtp.milter.macros import Client
from smtp.milter.wire import Does, Nonsense, Stage, Steps

SAID = {
    wire.offer(): b"\0\0\0\x0dO\0\0\0\6\0\0\1\xff\0\x1f\xf7\xff",
    wire.connect("mail.test", "192.0.2.1", 25): b"\0\0\0\x18Cmail.test\x004\0\x19192.0.2.1\0",
    wire.connect("unknown", "2001:db8::1", 65_535): b"\0\0\0\x18Cunknown\x006\xff\xff2001:db8::1\0",
    wire.connect("localhost", "", 0): b"\0\0\0\x18Clocalhost\0L\0\0localhost\0",
    wire.helo("é\0"): b"\0\0\0\4H\xc3\xa9\0",
    wire.mail("<a@b.test>", ["SIZE=5"]): b"\0\0\0\x13M<a@b.test>\0SIZE=5\0",
    wire.rcpt("<a@b.test>"): b"\0\0\0\x0cR<a@b.test>\0",
    wire.header(b"Subject", b" one\n two"): b"\0\0\0\x13LSubject\0 one\n two\0",
    wire.body(b"\0"): b"\0\0\0\2B\0",
    wire.macros(b"C", {"j": "mx.test", "{x}": "y"}): b"\0\0\0\x12DCj\0mx.test\0{x}\0y\0",
    wire.DATA + wire.END_OF_HEADER + wire.END: b"\0\0\0\1T\0\0\0\1N\0\0\0\1E",
    wire.ABORT + wire.QUIT: b"\0\0\0\1A\0\0\0\1Q",
}
HEARD = {
    b"c": wire.Continue(),
    b"a": wire.Accept(),
    b"d": wire.Discard(),
    b"r": wire.Reject(),
    b"t": wire.Tempfail(),
    b"s": wire.Skip(),
    b"p": wire.Progress(),
    b"f": wire.HangUp(),
    b"4": wire.HangUp(),
    b"y550 5.7.1 no\0": wire.Reply("550 5.7.1 no"),
    b"hName\0value\0": wire.AddHeader(b"Name", b"value"),
    b"i\0\0\0\1Name\0value": wire.InsertHeader(1, b"Name", b"value"),
    b"m\0\0\0\2Name\0\0": wire.ChangeHeader(2, b"Name", b""),
    b"e<a@b.test>\0": wire.ChangeSender("<a@b.test>", ""),
    b"e<a@b.test>\0SIZE=1\0": wire.ChangeSender("<a@b.test>", "SIZE=1"),
    b"+<a@b.test>\0": wire.AddRecipient("<a@b.test>"),
    b"2<a@b.test>\0NOTIFY=NEVER\0": wire.AddRecipient("<a@b.test>", "NOTIFY=NEVER"),
    b"-<a@b.test>\0": wire.DeleteRecipient("<a@b.test>"),
    b"b\0\r\n": wire.ReplaceBody(b"\0\r\n"),
    b"q\xff\0": wire.Quarantine("\N{REPLACEMENT CHARACTER}"),
    b"O\0\0\0\6\0\0\0\1\0\0\0\x02\0\0\0\1{tls_version}, j\0": wire.Agreed(
        6, Does.ADD_HEADERS, Steps.NO_HELO, {Stage.HELO: ("{tls_version}", "j")}
    ),
}
NONSENSE = [b"", b"?", b"h", b"hName\0", b"hName\0a\0b\0", b"i\0\0", b"mName", b"y" + b"x" * 70_000, b"O\0\0\0\6"]
NONSENSE += [b"O\0\0\0\6\0\0\0\0\0\0\0\0\0\0\0\1endless"]


@pytest.mark.parametrize("packet", SAID)
def test_what_is_said(packet: bytes) -> None:
    assert packet == SAID[packet]


@pytest.mark.parametrize("data", HEARD, ids=repr)
def test_what_is_heard(data: bytes) -> None:
    assert wire.answer(data) == HEARD[data]


@pytest.mark.parametrize("data", NONSENSE, ids=lambda data: repr(data[:20]))
def test_nonsense(data: bytes) -> None:
    with pytest.raises(Nonsense):
        wire.answer(data)


def test_macros_of_tls_and_of_what_is_not_known() -> None:
    tls = macros.Tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256)
    known = macros.of_client(Client("", 0, "", "c", "mx.test", "smtp-25", tls=tls))
    assert macros.at(Stage.HELO, known, {}) == {
        "{tls_version}": "TLSv1.3", "{cipher}": "TLS_AES_256_GCM_SHA384", "{cipher_bits}": "256"
    }  # fmt: skip
    assert macros.at(Stage.CONNECT, known, {}) == {
        "j": "mx.test", "_": "localhost", "v": "Optimails", "{daemon_name}": "smtp-25", "{client_name}": "localhost",
        "{client_ptr}": "localhost",
    }  # fmt: skip
    assert macros.at(Stage.CONNECT, known, {Stage.CONNECT: ("cipher_bits", "{auth_authen}")}) == {
        "{cipher_bits}": "256"
    }
