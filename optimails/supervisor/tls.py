"""The TLS side of every listener: one OpenSSL context a worker, made from ``[tls]``."""

from OpenSSL import SSL
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer  # type: ignore[import-untyped]  # it has no types

from optimails.config.server import TlsSettings, TlsVersion

_VERSIONS = {TlsVersion.TLS12: SSL.TLS1_2_VERSION, TlsVersion.TLS13: SSL.TLS1_3_VERSION}


class BadCertificate(ValueError):
    """Certificate or key cannot be used; the text says why."""


@implementer(IOpenSSLServerConnectionCreator)
class ServerTls:
    """What ``transport.startTLS`` and ``TLSMemoryBIOFactory`` take."""

    def __init__(self, settings: TlsSettings) -> None:
        """Raises ``BadCertificate``."""
        self.context = context(settings)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:  # noqa: N802  # Twisted's name
        del protocol
        return SSL.Connection(self.context, None)

    def getContext(self) -> SSL.Context:  # noqa: N802  # the same for those who know only the older interface
        return self.context


def context(settings: TlsSettings) -> SSL.Context:
    """TLS 1.2 or later, forward secrecy, no renegotiation, no compression; idle connections keep no buffers.

    Sessions are resumed by tickets (kept by the client), not by a cache here.

    Raises:
        BadCertificate: the files are missing, unreadable, or do not belong together; or ``ciphers`` is wrong.
    """
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(_VERSIONS[settings.minimum_version])
    made.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE)
    made.set_mode(SSL.MODE_RELEASE_BUFFERS)
    made.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    made.set_session_id(b"optimails")
    try:
        made.set_cipher_list(settings.ciphers.encode())
    except SSL.Error as wrong:
        raise BadCertificate(f"[tls] ciphers: OpenSSL knows none of {settings.ciphers!r}") from wrong
    for path in (settings.certificate, settings.key):
        try:
            path.open("rb").close()
        except OSError as wrong:
            raise BadCertificate(f"{path}: {wrong.strerror}") from wrong
    try:
        made.use_certificate_chain_file(str(settings.certificate))
        made.use_privatekey_file(str(settings.key))
        made.check_privatekey()
    except SSL.Error as wrong:
        raise BadCertificate(f"{settings.certificate} and {settings.key}: {_reason(wrong)}") from wrong
    return made


def _reason(wrong: SSL.Error) -> str:
    reasons = [entry[-1] for entry in wrong.args[0]] if wrong.args and isinstance(wrong.args[0], list) else []
    return ", ".join(reason for reason in reasons if reason) or "not PEM, or they do not belong together"
