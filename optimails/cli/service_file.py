"""The configuration file that ``init`` and ``demo`` write, and the sockets it opens."""

import errno
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optimails.config import Listener

FILE_NAME = "optimails.toml"


@dataclass(frozen=True, slots=True)
class Socket:
    """One ``[[listener]]``: ``standard`` is the port the protocol has by right, ``high`` one that needs no rights."""

    protocol: str
    tls: str
    standard: int
    high: int
    private: bool = False  # only for programs on this machine
    high_tls: str = ""  # other TLS on the high port


SOCKETS = (
    Socket("imap", "starttls", 143, 1143),
    Socket("imap", "implicit", 993, 1993),
    Socket("pop3", "starttls", 110, 1110),
    Socket("pop3", "implicit", 995, 1995),
    Socket("smtp", "starttls", 25, 1025),
    Socket("submission", "starttls", 587, 1587),
    Socket("submission", "implicit", 465, 1465),
    Socket("managesieve", "starttls", 4190, 1419),
    Socket("ldap", "starttls", 389, 1389),
    Socket("ldap", "implicit", 636, 1636),
    Socket("http", "implicit", 443, 8080, high_tls="none"),
    Socket("lmtp", "none", 24, 1024, private=True),
)

_HEAD = """\
# Optimails. "optimails config reference" lists every key, "optimails config check" says what is wrong here.
# Paths start from the folder of this file.

[server]
data = "."
hostname = {hostname}
language = {language}
"""
_LISTENER = """
[[listener]]
protocol = "{protocol}"
address = "{host}:{port}"
tls = "{tls}"
"""


def write(  # noqa: PLR0913 - what a new configuration differs in
    path: Path, *, hostname: str, language: str, high_ports: bool, log: str | None = None, filtered: bool = False
) -> None:
    """A new configuration; high ports listen on the loopback interface alone. ``log`` is a file for readable logs,
    ``filtered`` switches the mail filter on."""
    text = _HEAD.format(hostname=json.dumps(hostname), language=json.dumps(language))
    for entry in SOCKETS:
        host = "127.0.0.1" if high_ports or entry.private else "*"
        port = entry.high if high_ports else entry.standard
        tls = entry.high_tls or entry.tls if high_ports else entry.tls
        text += _LISTENER.format(protocol=entry.protocol, tls=tls, host=host, port=port)
    if log is not None:
        text += f'\n[log]\nfile = {json.dumps(log)}\nformat = "text"\n'
    if filtered:
        text += "\n[securemail]\nenabled = true\n"
    temporary = path.with_suffix(".new")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


@dataclass(frozen=True, slots=True)
class Occupied:
    """An address that cannot be opened. ``number`` is the listener's place in the file, from 1."""

    number: int  # 0: the management address
    address: str
    port: int
    code: int  # of the error

    @property
    def forbidden(self) -> bool:
        """Whether the user may not open such a port."""
        return self.code == errno.EACCES


def occupied(listeners: "Sequence[Listener]", management: str = "", *, patience: float = 0.0) -> Occupied | None:
    """The first address that is taken or not allowed, found by binding each for a moment.

    ``patience`` is how many seconds a taken one may take to become free, all of them together: the workers of a
    service that was killed are on their way out.
    """
    from optimails.config.listener import host_and_port  # noqa: PLC0415 - when needed

    addresses = [(number, listener.address) for number, listener in enumerate(listeners, 1)]
    if management:
        addresses.append((0, management))
    until = time.monotonic() + patience
    for number, address in addresses:
        host, port = host_and_port(address)
        while (code := _trouble(host, port)) == errno.EADDRINUSE and time.monotonic() < until:
            time.sleep(0.05)
        if code:
            return Occupied(number, address, port, code)
    return None


def _trouble(host: str, port: int) -> int:
    """The error's number, 0 without one."""
    try:
        _try(host, port)
    except OSError as wrong:
        return wrong.errno or errno.EINVAL
    return 0


def _try(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
            probe.listen(1)
    except OSError:
        if host or family is socket.AF_INET:
            raise
        _try("0.0.0.0", port)  # noqa: S104 - a machine without IPv6; every interface is what the file asks for
