"""Sieve scripts (RFC 5228): bytes in, a checked tree out, or one ``SieveError`` with its place. Pure.

``tokens`` splits the text, ``syntax`` knows the generic grammar, ``specs`` has the table of all commands and tests,
``check`` compares the two: what comes out of ``compile_script`` can be run by ``sieve.run`` without further questions.
"""

from sieve.language.check import compile_script
from sieve.language.errors import SieveError
from sieve.language.limits import Limits
from sieve.language.tree import Node, Script

__all__ = ["Limits", "Node", "Script", "SieveError", "compile_script"]
