"""The pages behind the links of digests."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from optimails.audit import AuditLog
from optimails.directory.api import Resolution
from securemail.case import Health
from securemail.digest.links import Links, Ticket
from securemail.ledger.values import State
from tests.support.kept_mail import READER, Quarantine
from webmail.quarantine import PATH, QuarantinePages

MAIL = (
    b"From: a@b.test\r\nSubject: offer\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    b'<h1>Big <b>offer</b></h1><img src="https://tracker.example/x.png"><script>alert(1)</script>'
    b"<p>Only &lt;today&gt;</p>"
)


class Directory:
    async def resolve(self, recipient: object) -> Resolution:
        del recipient
        return Resolution(())


class Site:
    def __init__(self, data: Path) -> None:
        self.data = data
        self.kept = Quarantine(data)
        directory: Any = Directory()
        self.pages = QuarantinePages(self.kept.ledger, directory, AuditLog(data))

    def link(self, message: str, until: float | None = None) -> str:
        ticket = Ticket(message, READER, int(until or time.time() + 1000))
        return PATH + Links(self.kept.ledger.key_file).token(ticket)

    def ask(self, path: str, method: str = "GET", body: bytes = b"", language: str = "") -> tuple[int, str, str]:
        """Status, page and policy."""
        sent: list[Any] = []
        headers = [(b"accept-language", language.encode()), (b"content-type", b"application/x-www-form-urlencoded")]
        scope = {"type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
                 "headers": headers, "server": ("h", 443), "scheme": "https"}  # fmt: skip

        async def receive() -> dict[str, object]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        asyncio.run(self.pages(scope, receive, send))
        page = b"".join(one.get("body", b"") for one in sent[1:]).decode()
        return sent[0]["status"], page, dict(sent[0]["headers"]).get(b"content-security-policy", b"").decode()

    def state(self, message: str) -> State:
        found = asyncio.run(self.kept.ledger.message(message))
        assert found is not None
        return found.recipients[0].state


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_message_is_shown_as_text_and_nothing_happens_yet(site: Site) -> None:
    name = asyncio.run(site.kept.keep(MAIL, subject='offer"><script>'))
    status, page, policy = site.ask(site.link(name), language="fr-FR,en")
    assert status == 200
    assert "Big" in page
    assert "Only &lt;today&gt;" in page
    assert "tracker" not in page
    assert "<script>" not in page
    assert 'lang="fr"' in page
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert site.state(name) is State.QUARANTINED


@pytest.mark.parametrize(("action", "state"), [("release", State.DECIDED), ("delete", State.DELETED)])
def test_a_form_decides_once_and_is_noted(site: Site, action: str, state: State) -> None:
    name = asyncio.run(site.kept.keep(MAIL))
    link = site.link(name)
    assert site.ask(link, "POST", b"action=" + action.encode())[0] == 200
    assert site.state(name) is state
    assert site.ask(link, "POST", b"action=release")[0] == 410
    assert site.ask(link)[0] == 410
    (entry,) = AuditLog(site.data).entries()
    assert (entry.actor, entry.via, entry.act, entry.details["message"]) == (
        READER,
        "digest",
        f"quarantine {action}",
        name,
    )


def test_infected_mail_is_not_released_by_its_reader(site: Site) -> None:
    name = asyncio.run(site.kept.keep(MAIL, health=Health.INFECTED))
    link = site.link(name)
    assert 'value="release"' not in site.ask(link)[1]
    assert site.ask(link, "POST", b"action=release")[0] == 400
    assert site.state(name) is State.QUARANTINED


def test_links_that_are_wrong_old_or_of_others_show_nothing(site: Site) -> None:
    name = asyncio.run(site.kept.keep(MAIL, subject="secret"))
    good = site.link(name)
    for path in (PATH, PATH + "x", good[:-1], site.link(name, until=time.time() - 10), site.link("feedfeedfeedfeed")):
        status, page, _ = site.ask(path)
        assert status in (404, 410)
        assert "secret" not in page
    assert site.ask(good, "POST", b"action=explode")[0] == 400
    assert site.ask(good, "PUT")[0] == 405
    assert site.state(name) is State.QUARANTINED
