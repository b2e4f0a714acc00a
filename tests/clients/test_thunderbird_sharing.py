"""Thunderbird at mailboxes of others: it finds their namespaces by itself, reads, marks and files there."""

from collections.abc import Iterator

import pytest

from tests.clients.thunderbird.thunderbird import Thunderbird, started
from tests.support import messages
from tests.support.eventually import eventually
from tests.support.imap_control import Control
from tests.support.peer import MailUser
from tests.support.service import Service

pytestmark = [pytest.mark.timeout(180), pytest.mark.slow]
MAILS = [messages.plain(number) for number in range(3)]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("service"), users=2)
    with service.admin() as admin:
        admin.plan_set("basic", features=["sharing"])
    service.start()
    yield service
    service.stop()


@pytest.fixture(scope="module")
def users(service: Service) -> tuple[MailUser, MailUser]:
    """The owner, and who looks."""
    return service.peer.fresh_user(), service.peer.fresh_user()


@pytest.fixture(scope="module")
def owner(service: Service, users: tuple[MailUser, MailUser]) -> Iterator[Control]:
    with Control(service.peer, users[0]) as control:
        control.append("INBOX", *MAILS)
        control.create("Projects")
        for mailbox in ("INBOX", "Projects"):
            control.ok(control.imap.setacl(mailbox, users[1].login, "lrswite"))
        yield control


@pytest.fixture(scope="module")
def thunderbird(
    service: Service, users: tuple[MailUser, MailUser], owner: Control, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Thunderbird]:
    with Control(service.peer, users[1]) as control:
        for mailbox in ("INBOX", "Projects"):
            control.ok(control.imap.subscribe(f'"{place(users, mailbox)}"'))
    with started(tmp_path_factory.mktemp("thunderbird"), service.peer, users[1]) as running:
        running.call("connect")
        yield running


def place(users: tuple[MailUser, MailUser], mailbox: str) -> str:
    return f"Other Users/{users[0].login}/{mailbox}"


def test_what_is_shared_is_found_read_marked_and_filed(
    thunderbird: Thunderbird, owner: Control, users: tuple[MailUser, MailUser]
) -> None:
    inbox, projects = place(users, "INBOX"), place(users, "Projects")
    thunderbird.call("update", inbox)
    assert eventually(lambda: len(thunderbird.call("list", inbox)) == len(MAILS))
    assert "Message 0001" in thunderbird.call("list", inbox)[1]["subject"]
    thunderbird.call("mark", inbox, "Message 0001")

    def flags() -> set[str]:
        (found,) = [seen.flags for seen in owner.messages() if b"<0.1@" in seen.content]
        return {flag.lower() for flag in found}

    # Flags are everybody's, what she has read is hers.
    assert eventually(lambda: "\\flagged" in flags()), flags()
    assert "\\seen" not in flags()
    assert eventually(lambda: [one["read"] for one in thunderbird.call("list", inbox)] == [False, True, False])
    thunderbird.call("move", inbox, "Message 0002", projects)
    assert eventually(lambda: owner.contents("Projects") == [MAILS[2]])
    assert eventually(lambda: MAILS[2] not in owner.contents())
    thunderbird.call("move", inbox, "Message 0000", "Drafts")
    assert eventually(lambda: len(owner.contents()) == 1)
