"""Mail to many, lists and machines: not spam by itself, but another kind of mail than a letter.

Who sends to many, gives a way to leave (RFC 2369, RFC 8058) and proves who he is, is no spammer in hiding: what is
unwanted of it is a question of the reader's taste, which classes answer, and not one of spam.
"""

from optimails.authentication import Result
from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact

_TRACES = ("feedback-id", "x-campaign", "x-campaignid", "x-campaign-id", "x-mailing", "x-csa-complaints", "x-mc-user")


class Bulk:
    name = "bulk"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        """``MAILING_LIST``, or ``BULK`` and ``BULK_PROVEN``, and ``AUTOMATIC``."""
        found = []
        leave = examined.field("list-unsubscribe")
        precedence = examined.field("precedence").strip().lower()
        if examined.value("list-post") or (examined.value("list-id") and precedence == "list"):
            found.append(fact(self.name, "MAILING_LIST", examined.field("list-id") or examined.field("list-post")))
        elif leave or precedence in ("bulk", "junk") or any(examined.value(name) for name in _TRACES):
            found.append(fact(self.name, "BULK", leave or precedence))
            proven = context.authentication is not None and context.authentication.dmarc.result is Result.PASS
            if proven and ("https://" in leave.lower() or "mailto:" in leave.lower()):
                found.append(fact(self.name, "BULK_PROVEN", examined.author_domain))
        # RFC 3834 §5: "no" is a person
        automatic = examined.field("auto-submitted").strip().lower()
        if (automatic and automatic != "no") or (context.recipients and context.sender is None and context.client):
            found.append(fact(self.name, "AUTOMATIC", automatic or "<>"))
        return found
