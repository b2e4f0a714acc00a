"""Two services of ours: one sends to the other, as to a server of the world."""

import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.service import PASSWORD, Service

ROUTE = """
[outbound]
ca_file = "{ca}"

[[outbound_route]]
destinations = ["example.org"]
host = "127.0.0.1"
port = {port}
tls = "required"
"""


class Pair:
    """``here`` is sender.test, ``there`` is example.org."""

    def __init__(self, folder: Path, settings: str = "", there: str = "") -> None:
        """``settings`` are further ones of here, ``there`` those of the other."""
        self.there = Service(folder / "there", users=2, settings=there)
        self.here = Service(
            folder / "here",
            users=1,
            settings=ROUTE.format(ca=self.there.peer.ca_file, port=self.there.peer.ports["smtp"]) + settings,
            domain="sender.test",
        )

    @property
    def sender(self) -> str:
        return self.here.peer.users[0].login

    def submission(self) -> smtplib.SMTP:
        """A connection that is logged in."""
        context = ssl.create_default_context(cafile=self.here.peer.ca_file)
        smtp = smtplib.SMTP(self.here.peer.host, self.here.peer.ports["submission"], timeout=30)
        smtp.starttls(context=context)
        smtp.login(self.sender, PASSWORD)
        return smtp

    def waiting(self) -> list[dict[str, object]]:
        rows = self.here.optimails("queue", "list")
        assert isinstance(rows, list)
        return rows

    def empty(self) -> bool:
        return eventually(lambda: not self.waiting(), limit=60)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    pair = Pair(tmp_path)
    try:
        pair.there.start()
        pair.here.start()
        yield pair
    finally:
        pair.here.stop()
        pair.there.stop()
