"""The analysers that filter workers ask, in their order."""

from securemail.analyser import Analyser


def all_analysers() -> tuple[Analyser, ...]:
    """Made once in each worker: what they have learnt is loaded here."""
    return ()
