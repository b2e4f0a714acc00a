"""Mails that tell people what the filter did."""

import time
from email.header import Header
from email.utils import formatdate, make_msgid

from optimails.model.address import EmailAddress
from optimails.texts import text
from securemail.ledger.values import Arrival
from securemail.policy.decide import Decision

_SHOWN = 200


def notice(arrival: Arrival, recipient: str, decision: Decision, reader: EmailAddress, language: str) -> bytes:
    """What was decided for a recipient, and why, in the reader's language."""
    subject = text("filter.notice.subject", language, action=text(f"filter.action.{decision.action.value}", language))
    by = decision.decided_by
    lines = [
        text(f"filter.notice.{decision.action.value}", language),
        "",
        text("filter.notice.from", language, address=_plain(arrival.author or arrival.sender) or "<>"),
        text("filter.notice.to", language, address=_plain(recipient)),
        text("filter.notice.message", language, subject=_plain(arrival.subject)),
        text("filter.notice.date", language, date=formatdate(arrival.arrived, localtime=True)),
    ]
    if by is not None:
        lines.append(text("filter.notice.rule", language, rule=by.rule, scope=by.scope))
        if by.seen:
            lines.append(text("filter.notice.seen", language, seen=_plain(", ".join(by.seen))))
    lines += ["", text("filter.notice.id", language, id=arrival.id)]
    domain = reader.domain
    header = [
        f"From: {Header(text('filter.notice.name', language), 'utf-8').encode()} <postmaster@{domain}>",
        f"To: <{reader}>",
        f"Subject: {Header(subject, 'utf-8').encode()}",
        f"Date: {formatdate(time.time(), localtime=True)}",
        f"Message-ID: {make_msgid(domain=domain)}",
        "Auto-Submitted: auto-generated",  # RFC 3834
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 8bit",
    ]
    return "\r\n".join([*header, "", *lines, ""]).encode()


def _plain(value: str) -> str:
    """One line, whatever a stranger wrote."""
    return "".join(one if one.isprintable() else " " for one in value)[:_SHOWN]
