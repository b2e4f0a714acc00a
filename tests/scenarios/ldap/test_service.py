"""The running service asked by real programs: OpenLDAP's ldapsearch and whoami, and ldap3."""

import contextlib
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator

import ldap3
import pytest
from ldap3.core.exceptions import LDAPExceptionError

from optimails.directory.admin import Shown
from tests.support.eventually import eventually
from tests.support.ldap_door import bind, search
from tests.support.pictures import jpeg
from tests.support.programs import need
from tests.support.service import DOMAIN, PASSWORD, Service

SUFFIX = "dc=example,dc=org"
USER = f"user00@{DOMAIN}"
OUTLOOK = "(&(mail=*)(|(mail={0}*)(|(cn={0}*)(|(sn={0}*)(|(givenName={0}*)(displayName={0}*))))))"


@pytest.fixture(scope="module")
def ports(service: Service) -> list[int]:
    return [service.peer.ports["ldap"], service.peer.ports["ldaps"]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("ldap"), users=4, settings="[ldapd]\nlogin_timeout = 1.0\n")
    with made.admin() as admin:
        known = {"title": "Chief", "phone": "+33 1 23 45", "department": "Sales", "manager": f"user02@{DOMAIN}"}
        admin.account_set(f"user01@{DOMAIN}", name="Zoé Lefèvre", shown=Shown(known, jpeg()))
        admin.account_set(f"user03@{DOMAIN}", shown=Shown(hidden=True))
        admin.list_add(f"team@{DOMAIN}", name="The team")
        admin.domain_add("other.test")
        admin.account_add("someone@other.test", password=PASSWORD)
    made.start()
    yield made
    made.stop()


def ldapsearch(
    service: Service, url: str, *words: str, user: str = USER, password: str = PASSWORD, code: int = 0
) -> str:
    need("ldapsearch")
    done = subprocess.run(
        ["ldapsearch", "-LLL", "-o", "ldif_wrap=no", "-x", "-H", url, "-D", user, "-w", password, *words],
        env=os.environ | {"LDAPTLS_CACERT": str(service.peer.ca_file)}, capture_output=True, text=True, timeout=30,
        check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def test_ldapsearch_under_tls_by_both_ways(service, ports):
    plain, secure = (f"{scheme}://127.0.0.1:{port}" for scheme, port in zip(("ldap", "ldaps"), ports, strict=True))
    for words in ((plain, "-ZZ"), (secure,)):
        found = ldapsearch(service, *words, "-b", SUFFIX, OUTLOOK.format("zoe"), "cn", "mail", "title", "manager")
        assert f"dn: uid=user01,ou=people,{SUFFIX}" in found
        assert "title: Chief" in found
        assert f"manager: uid=user02,ou=people,{SUFFIX}" in found
        assert found.count("dn: ") == 1
    everybody = ldapsearch(service, secure, "-b", "", "-E", "pr=2/noprompt", "(mail=*)", "mail")
    assert sorted(line for line in everybody.splitlines() if line.startswith("mail: ")) == [
        f"mail: {one}@{DOMAIN}" for one in ("team", "user00", "user01", "user02")
    ]
    assert "attributeTypes: ( 2.5.4.3 " in ldapsearch(service, secure, "-b", "cn=Subschema", "-s", "base", "+")


def test_names_that_programs_log_in_with(service, ports):
    secure = f"ldaps://127.0.0.1:{ports[1]}"
    for user in (f"uid=user00,ou=people,{SUFFIX}", f"cn={USER}", USER.upper()):
        assert "dn: " in ldapsearch(service, secure, "-b", SUFFIX, "(uid=user00)", "mail", user=user)
    assert "Invalid credentials (49)" in ldapsearch(service, secure, password="wrong", code=49)
    others = ldapsearch(service, secure, "-b", "dc=other,dc=test", "(mail=*)", user="someone@other.test")
    assert "someone@other.test" in others
    assert DOMAIN not in others
    assert "No such object" in ldapsearch(service, secure, "-b", "dc=other,dc=test", code=32)


def test_ldap3_reads_schema_photo_and_pages(service, ports):
    server = ldap3.Server("localhost", port=ports[1], use_ssl=True, get_info=ldap3.ALL)
    with ldap3.Connection(server, USER, PASSWORD, auto_bind=True, check_names=True) as connection:
        assert server.info.naming_contexts == [SUFFIX]
        assert "inetOrgPerson" in server.schema.object_classes
        connection.search(SUFFIX, "(uid=user01)", attributes=["jpegPhoto", "telephoneNumber"])
        (zoe,) = connection.entries
        assert zoe.jpegPhoto.raw_values == [jpeg()]
        assert zoe.telephoneNumber.value == "+33 1 23 45"
        found = connection.extend.standard.paged_search(SUFFIX, "(objectClass=*)", paged_size=3, generator=False)
        assert len(found) == 9
        assert connection.extend.standard.who_am_i() == f"u:{USER}"
        with contextlib.suppress(LDAPExceptionError):
            connection.delete(f"uid=user01,ou=people,{SUFFIX}")
        assert connection.result["description"] == "unwillingToPerform"


def test_a_new_password_ends_open_sessions(service, ports, tmp_path):
    server = ldap3.Server("localhost", port=ports[1], use_ssl=True, get_info=ldap3.NONE)
    with ldap3.Connection(server, f"user02@{DOMAIN}", PASSWORD, auto_bind=True) as connection:
        assert connection.search(SUFFIX, "(uid=user02)")
        (tmp_path / "new").write_text("another word\n")
        service.optimails("account", "password", f"user02@{DOMAIN}", "--password-file", str(tmp_path / "new"))

        def out() -> bool:
            try:
                return not connection.search(SUFFIX, "(uid=user02)")
            except LDAPExceptionError:
                return True

        assert eventually(out)


def test_who_dawdles_or_talks_nonsense_is_let_go(service, ports):
    context = ssl.create_default_context(cafile=service.peer.ca_file)
    slow = context.wrap_socket(socket.create_connection(("localhost", ports[1])), server_hostname="localhost")
    request = bind(1, USER, PASSWORD)
    with slow, contextlib.suppress(OSError):
        for at in range(len(request) - 1):  # a byte now and then: the request never ends
            slow.send(request[at : at + 1])
            slow.settimeout(0.2)
            with contextlib.suppress(TimeoutError):
                assert b"1.3.6.1.4.1.1466.20036" in slow.recv(1_000)
                break
        else:
            pytest.fail("nobody hung up")
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\x30\x84\x7f\xff\xff\xff", os.urandom(5_000), search(1)[:20]):
        with socket.create_connection(("localhost", ports[0])) as stranger:
            stranger.sendall(nonsense)
            stranger.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):
                while stranger.recv(10_000):
                    pass
    assert "dn: " in ldapsearch(service, f"ldaps://127.0.0.1:{ports[1]}", "-b", SUFFIX, "(uid=user00)", "mail")
