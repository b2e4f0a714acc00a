"""The configuration: one TOML file, typed, with every key documented.

``load`` reads it; every other part receives the ``Config`` and reads its own section. Each door keeps its section in
a file of its own here.
"""

from optimails.config.base import Section, read_secret
from optimails.config.listener import Listener, Protocol, TlsMode
from optimails.config.load import ConfigError, load, parse
from optimails.config.reference import reference
from optimails.config.root import Config

__all__ = [
    "Config",
    "ConfigError",
    "Listener",
    "Protocol",
    "Section",
    "TlsMode",
    "load",
    "parse",
    "read_secret",
    "reference",
]
