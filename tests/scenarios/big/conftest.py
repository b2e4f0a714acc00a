"""One service with limits wide enough for the largest mails we promise."""

from collections.abc import Iterator

import pytest

from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer
from tests.support.service import Service, started

SETTINGS = """
[smtp]
max_message_size = 60000000
"""


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with started(tmp_path_factory.mktemp("big"), users=40, settings=SETTINGS) as running:
        yield running


@pytest.fixture
def peer(service: Service) -> Peer:
    return service.peer


@pytest.fixture
def user(peer: Peer) -> MailUser:
    return peer.fresh_user()


@pytest.fixture
def control(peer: Peer, user: MailUser) -> Iterator[Control]:
    with Control(peer, user) as control:
        yield control
