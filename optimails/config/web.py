"""Settings of the section [web]: what is served over HTTP, and what set-up documents tell mail programs."""

from pydantic import Field

from optimails.config.base import Section

_HOST = r"^[^\s\x00-\x1f<>&\"'/]*$"


class WebSettings(Section):
    """The web worker, and the public names that mail programs are told."""

    provider: str = Field("", max_length=100, description="Name of the service for users; by default the host name.")
    host: str = Field(
        "", max_length=253, pattern=_HOST, description="Public host name of the web; by default [server] hostname."
    )
    port: int = Field(
        0, ge=0, le=65535, description="Its public port; by default that of the first http listener with TLS, else 443."
    )
    imap_host: str = Field(
        "", max_length=253, pattern=_HOST, description="Public host name of IMAP; by default [server] hostname."
    )
    imap_port: int = Field(
        0, ge=0, le=65535,
        description="Public port of IMAP with implicit TLS; by default the first listener with implicit TLS, else the "
        "first with STARTTLS. Without such a listener IMAP is not told of.",
    )  # fmt: skip
    pop3_host: str = Field("", max_length=253, pattern=_HOST, description="The same for POP3.")
    pop3_port: int = Field(0, ge=0, le=65535, description="The same for POP3.")
    submission_host: str = Field("", max_length=253, pattern=_HOST, description="The same for submission.")
    submission_port: int = Field(0, ge=0, le=65535, description="The same for submission.")
    max_connections: int = Field(1_000, ge=1, description="Open connections of a web worker; more are turned away.")
    max_header: int = Field(16_384, ge=1_024, le=1_048_576, description="Bytes of a request's header.")
    max_body: int = Field(16_384, ge=1_024, le=1_048_576, description="Bytes of a request's body.")
    request_timeout: float = Field(15.0, gt=0, description="Seconds a client may take to send its request.")
    answer_timeout: float = Field(
        30.0, gt=0, description="Seconds until an answer is made, and for which a client may refuse to take it."
    )
    keep_alive: int = Field(5, ge=0, le=300, description="Seconds a connection is kept for the next request.")
