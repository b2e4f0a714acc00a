"""What servers say is read the same however it arrives; whatever they say, nothing breaks and nothing grows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimails.model.address import EmailAddress
from optimails.queue.api import QueuedRecipient, State
from smtp.outbound.dialogue import Capabilities, Lost, Opening, Read, Send, SendContent, StartTls, open_session
from smtp.outbound.link import DotStuffer
from smtp.outbound.replies import Reply, ReplyReader
from smtp.outbound.transaction import Envelope, transact
from smtp.wire.content import DotReader

EVERYTHING = Capabilities("mx", dict.fromkeys(("PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "DSN"), ""))


@pytest.mark.parametrize(
    ("data", "replies"),
    [
        (b"220 mx ESMTP\r\n", [(220, ("mx ESMTP",))]),
        (b"250\r\n", [(250, ("",))]),
        (b"250-a\r\n250-b c\r\n250 d\r\n", [(250, ("a", "b c", "d"))]),
        (b"250 a\n251 b\n", [(250, ("a",)), (251, ("b",))]),
        (b"250 caf\xc3\xa9 \xff\r\n", [(250, ("caf\N{LATIN SMALL LETTER E WITH ACUTE} \ufffd",))]),
        (b"250-\r\n250 \r\n", [(250, ("", ""))]),
    ],
)
def test_replies(data: bytes, replies: list[tuple[int, tuple[str, ...]]]) -> None:
    reader = ReplyReader()
    assert [(one.code, one.lines) for one in reader.feed(data)] == replies
    assert reader.idle
    assert not reader.error


@pytest.mark.parametrize(
    "data",
    [b"\r\n", b"hello\r\n", b"25 x\r\n", b"2500 x\r\n", b"150 x\r\n", b"650 x\r\n", b"250x\r\n", b"250-a\r\n251 b\r\n",
     b"x" * 5000, b"250 " + b"x" * 5000 + b"\r\n", b"250-x\r\n" * 300, "\u0662\u0665\u0660 x\r\n".encode()],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_reply(data: bytes) -> None:
    reader = ReplyReader()
    assert reader.feed(b"250 good\r\n" + data) == [Reply(250, ("good",))]
    assert reader.error
    assert reader.feed(b"250 late\r\n") == []


@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(550, ("5.1.1 Nobody",)), "5.1.1"),
        (Reply(550, ("Nobody 5.1.1",)), ""),
        (Reply(450, ("5.1.1 Odd",)), ""),
        (Reply(250, ("2.0.0",)), "2.0.0"),
        (Reply(250, ("2.0.0.1 x",)), ""),
    ],
)
def test_enhanced_status_codes(reply: Reply, status: str) -> None:
    assert reply.status == status


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"250", b" ", b"-", b"\r\n", b"\n", b"x", b"550 5.1.1", b"\xff", b"\x00"])), st.data())
def test_pieces_make_no_difference(parts: list[bytes], data: st.DataObject) -> None:
    whole = b"".join(parts)
    at_once = ReplyReader()
    expected = at_once.feed(whole)
    bit_by_bit, found = ReplyReader(), []
    while whole:
        size = data.draw(st.integers(1, len(whole)))
        found += bit_by_bit.feed(whole[:size])
        whole = whole[size:]
    assert found == expected
    assert bit_by_bit.error == at_once.error
    assert all(str(reply).isprintable() for reply in found)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([b"\r\n", b".", b"a", b"\r", b"\n", b"\r\n.\r\n", b"\n.\n", b".."])), st.data())
def test_content_comes_out_as_it_went_in(parts: list[bytes], data: st.DataObject) -> None:
    """Dots stuffed, and read back by our own server; nothing inside looks like the end, even to a careless one."""
    whole = b"".join(parts)
    stuffer, sent, left = DotStuffer(), b"", whole
    while left:
        size = data.draw(st.integers(1, len(left)))
        sent += stuffer.feed(left[:size])
        left = left[size:]
    sent += stuffer.finish()
    received, rest = DotReader().feed(sent)
    assert rest == b""
    normal = whole.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert received == (normal if not normal or normal.endswith(b"\r\n") else normal + b"\r\n")
    assert b"\n.\n" not in sent
    assert b"\r.\r" not in sent
    assert (b"\r\n" + sent).count(b"\r\n.\r\n") == 1


CODES = st.sampled_from([220, 235, 250, 334, 354, 421, 450, 452, 500, 550, 554, 333])


@settings(max_examples=400, deadline=None)
@given(answers=st.lists(st.tuples(CODES, st.text(max_size=20))), pipelining=st.booleans(), lmtp=st.booleans())
def test_no_answers_break_a_transaction_or_lose_a_recipient(
    *, answers: list[tuple[int, str]], pipelining: bool, lmtp: bool
) -> None:
    """Whatever is said, wherever it ends: everybody has one result, and nothing is delivered without its content."""
    recipients = tuple(QueuedRecipient(EmailAddress(f"u{n}", "there.example")) for n in range(3))
    envelope = Envelope(None, recipients, 10, lmtp=lmtp)
    offered = EVERYTHING if pipelining else Capabilities("mx", {})
    dialogue = transact(envelope, offered, "mx")
    replies = iter(Reply(code, (text,)) for code, text in answers)
    content, answer = False, None
    try:
        action = next(dialogue)
        while True:
            content = content or isinstance(action, SendContent)
            if isinstance(action, Read):
                answer = next(replies, None)
                action = dialogue.send(answer) if answer else dialogue.throw(Lost("cut"))
            else:
                action = next(dialogue)
    except StopIteration as done:
        outcome = done.value
    told = [result.recipient for result in outcome.results] + [one.address for one in outcome.again]
    assert sorted(map(str, told)) == sorted(str(one.address) for one in recipients)
    if any(result.state is State.DELIVERED for result in outcome.results):
        assert content


def play(dialogue: object, *replies: Reply) -> tuple[list[bytes], object]:
    sent, answers = [], iter(replies)
    try:
        action = next(dialogue)
        while True:
            if isinstance(action, Send):
                sent.append(action.data)
            elif isinstance(action, StartTls):
                sent.append(b"<tls>")
            action = dialogue.send(next(answers)) if isinstance(action, Read) else next(dialogue)
    except StopIteration as done:
        return sent, done.value


def test_the_beginning_of_a_session() -> None:
    greeting, ehlo = Reply(220, ("mx",)), Reply(250, ("mx there", "STARTTLS", "SIZE 1000", "LIMITS RCPTMAX=5"))
    plain = Reply(250, ("mx", "size 2000", "AUTH=PLAIN"))
    sent, capabilities = play(open_session(Opening("me.example")), greeting, ehlo, Reply(220, ("go",)), plain)
    assert sent == [b"EHLO me.example\r\n", b"STARTTLS\r\n", b"<tls>", b"EHLO me.example\r\n"]
    assert capabilities.size == 2000
    assert capabilities.max_recipients is None, "what was said in plaintext is forgotten"
    assert capabilities.extensions["AUTH"] == "PLAIN"


def test_an_old_server_hears_helo() -> None:
    sent, capabilities = play(
        open_session(Opening("me.example")), Reply(220, ("mx",)), Reply(502, ("what",)), Reply(250, ("mx",))
    )
    assert sent == [b"EHLO me.example\r\n", b"HELO me.example\r\n"]
    assert not capabilities.extensions
