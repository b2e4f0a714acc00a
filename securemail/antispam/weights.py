"""What each symbol of the antispam rules weighs, all in one place.

A weight is what the symbol adds to the logarithm of the odds: 0.7 doubles them, 2.3 makes them ten times as high. The
learnt model sees much of the same, so these are modest; a symbol that forgers alone can cause may weigh more than one
that careless senders cause as well. 0: it says something else than spam or not.
"""

from typing import Final

from securemail.facts import Fact

VERSION: Final = "1"

WEIGHTS: Final[dict[str, float]] = {
    # header
    "NO_AUTHOR": 1.5,
    "MANY_AUTHORS": 1.5,
    "NO_DATE": 0.7,
    "DATE_IN_FUTURE": 1.2,
    "DATE_LONG_AGO": 0.4,
    "NO_MESSAGE_ID": 0.7,
    "REPLIES_ELSEWHERE": 0.8,
    "SUBJECT_SHOUTS": 0.5,
    "SUBJECT_SPACED": 1.2,
    "FALSE_REPLY": 0.5,
    "NO_RECIPIENTS_NAMED": 0.3,
    # connection and authentication
    "NO_REVERSE_NAME": 0.5,
    "GREETS_AS_US": 2.5,
    "GREETS_WITHOUT_NAME": 0.7,
    "SPF_FAILS": 1.2,
    "SPF_SOFTLY_FAILS": 0.4,
    "DKIM_BROKEN": 0.3,
    "DMARC_REJECTS": 2.5,
    "DMARC_QUARANTINES": 1.8,
    "DMARC_FAILS": 0.5,
    "AUTHOR_PROVEN": -0.4,
    # links
    "LINK_TO_NUMBER": 0.8,
    "LINK_WITH_USER": 2.0,
    "LINK_SAYS_OTHER": 0.8,
    "LINK_HOMOGRAPH": 2.5,
    "LINK_LOOKALIKE": 2.0,
    "LINK_SHORTENED": 0.3,
    "LINK_TO_PROGRAM": 1.5,
    # impersonation
    "NAME_HAS_OTHER_ADDRESS": 1.8,
    "NAME_OF_COLLEAGUE": 2.0,
    "NAME_OF_BRAND": 1.5,
    "AUTHOR_LOOKALIKE": 2.5,
    "AUTHOR_CLAIMS_US": 1.5,
    # structure
    "HIDDEN_TEXT": 0.7,
    "ONLY_AN_IMAGE": 0.8,
    "HTML_FILE_ATTACHED": 1.0,
    "HTML_WITH_FORM": 0.8,
    # phrases, one symbol a subject
    "PHRASES_ADVANCE_FEE": 2.2,
    "PHRASES_CREDENTIALS": 1.5,
    "PHRASES_EXTORTION": 2.5,
    "PHRASES_PARCEL": 1.5,
    "PHRASES_PHARMACY": 1.5,
    "PHRASES_MONEY": 1.2,
    "PHRASES_TRAINING_ACCOUNT": 1.5,
    "PHRASES_MARKETING": 0.8,
    "PHRASES_TRANSFER": 1.0,
    # block lists in the DNS
    "LISTED_CLIENT": 2.0,
    "LISTED_LINK": 2.5,
    # bulk
    "BULK": 0.0,
    "BULK_PROVEN": -1.2,
    "MAILING_LIST": -0.3,
    "AUTOMATIC": 0.0,
}


def fact(analyser: str, symbol: str, *evidence: str) -> Fact:
    """The fact for a symbol of the table, its evidence made short and printable."""
    shown = tuple("".join(one if one.isprintable() else " " for one in text[:120]).strip() for text in evidence[:5])
    return Fact(symbol, WEIGHTS[symbol], shown, analyser, VERSION)
