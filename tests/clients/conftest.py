"""One running service for all client tests; each test has an account of its own."""

import os
from collections.abc import Iterator

import pytest

from tests.support.imap_control import Control
from tests.support.peer import MailUser, Peer


@pytest.fixture(scope="session")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    if os.environ.get("OPTIMAILS_PEER") == "dovecot":
        from tests.support import dovecot

        with dovecot.running() as running:
            yield running
    else:
        from tests.support import service

        with service.running(tmp_path_factory.mktemp("service")) as running:
            yield running


@pytest.fixture
def user(peer: Peer) -> MailUser:
    return peer.fresh_user()


@pytest.fixture
def control(peer: Peer, user: MailUser) -> Iterator[Control]:
    with Control(peer, user) as control:
        yield control
