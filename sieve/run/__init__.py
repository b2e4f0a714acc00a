"""Scripts are carried out here: a message and its surroundings in, a list of typed actions out. Pure, without I/O.

What a script asks of the world (mailboxes, other scripts, what was seen before) it asks of an ``Environment``; whoever
runs it carries the actions out. ``run`` gives an ``Outcome``, or raises ``ScriptFailed``: then everything is kept.
"""

from sieve.run.actions import Action, Outcome
from sieve.run.environment import Environment, ScriptFailed
from sieve.run.machine import run
from sieve.run.message import Message

__all__ = ["Action", "Environment", "Message", "Outcome", "ScriptFailed", "run"]
