"""The analysers that filter workers ask, in their order."""

from securemail.analyser import Analyser
from securemail.antispam.bayes import Bayes
from securemail.antispam.bulk import Bulk
from securemail.antispam.header import Header
from securemail.antispam.impersonation import Impersonation
from securemail.antispam.learned import Learned, start_model
from securemail.antispam.phrases import Phrases
from securemail.antispam.senders import Checked, Connection
from securemail.antispam.structure import Structure
from securemail.antispam.urls import Urls


def all_analysers() -> tuple[Analyser, ...]:
    """Made once in each worker: what they have learnt is loaded here."""
    # What is shipped knows English mail of 2002 best, and would put one business mail in fifteen into the grey zone: it
    # watches, until a model that has seen mail of today takes its place.
    return (
        Connection(), Checked(), Header(), Structure(), Urls(), Impersonation(), Phrases(), Bulk(), Bayes(),
        Learned(start_model(), shadow=True),
    )  # fmt: skip
