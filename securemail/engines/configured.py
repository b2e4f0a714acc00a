"""The engines of the configuration."""

from collections.abc import Iterable

from optimails.config.antivirus import AntivirusSettings, EngineKind
from securemail.engines.clamd import Clamd
from securemail.engines.connection import Address
from securemail.engines.icap import Icap


def engines_of(settings: Iterable[AntivirusSettings]) -> list[Clamd | Icap]:
    return [_engine(one) for one in settings]


def _engine(settings: AntivirusSettings) -> Clamd | Icap:
    if settings.socket is not None:
        return Clamd(settings.name, Address(path=str(settings.socket)), settings.timeout)
    host, _, port = settings.address.rpartition(":")
    address = Address(host.strip("[]"), int(port))
    if settings.kind is EngineKind.ICAP:
        return Icap(settings.name, address, settings.service, settings.timeout)
    return Clamd(settings.name, address, settings.timeout)
