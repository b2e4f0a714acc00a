"""The sections of the processes themselves: server, TLS, management address, log, store limits."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, field_validator

from optimails.config.base import Section
from optimails.config.listener import host_and_port


class Language(StrEnum):
    ENGLISH = "en"
    FRENCH = "fr"


class ServerSettings(Section):
    """The machine, and how the processes run on it."""

    data: Path = Field(Path(), description="Folder of everything stored: mail, database, sockets.")
    hostname: str = Field(
        "localhost", min_length=1, max_length=253, pattern=r"^[^\s\x00-\x1f]+$",
        description="Full name of this server in greetings and trace headers.",
    )  # fmt: skip
    workers: int = Field(0, ge=0, le=256, description="Mail worker processes; 0 is one per core.")
    spare_worker: bool = Field(
        True, description="Keep one loaded mail worker in reserve, so that a lost one is replaced in a moment."
    )
    user: str = Field("", description="User to become once the sockets are bound, when started as root.")
    group: str = Field("", description="Group to become with `user`; by default the user's own.")
    language: Language = Field(Language.ENGLISH, description="Language of texts where no account's language is known.")
    drain_timeout: float = Field(
        30.0, ge=0, description="Seconds that open connections may go on when a worker stops, before they are closed."
    )
    jobs: bool = Field(True, description="Whether this host runs the periodic jobs (one jobs worker).")
    jobs_interval: float = Field(3600.0, ge=1, description="Seconds between two runs of the periodic jobs.")


class TlsVersion(StrEnum):
    TLS12 = "1.2"
    TLS13 = "1.3"


class TlsSettings(Section):
    """The certificate, and which TLS is spoken."""

    certificate: Path = Field(
        Path("tls/certificate.pem"), description="PEM file: the certificate, then its intermediates. Read at reload."
    )
    key: Path = Field(Path("tls/key.pem"), description="PEM file: the private key.")
    minimum_version: TlsVersion = Field(TlsVersion.TLS12, description="Oldest TLS version that is accepted.")
    ciphers: str = Field(
        "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL",
        description="Cipher suites of TLS 1.2 in OpenSSL's notation; those of TLS 1.3 are OpenSSL's own.",
    )


class ManagementSettings(Section):
    """The HTTP address for health checks and metrics; it has no log-in: keep it private."""

    address: str = Field("127.0.0.1:9180", description='Where to listen, as "host:port"; empty switches it off.')
    minimum_free: int = Field(
        256 * 1024 * 1024, ge=0, description="Bytes the data disk must have free for the service to call itself ready."
    )

    @field_validator("address")
    @classmethod
    def _address(cls, value: str) -> str:
        if value:
            host_and_port(value)
        return value


class LogLevel(StrEnum):
    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    JSON = "json"
    TEXT = "text"


class LogSettings(Section):
    """What is logged, how, and where."""

    level: LogLevel = Field(LogLevel.INFO, description="Least important events that are written.")
    format: LogFormat = Field(LogFormat.JSON, description="One JSON object a line, or text for people.")
    file: Path | None = Field(
        None, description="File to append to (reopened at reload); by default standard error, which journald keeps."
    )
