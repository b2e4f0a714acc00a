"""What filters are told beside the commands: Sendmail's macros, with the values that make sense here.

Names of one letter stand as they are, longer ones in braces. A filter may choose its own for each stage; what we do not
know is left out, as Sendmail does.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from optimails.model.address import EmailAddress
from smtp.milter.wire import Stage

NOBODY_KNOWS = "unknown"  # what Postfix says of a client without a name; filters know it
USUAL: Mapping[Stage, tuple[str, ...]] = {
    Stage.CONNECT: ("j", "_", "v", "{daemon_name}", "{daemon_addr}", "{daemon_port}", "{client_addr}", "{client_name}",
                    "{client_ptr}", "{client_port}"),
    Stage.HELO: ("{tls_version}", "{cipher}", "{cipher_bits}"),
    Stage.MAIL: ("i", "{auth_type}", "{auth_authen}", "{auth_author}", "{mail_addr}", "{mail_host}", "{mail_mailer}"),
    Stage.RCPT: ("i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"),
    Stage.DATA: ("i",),
    Stage.EOH: ("i",),
    Stage.END: ("i",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tls:
    """What protects the client's connection."""

    version: str  # "TLSv1.3"
    cipher: str
    bits: int


@dataclass(frozen=True, slots=True)
class Client:
    """Who sends, and to whom it is connected."""

    address: str  # empty: a Unix socket
    port: int
    name: str  # its host name, empty when nobody knows
    hello: str
    hostname: str  # ours
    listener: str
    server_address: str = ""
    server_port: int = 0
    tls: Tls | None = None
    mechanism: str = ""  # of its log-in
    login: str = ""


def name_of(client: Client) -> str:
    """Its host name; never empty."""
    return client.name or (NOBODY_KNOWS if client.address else "localhost")


def of_client(client: Client) -> dict[str, str]:
    """Everything that is known from the beginning; what is unknown is not there."""
    name = name_of(client)
    known = {
        "j": client.hostname,
        "v": "Optimails",
        "_": f"{name} [{client.address}]" if client.address else name,
        "{daemon_name}": client.listener,
        "{daemon_addr}": client.server_address,
        "{daemon_port}": str(client.server_port or ""),
        "{client_addr}": client.address,
        "{client_name}": name,
        "{client_ptr}": name,
        "{client_port}": str(client.port or ""),
        "{auth_type}": client.mechanism,
        "{auth_authen}": client.login,
    }
    if client.tls is not None:
        known |= {
            "{tls_version}": client.tls.version,
            "{cipher}": client.tls.cipher,
            "{cipher_bits}": str(client.tls.bits),
        }
    return {name: value for name, value in known.items() if value}


def of_sender(identifier: str, sender: EmailAddress | None) -> dict[str, str]:
    known = {"i": identifier, "{mail_mailer}": "smtp", "{mail_addr}": str(sender or "")}
    return known | ({"{mail_host}": sender.domain} if sender else {})


def of_recipient(recipient: EmailAddress, *, local: bool) -> dict[str, str]:
    mailer = "local" if local else "smtp"
    return {"{rcpt_addr}": str(recipient), "{rcpt_host}": recipient.domain, "{rcpt_mailer}": mailer}


def at(stage: Stage, known: Mapping[str, str], chosen: Mapping[Stage, tuple[str, ...]]) -> dict[str, str]:
    """Those of ``known`` that are told at a stage."""
    names = (_braced(name) for name in chosen.get(stage, USUAL[stage]))
    return {name: known[name] for name in names if name in known}


def _braced(name: str) -> str:
    return name if len(name) == 1 or name.startswith("{") else f"{{{name}}}"
