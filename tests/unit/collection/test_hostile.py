"""Far servers that mean harm, or are broken: each is refused with a reason, soon, and without much memory."""

import asyncio
import ssl
from pathlib import Path

import pytest

from optimails.collection.api import Access, CollectFailed, RemoteMessage, SourceTls, Spoken, Trouble
from optimails.collection.visit import log_in
from optimails.config.collection import CollectionSettings
from tests.support import certificates
from tests.support.in_loop import in_loop

PASSWORD = "very secret"
IMAP_LOGIN = [b"* OK hello\r\n", b"+ go\r\n", b"+ go\r\n", b"c1 OK in\r\n", b"c2 OK\r\n"]
IMAP_READY = [*IMAP_LOGIN, b"* OK [UIDVALIDITY 7] ok\r\nc3 OK\r\n"]
POP3_READY = [b"+OK\r\n", b"+OK\r\n", b"+OK\r\n"]


async def met(
    folder: Path, protocol: Spoken, answers: list[bytes], tls: SourceTls = SourceTls.IMPLICIT
) -> CollectFailed | list[bytes]:
    """What comes of a visit to a server that says this, one answer for each line it hears."""
    ca_file, certificate, key = certificates.make(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number, answer in enumerate(answers):
                if number and not await reader.readline():
                    break
                writer.write(answer)
                await writer.drain()
                if b"begin TLS" in answer:
                    await writer.start_tls(context)
            await reader.read()
        except OSError:
            pass
        finally:
            writer.transport.abort()

    implicit = tls is SourceTls.IMPLICIT
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context if implicit else None)
    settings = CollectionSettings(private_addresses=True, ca_file=ca_file, timeout=1, max_messages=5)
    access = Access(protocol, certificates.HOST, server.sockets[0].getsockname()[1], tls, "me")
    pieces: list[bytes] = []
    try:
        remote = await log_in(access, PASSWORD, settings)
        try:
            await remote.messages()
            await remote.fetch(RemoteMessage("7.1", 1, 10), pieces.append)
        finally:
            remote.abort()
    except CollectFailed as failed:
        return failed
    finally:
        server.close()
    return pieces


@pytest.mark.parametrize(
    ("protocol", "answers", "trouble"),
    [
        (Spoken.POP3, [b"+OK " + b"x" * 300_000], Trouble.PROTOCOL),
        (Spoken.POP3, [b"HTTP/1.1 400 no\r\n"], Trouble.PROTOCOL),
        (Spoken.POP3, [b"+OK\r\n", b"+OK\r\n", b"-ERR wrong\r\n"], Trouble.LOGIN),
        (Spoken.POP3, [b"+OK\r\n", b"+OK\r\n", b"-ERR [IN-USE] wait\r\n"], Trouble.PROTOCOL),
        (Spoken.POP3, [*POP3_READY, b"+OK\r\n" + b"1 1\r\n" * 10], Trouble.PROTOCOL),
        (Spoken.POP3, [*POP3_READY, b"+OK\r\n1 " + b"9" * 5_000 + b"\r\n.\r\n"], Trouble.PROTOCOL),
        (Spoken.POP3, [*POP3_READY, b"+OK\r\n"], Trouble.SILENT),
        (Spoken.IMAP, [b"* BYE too busy\r\n"], Trouble.PROTOCOL),
        (Spoken.IMAP, [*IMAP_LOGIN[:3], b"c1 NO [AUTHENTICATIONFAILED] wrong\r\n"], Trouble.LOGIN),
        (Spoken.IMAP, [*IMAP_LOGIN, b"c3 OK no validity\r\n"], Trouble.PROTOCOL),
        (Spoken.IMAP, [*IMAP_READY, b"* 1 FETCH (UID 1 X {999999999999}\r\n"], Trouble.PROTOCOL),
        (Spoken.IMAP, [*IMAP_READY, b"* 1 FETCH (UID 1)\r\n" * 5_000], Trouble.PROTOCOL),
        (Spoken.IMAP, [*IMAP_READY, b"c4 OK\r\n", b"c5 OK without it\r\n"], Trouble.PROTOCOL),
    ],
)
@in_loop
async def test_refused(tmp_path: Path, protocol: Spoken, answers: list[bytes], trouble: Trouble) -> None:
    failed = await met(tmp_path, protocol, answers)
    assert isinstance(failed, CollectFailed)
    assert failed.trouble is trouble
    assert len(failed.detail) <= 200


@in_loop
async def test_a_password_that_is_repeated_is_not_shown(tmp_path: Path) -> None:
    answers = [b"+OK\r\n", b"+OK\r\n", b"-ERR PASS " + PASSWORD.encode() + b"\x1b[31m is wrong\r\n"]
    failed = await met(tmp_path, Spoken.POP3, answers)
    assert isinstance(failed, CollectFailed)
    assert failed.detail == "-ERR PASS …[31m is wrong"


@in_loop
async def test_what_came_before_tls_is_not_believed(tmp_path: Path) -> None:
    answers = [b"+OK\r\n", b"+OK begin TLS\r\n+OK injected\r\n", b"-ERR no\r\n"]
    failed = await met(tmp_path, Spoken.POP3, answers, SourceTls.STARTTLS)
    assert isinstance(failed, CollectFailed)
    assert failed.trouble in (Trouble.LOGIN, Trouble.CONNECT)


@in_loop
async def test_dots_and_a_long_line_come_through(tmp_path: Path) -> None:
    content = b"..\r\n...x\r\n" + b"y" * 200_000 + b"\r\n"
    answers = [*POP3_READY, b"+OK\r\n1 10\r\n.\r\n", b"+OK\r\n1 a\r\n.\r\n", b"+OK\r\n" + content + b".\r\n"]
    pieces = await met(tmp_path, Spoken.POP3, answers)
    assert isinstance(pieces, list)
    assert b"".join(pieces) == b".\r\n..x\r\n" + b"y" * 200_000 + b"\r\n"
    assert max(map(len, pieces)) <= 140_000
