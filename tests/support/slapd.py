"""A private OpenLDAP server from Debian's package: own data, loopback only, TLS by a test authority."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import ldap3
import pytest
from ldap3.core.exceptions import LDAPException

from tests.support import certificates
from tests.support.free_ports import free_ports

PACKAGES = "slapd ldap-utils"
BASE = "dc=corp,dc=test"
ADMIN = f"cn=admin,{BASE}"
ADMIN_PASSWORD = "directory manager"

# What Active Directory and qmail bring along and OpenLDAP does not; numbers of the range for examples (RFC 5612).
_SCHEMA = """
attributetype ( 1.3.6.1.4.1.32473.1.1 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.26{256} )
attributetype ( 1.3.6.1.4.1.32473.1.2 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.3.6.1.4.1.32473.1.3 NAME 'mailPlan' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
attributetype ( 1.3.6.1.4.1.32473.1.4 NAME 'mailQuota' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.3.6.1.4.1.32473.2.1 NAME 'mailThing' SUP top AUXILIARY
  MAY ( mail $ mailAlternateAddress $ proxyAddresses $ mailPlan $ mailQuota ) )
"""


class Slapd:
    """A running server with the base entry, ``ou=people`` and ``ou=groups``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca, self._certificate, self._key = certificates.make(folder / "tls")
        self.port, self.tls_port = free_ports(2)
        self._process: subprocess.Popen[bytes] | None = None
        (folder / "data").mkdir()
        (folder / "extra.schema").write_text(_SCHEMA)
        (folder / "slapd.conf").write_text(self._config())

    def _config(self) -> str:
        schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson"))
        return (
            f"{schemas}include {self.folder}/extra.schema\n"
            "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            f"pidfile {self.folder}/pid\nargsfile {self.folder}/args\n"
            f"TLSCACertificateFile {self.ca}\nTLSCertificateFile {self._certificate}\n"
            f"TLSCertificateKeyFile {self._key}\n"
            # As many servers do, for the sake of old programs: what our own check must hold against.
            "allow bind_anon_dn bind_anon_cred\n"
            f'database mdb\nsuffix "{BASE}"\nrootdn "{ADMIN}"\nrootpw "{ADMIN_PASSWORD}"\n'
            f"directory {self.folder}/data\nmaxsize 10485760\nindex mail eq\n"
            "access to attrs=userPassword by anonymous auth by * none\n"
            'access to * by dn.exact="cn=reader,' + BASE + '" read by anonymous auth\n'
        )

    def start(self) -> None:
        hosts = f"ldap://127.0.0.1:{self.port}/ ldaps://127.0.0.1:{self.tls_port}/"
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [_program(), "-f", self.folder / "slapd.conf", "-h", hosts, "-d", "0"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
        )  # fmt: skip
        deadline = time.monotonic() + 20
        while True:
            try:
                self.admin().unbind()
                return
            except LDAPException:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise AssertionError((self.folder / "log").read_text()) from None
                time.sleep(0.05)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def admin(self) -> ldap3.Connection:
        server = ldap3.Server("127.0.0.1", port=self.port, get_info=ldap3.NONE)
        return ldap3.Connection(server, ADMIN, ADMIN_PASSWORD, auto_bind=True, raise_exceptions=True)

    def add(self, dn: str, classes: list[str], **attributes: object) -> str:
        """A new entry below the base; gives its full DN."""
        connection = self.admin()
        connection.add(f"{dn},{BASE}" if dn else BASE, classes, attributes)
        connection.unbind()
        return f"{dn},{BASE}"

    def person(self, uid: str, mail: str, password: str, **attributes: object) -> str:
        return self.add(
            f"uid={uid},ou=people", ["inetOrgPerson", "mailThing"],
            cn=attributes.pop("cn", uid), sn=uid, mail=mail, userPassword=password, **attributes,
        )  # fmt: skip

    def group(self, name: str, mail: str, members: list[str]) -> str:
        return self.add(f"cn={name},ou=groups", ["groupOfNames", "mailThing"], mail=mail, member=members)


def _program() -> str:
    program = shutil.which("slapd", path="/usr/sbin:/usr/local/sbin:/usr/libexec")
    if program is None:
        pytest.skip(f"OpenLDAP is not installed (Debian packages {PACKAGES})")
    return program


@contextmanager
def slapd() -> Iterator[Slapd]:
    """A server for the length of the block; skips where OpenLDAP is not installed."""
    _program()
    folder = Path(tempfile.mkdtemp(prefix="slapd-test-"))
    try:
        server = Slapd(folder)
        server.start()
        try:
            server.add("", ["dcObject", "organization"], dc="corp", o="Corp")
            server.add("ou=people", ["organizationalUnit"], ou="people")
            server.add("ou=groups", ["organizationalUnit"], ou="groups")
            server.add("cn=reader", ["organizationalRole", "simpleSecurityObject"], userPassword="reads all")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
