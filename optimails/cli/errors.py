"""How a command ends: one clear line that says what to do next, and an exit code scripts can rely on."""

from enum import IntEnum
from typing import Any

from optimails.cli.frame import say


class Exit(IntEnum):
    OK = 0
    REFUSED = 1  # we say no, or it failed
    USAGE = 2  # the command line is wrong
    FOUND = 3  # doctor found something
    TEMPORARY = 75  # try again later (EX_TEMPFAIL of sysexits.h)
    INTERRUPTED = 130  # Ctrl-C, as shells count


class CommandFailed(Exception):
    """Ends the command; ``key`` names the text for the user."""

    def __init__(self, key: str, code: Exit = Exit.REFUSED, /, **values: Any) -> None:
        super().__init__(say(key, **values))
        self.code = code
        self.key = key
