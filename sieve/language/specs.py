"""What each command and test takes: one row each, with the extension that brings it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto


class Type(Enum):
    STRING = auto()  # one
    STRINGS = auto()  # one or a list
    NUMBER = auto()


@dataclass(frozen=True, slots=True)
class Tag:
    """``group``: tags of one group exclude each other, and the node has the given one's name under the group's."""

    type: Type | None = None
    extension: str = ""
    group: str = ""


class Block(Enum):
    NONE = auto()
    NEEDED = auto()


@dataclass(frozen=True, slots=True)
class Spec:
    """``keys`` is the place of the keys that a match type compares with, counted from the end; 0: there are none."""

    extensions: tuple[str, ...] = ()  # any of these brings it
    tags: Mapping[str, Tag] = field(default_factory=dict)
    arguments: tuple[Type, ...] = ()
    optional: int = 0  # arguments at the front that may be left out
    trailing: int = 0  # arguments at the end that may be left out
    tests: str = ""  # "one", "list", or none
    block: Block = Block.NONE
    keys: bool = False  # the last argument is compared with


S, L, N = Type.STRING, Type.STRINGS, Type.NUMBER

_MATCH = {
    "comparator": Tag(S),
    "is": Tag(group="match"),
    "contains": Tag(group="match"),
    "matches": Tag(group="match"),
    "regex": Tag(group="match", extension="regex"),
    "count": Tag(S, "relational", "match"),
    "value": Tag(S, "relational", "match"),
}
_PART = {
    "localpart": Tag(group="part"),
    "domain": Tag(group="part"),
    "all": Tag(group="part"),
    "user": Tag(group="part", extension="subaddress"),
    "detail": Tag(group="part", extension="subaddress"),
}
_INDEX = {"index": Tag(N, "index"), "last": Tag(extension="index")}
_MIME = {"mime": Tag(extension="mime"), "anychild": Tag(extension="mime")}
_MIME_HEADER = {
    **_MIME,
    "type": Tag(extension="mime", group="of"),
    "subtype": Tag(extension="mime", group="of"),
    "contenttype": Tag(extension="mime", group="of"),
    "param": Tag(L, "mime", "of"),
}
_STORE = {
    "flags": Tag(L, "imap4flags"),
    "create": Tag(extension="mailbox"),
    "specialuse": Tag(S, "special-use"),
    "mailboxid": Tag(S, "mailboxid"),
}
_FCC = {"fcc": Tag(S, "fcc"), **_STORE}
_CHANGE = {
    "lower": Tag(group="case"),
    "upper": Tag(group="case"),
    "lowerfirst": Tag(group="capital"),
    "upperfirst": Tag(group="capital"),
    "quotewildcard": Tag(group="quote"),
    "quoteregex": Tag(group="quote", extension="regex"),
    "encodeurl": Tag(group="encode", extension="enotify"),
    "length": Tag(group="length"),
}

COMMANDS: dict[str, Spec] = {
    # RFC 5228
    "require": Spec(arguments=(L,)),
    "if": Spec(tests="one", block=Block.NEEDED),
    "elsif": Spec(tests="one", block=Block.NEEDED),
    "else": Spec(block=Block.NEEDED),
    "stop": Spec(),
    "keep": Spec(tags={"flags": Tag(L, "imap4flags")}),
    "discard": Spec(),
    "redirect": Spec(tags={"copy": Tag(extension="copy")}, arguments=(S,)),
    "fileinto": Spec(("fileinto",), {"copy": Tag(extension="copy"), **_STORE}, (S,)),
    # RFC 5429
    "reject": Spec(("reject",), arguments=(S,)),
    "ereject": Spec(("ereject",), arguments=(S,)),
    # RFC 5229
    "set": Spec(("variables",), _CHANGE, (S, S)),
    # RFC 5232
    "setflag": Spec(("imap4flags",), arguments=(S, L), optional=1),
    "addflag": Spec(("imap4flags",), arguments=(S, L), optional=1),
    "removeflag": Spec(("imap4flags",), arguments=(S, L), optional=1),
    # RFC 5230, RFC 6131, RFC 8580
    "vacation": Spec(
        ("vacation",),
        {
            "days": Tag(N, group="period"),
            "seconds": Tag(N, "vacation-seconds", "period"),
            "subject": Tag(S),
            "from": Tag(S),
            "addresses": Tag(L),
            "mime": Tag(),
            "handle": Tag(S),
            **_FCC,
        },
        (S,),
    ),
    # RFC 5435
    "notify": Spec(
        ("enotify",),
        {"from": Tag(S), "importance": Tag(S), "options": Tag(L), "message": Tag(S), **_FCC},
        (S,),
    ),
    # RFC 5293
    "addheader": Spec(("editheader",), {"last": Tag()}, (S, S)),
    "deleteheader": Spec(("editheader",), {"index": Tag(N), "last": Tag(), **_MATCH}, (S, L), keys=True, trailing=1),
    # RFC 6609
    "include": Spec(
        ("include",),
        {"personal": Tag(group="location"), "global": Tag(group="location"), "once": Tag(), "optional": Tag()},
        (S,),
    ),
    "return": Spec(("include",)),
    "global": Spec(("include",), arguments=(L,)),
    # RFC 5463
    "error": Spec(("ihave",), arguments=(S,)),
    # RFC 5703
    "foreverypart": Spec(("foreverypart",), {"name": Tag(S)}, block=Block.NEEDED),
    "break": Spec(("foreverypart",), {"name": Tag(S)}),
    "extracttext": Spec(("extracttext",), {"first": Tag(N), **_CHANGE}, (S,)),
}

TESTS: dict[str, Spec] = {
    # RFC 5228
    "address": Spec(tags={**_MATCH, **_PART, **_INDEX, **_MIME}, arguments=(L, L), keys=True),
    "allof": Spec(tests="list"),
    "anyof": Spec(tests="list"),
    "envelope": Spec(("envelope",), {**_MATCH, **_PART}, (L, L), keys=True),
    "exists": Spec(tags=_MIME, arguments=(L,)),
    "false": Spec(),
    "header": Spec(tags={**_MATCH, **_INDEX, **_MIME_HEADER}, arguments=(L, L), keys=True),
    "not": Spec(tests="one"),
    "size": Spec(tags={"over": Tag(group="than"), "under": Tag(group="than")}, arguments=(N,)),
    "true": Spec(),
    # RFC 5229
    "string": Spec(("variables",), _MATCH, (L, L), keys=True),
    # RFC 5232
    "hasflag": Spec(("imap4flags",), _MATCH, (L, L), optional=1, keys=True),
    # RFC 5173
    "body": Spec(
        ("body",),
        {**_MATCH, "raw": Tag(group="of"), "content": Tag(L, group="of"), "text": Tag(group="of")},
        (L,),
        keys=True,
    ),
    # RFC 5260
    "date": Spec(
        ("date",),
        {**_MATCH, **_INDEX, "zone": Tag(S, group="where"), "originalzone": Tag(group="where")},
        (S, S, L),
        keys=True,
    ),
    "currentdate": Spec(("date",), {**_MATCH, "zone": Tag(S)}, (S, L), keys=True),
    # RFC 5183
    "environment": Spec(("environment",), _MATCH, (S, L), keys=True),
    # RFC 5490, RFC 9042, RFC 8579
    "mailboxexists": Spec(("mailbox",), arguments=(L,)),
    "mailboxidexists": Spec(("mailboxid",), arguments=(L,)),
    "specialuse_exists": Spec(("special-use",), arguments=(S, L), optional=1),
    "metadata": Spec(("mboxmetadata",), _MATCH, (S, S, L), keys=True),
    "metadataexists": Spec(("mboxmetadata",), arguments=(S, L)),
    "servermetadata": Spec(("servermetadata",), _MATCH, (S, L), keys=True),
    "servermetadataexists": Spec(("servermetadata",), arguments=(L,)),
    # RFC 5463
    "ihave": Spec(("ihave",), arguments=(L,)),
    # RFC 7352
    "duplicate": Spec(
        ("duplicate",),
        {
            "handle": Tag(S),
            "header": Tag(S, group="by"),
            "uniqueid": Tag(S, group="by"),
            "seconds": Tag(N),
            "last": Tag(),
        },
    ),
    # RFC 5435
    "valid_notify_method": Spec(("enotify",), arguments=(L,)),
    "notify_method_capability": Spec(("enotify",), _MATCH, (S, S, L), keys=True),
}

EXTENSIONS = (
    "fileinto",
    "reject",
    "ereject",
    "envelope",
    "encoded-character",
    "comparator-i;octet",
    "comparator-i;ascii-casemap",
    "comparator-i;ascii-numeric",
    "relational",
    "regex",
    "imap4flags",
    "copy",
    "include",
    "variables",
    "body",
    "subaddress",
    "vacation",
    "vacation-seconds",
    "date",
    "index",
    "environment",
    "mailbox",
    "ihave",
    "duplicate",
    "mime",
    "foreverypart",
    "extracttext",
    "editheader",
    "enotify",
    "special-use",
    "mailboxid",
    "fcc",
    "mboxmetadata",
    "servermetadata",
    "imapsieve",
)
"""All that ``require`` knows, in the order in which ManageSieve announces them."""

IMPLIED = {"vacation-seconds": ("vacation",)}
"""RFC 6131 §2: requiring the one brings the other."""
ANNOUNCED = tuple(name for name in EXTENSIONS if name not in ("comparator-i;octet", "comparator-i;ascii-casemap"))
NOTIFY_METHODS = ("mailto",)
COMPARATORS = {"i;octet", "i;ascii-casemap", "i;ascii-numeric"}
ADDRESS_FIELDS = frozenset(
    {
        "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc",
        "resent-bcc", "resent-sender", "resent-reply-to", "return-path", "delivered-to",
        "x-original-to", "envelope-to", "x-envelope-to", "errors-to", "apparently-to",
        "disposition-notification-to", "return-receipt-to", "mail-followup-to", "mail-reply-to",
        "x-delivered-to", "list-post", "approved", "for-approval", "for-handling", "for-comment",
    }
)  # fmt: skip
"""Header fields that hold addresses: others are refused by the test ``address`` (RFC 5228 §5.1)."""
DATE_PARTS = frozenset(
    {
        "year", "month", "day", "date", "julian", "hour", "minute", "second", "time", "iso8601",
        "std11", "zone", "weekday",
    }
)  # fmt: skip
"""RFC 5260 §4.2."""
