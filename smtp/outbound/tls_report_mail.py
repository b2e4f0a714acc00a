"""Yesterday's results of TLS as mail to the domains that asked for them (RFC 8460 §5.3)."""

import asyncio
import base64
import gzip
import json
import logging
import secrets
import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import formatdate
from typing import Any, Protocol

from optimails.config import Config
from optimails.delivery.api import Outcome
from optimails.delivery.spool import Spool
from optimails.dkim import Signer
from optimails.dns import Resolver
from optimails.model.address import EmailAddress
from optimails.model.dns_name import ascii_name
from optimails.model.errors import BadSyntax, MailError
from optimails.texts import text
from smtp.outbound.tls_reports import TlsReports, report_addresses

log = logging.getLogger(__name__)

_MAX_ADDRESSES = 5  # of one domain


class Sends(Protocol):
    """``optimails.delivery.api.Outgoing``, as far as it is needed here."""

    async def submit(
        self, sender: EmailAddress | None, recipients: Sequence[EmailAddress], content: Spool, received: bytes = b""
    ) -> Mapping[EmailAddress, Outcome]: ...


class TlsReportMail:
    """``run`` may be called as often as one likes: each domain gets one report for each day."""

    def __init__(self, config: Config, reports: TlsReports, sends: Sends, resolver: Resolver | None = None) -> None:
        self._hostname = ascii_name(config.server.hostname)
        self._language = config.server.language.value
        self._reports = reports
        self._sends = sends
        self._resolver = resolver or Resolver(config.dns)
        self._signer = Signer(config.server.data)

    async def run(self, day: date | None = None) -> dict[str, object]:
        """Reports of yesterday (UTC), or of that ``day``; gives the numbers for the log."""
        day = day or (datetime.now(UTC) - timedelta(days=1)).date()
        sent = 0
        if "." not in self._hostname:  # nobody could answer to it
            return {"tls_reports": 0}
        for domain in await asyncio.to_thread(self._reports.domains, day):
            try:
                sent += await self._report(domain, day)
            except MailError as wrong:  # the DNS or the queue could not now; the next run tries again
                log.warning("tls_report_not_sent", extra={"fields": {"domain": domain, "why": str(wrong)}})
                continue
            await asyncio.to_thread(self._reports.reported, domain, day)
        return {"tls_reports": sent}

    async def _report(self, domain: str, day: date) -> bool:
        wanted = report_addresses(await self._resolver.texts(f"_smtp._tls.{domain}"))[:_MAX_ADDRESSES]
        readers = [address for one in wanted if (address := _address(one)) is not None]
        if not readers:
            return False
        sender = EmailAddress("postmaster", self._hostname)
        report = await asyncio.to_thread(
            self._reports.report, domain, day, organization=self._hostname, contact=str(sender)
        )
        message = self._message(domain, day, report, str(sender), ", ".join(map(str, readers)))
        await self._sends.submit(sender, readers, Spool.of(message))
        return True

    def _message(self, domain: str, day: date, report: dict[str, Any], sender: str, readers: str) -> bytes:
        boundary = secrets.token_hex(16)
        begin = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
        name = f"{self._hostname}!{domain}!{begin}!{begin + 86_399}!{secrets.token_hex(4)}.json.gz"
        packed = base64.b64encode(gzip.compress(json.dumps(report).encode())).decode()
        words = text("outbound.tls_report", self._language, domain=domain, day=str(day), host=self._hostname)
        header = [
            f"From: {sender}",
            f"To: {readers}",
            f"Subject: Report Domain: {domain} Submitter: {self._hostname} Report-ID: <{report['report-id']}>",
            f"Date: {formatdate()}",
            f"Message-ID: <{secrets.token_hex(12)}@{self._hostname}>",
            "Auto-Submitted: auto-generated",
            "TLS-Required: No",  # RFC 8689 §3: who hears of broken TLS has broken TLS
            f"TLS-Report-Domain: {domain}",
            f"TLS-Report-Submitter: {self._hostname}",
            "MIME-Version: 1.0",
            f'Content-Type: multipart/report; report-type="tlsrpt"; boundary="{boundary}"',
        ]
        body = [
            f"--{boundary}",
            "Content-Type: text/plain; charset=utf-8",
            "Content-Transfer-Encoding: base64",
            "",
            *textwrap.wrap(base64.b64encode(words.encode()).decode(), 76),
            f"--{boundary}",
            "Content-Type: application/tlsrpt+gzip",
            "Content-Transfer-Encoding: base64",
            f'Content-Disposition: attachment; filename="{name}"',
            "",
            *textwrap.wrap(packed, 76),
            f"--{boundary}--",
        ]
        head = "".join(f"{line}\r\n" for line in header).encode()
        content = "".join(f"{line}\r\n" for line in body).encode()
        return self._signer.sign(head, [content], self._hostname) + head + b"\r\n" + content


def _address(text: str) -> EmailAddress | None:
    try:
        return EmailAddress.parse(text)
    except BadSyntax:
        return None
