"""Names that nothing else has, where guessing one opens nothing."""

import random
import secrets

_dice = random.Random(secrets.randbits(256))  # noqa: S311 - no secrets are made of it


def token(size: int) -> str:
    """So many random bytes as hexadecimal digits.

    The kernel is asked once, not each time: a thread that asks lets another one have the interpreter, and waits for it.
    """
    return f"{_dice.getrandbits(8 * size):0{2 * size}x}"
