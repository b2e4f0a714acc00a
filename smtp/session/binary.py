"""BINARYMIME (RFC 3030): what came with BDAT as bytes of any kind becomes mail that mailboxes and other servers know.

After the checks of who sent it, which look at what was signed; before filters and delivery, which see what will be
read.
"""

import asyncio
from typing import TYPE_CHECKING

from optimails.delivery.spool import Spool
from optimails.mime.binary import without_binary
from optimails.model.errors import BadSyntax
from smtp.session.transaction import Transaction
from smtp.wire import replies

if TYPE_CHECKING:
    from smtp.session.session import Session


async def convert(session: "Session", transaction: Transaction) -> bytes | None:
    """The converted message takes the place of what came. Gives the reply when it cannot be. Raises ``Unavailable``."""
    spool = transaction.spool
    if not transaction.binary or spool is None:
        return None
    converted = session.door.delivery.spool()
    try:
        await asyncio.to_thread(_convert, spool, converted)
    except BaseException as wrong:
        converted.close()
        if isinstance(wrong, BadSyntax):
            return replies.reply(554, "5.6.3", str(wrong))  # RFC 3463 §3.7: conversion required, but not supported
        raise
    transaction.forget()
    transaction.spool = converted
    return None


def _convert(spool: Spool, converted: Spool) -> None:
    with spool.view() as content:
        for piece in without_binary(content):
            converted.write(piece)
