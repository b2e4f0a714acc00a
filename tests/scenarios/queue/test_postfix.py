"""Submission here, queue, courier, and a real Postfix at the other end."""

import smtplib
import ssl
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.postfix import postfix
from tests.support.service import PASSWORD, started

ROUTE = """
[[outbound_route]]
destinations = ["there.example"]
host = "127.0.0.1"
port = {port}
tls = "required"
"""


@pytest.mark.slow
@pytest.mark.engine
def test_mail_reaches_postfix_and_what_it_refuses_is_reported(tmp_path: Path) -> None:
    with (
        postfix("there.example") as there,
        started(tmp_path, users=1, settings=ROUTE.format(port=there.port), domain="sender.test") as here,
    ):
        sender = here.peer.users[0].login
        context = ssl.create_default_context(cafile=here.peer.ca_file)
        with smtplib.SMTP_SSL(here.peer.host, here.peer.ports["submissions"], context=context, timeout=30) as smtp:
            smtp.login(sender, PASSWORD)
            smtp.sendmail(
                sender,
                ["bob@there.example", "nobody@there.example"],
                f"From: {sender}\r\nSubject: to Postfix\r\n\r\n.dots\r\n.\r\nend\r\n",
                rcpt_options=["NOTIFY=FAILURE"],
            )
        (message,) = there.received("bob", 1)
        assert b"Subject: to Postfix" in message
        assert message.replace(b"\r\n", b"\n").endswith(b".dots\n.\nend\n")
        assert b"TLS" in message

        def reported() -> bool:
            found = here.optimails("queue", "stats")
            assert isinstance(found, dict)
            return found["messages"] == 0 and found["states"]["failed"] == 1

        assert eventually(reported, limit=60), here.output()
        assert here.times_logged("queue_report") == 1
