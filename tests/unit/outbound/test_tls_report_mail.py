"""Domains that asked for reports of TLS get them by mail, once a day, as RFC 8460 has them."""

import asyncio
import datetime as dt
import gzip
import json
from email import message_from_bytes
from pathlib import Path

import dkim

from optimails.dkim import KeyStore
from optimails.model.errors import Unavailable
from smtp.outbound.tls_report_mail import TlsReportMail
from smtp.outbound.tls_reports import TlsReports, TlsResult
from tests.support.dns_server import local_dns
from tests.support.outbound import config

DAY = dt.date(2026, 11, 22)


class Outbox:
    def __init__(self) -> None:
        self.sent = []
        self.away = False

    async def submit(self, sender, recipients, content, received=b""):
        if self.away:
            raise Unavailable("no room")
        self.sent.append((str(sender), [str(one) for one in recipients], b"".join(content.pieces())))
        return {}


def test_reports_go_to_those_who_asked(tmp_path: Path) -> None:
    reports = TlsReports(tmp_path / "r.sqlite")
    for domain in ("there.example", "silent.example"):
        reports.add(TlsResult(domain, "sts", ("version: STSv1",), "mx.there.example"), DAY)
    reports.add(
        TlsResult("there.example", "sts", ("version: STSv1",), "mx.there.example", "::1", "certificate-expired"), DAY
    )
    (key, _) = KeyStore(tmp_path / "dkim").make("mail.here.example")
    zone = {
        ("_smtp._tls.there.example", "TXT"): ['"v=TLSRPTv1; rua=mailto:tls@reports.example"'],
        ("silent.example", "TXT"): ['"x"'],
    }
    outbox = Outbox()
    with local_dns(zone) as server:
        sender = TlsReportMail(config(tmp_path, nameserver=server.address), reports, outbox)
        outbox.away = True
        assert asyncio.run(sender.run(DAY)) == {"tls_reports": 0}
        outbox.away = False
        assert asyncio.run(sender.run(DAY)) == {"tls_reports": 1}, "what could not be sent is tried again"
        assert asyncio.run(sender.run(DAY)) == {"tls_reports": 0}, "and sent once"
    ((who, readers, content),) = outbox.sent
    assert (who, readers) == ("postmaster@mail.here.example", ["tls@reports.example"])
    message = message_from_bytes(content)
    assert message.get_content_type() == "multipart/report"
    assert message["TLS-Report-Domain"] == "there.example"
    attached = json.loads(gzip.decompress(message.get_payload()[1].get_payload(decode=True)))
    (policy,) = attached["policies"]
    assert policy["summary"] == {"total-successful-session-count": 1, "total-failure-session-count": 1}
    assert policy["failure-details"][0]["result-type"] == "certificate-expired"
    assert dkim.DKIM(content).verify(idx=0, dnsfunc=lambda _name, timeout=5: key.record.encode())
