"""One running service for all client tests, one for those of calendars; each test has an account of its own."""

import os
from collections.abc import Iterator

import pytest

from tests.support.dav_site import Site
from tests.support.free_ports import free_ports
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


@pytest.fixture(scope="session")
def dav_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Calendars with TLS and, on this machine alone, without; on a plan with sharing."""
    from tests.support.service import Service

    ports = free_ports(2)
    listeners = "".join(
        f'[[listener]]\nprotocol = "http"\naddress = "127.0.0.1:{port}"\ntls = "{tls}"\n'
        for port, tls in zip(ports, ("implicit", "none"), strict=True)
    )
    service = Service(tmp_path_factory.mktemp("dav"), users=12, settings=listeners)
    with service.admin() as admin:
        admin.plan_set("basic", features=["sharing"])
    try:
        service.start()
        yield Site(service, ports[0], "", plain_port=ports[1])
    finally:
        service.stop()
