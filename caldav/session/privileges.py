"""DAV's privileges (RFC 3744 §3, RFC 4791 §6.1.1) and our rights, both ways."""

from caldav.wire.names import href
from optimails.model.rights import EVERYTHING, Right

_SHOWN = (  # the right of ours that gives each
    ("D:read", Right.READ),
    ("D:write-content", Right.WRITE),
    ("D:write-properties", Right.ADMINISTER),
    ("D:bind", Right.INSERT),
    ("D:unbind", Right.REMOVE),
    ("D:read-acl", Right.ADMINISTER),
    ("D:write-acl", Right.ADMINISTER),
    ("D:read-current-user-privilege-set", Right.LOOKUP),
    ("C:read-free-busy", Right.FREE_BUSY),
)
_WRITES = Right.WRITE | Right.INSERT | Right.REMOVE | Right.EXPUNGE
GIVES = {
    "D:all": EVERYTHING,
    "D:read": Right.READ | Right.LOOKUP | Right.SEEN | Right.FREE_BUSY,
    "D:write": _WRITES,
    "D:write-content": Right.WRITE,
    "D:bind": Right.INSERT,
    "D:unbind": Right.REMOVE | Right.EXPUNGE,
    "D:write-acl": Right.ADMINISTER,
    "C:read-free-busy": Right.FREE_BUSY,
    "D:read-current-user-privilege-set": Right.LOOKUP,
}
"""What a request for a privilege gives of ours."""
_LACKS = {Right.ADMINISTER: "D:write-acl", Right.DELETE: "D:unbind"}
ABSTRACT = frozenset({"D:write-properties", "D:read-acl"})
"""Privileges that are told and come with others: who may call it something else for all is who may say who sees it."""


def names_of(rights: Right, *, properties: bool = False) -> list[str]:
    """Privileges, each by itself and as the sums; ``properties``: one has one's own, whatever one's rights are."""
    if Right.READ in rights:
        rights |= Right.FREE_BUSY  # RFC 4791 §6.1.1
    names = [name for name, right in _SHOWN if right in rights or (properties and name == "D:write-properties")]
    if all(right in rights for right in (Right.WRITE, Right.INSERT, Right.REMOVE)):
        names.append("D:write")
    if EVERYTHING & ~rights == Right(0):
        names.append("D:all")
    return names


def privileges(rights: Right, *, properties: bool = False) -> str:
    """For D:current-user-privilege-set and D:grant."""
    return "".join(f"<D:privilege><{name}/></D:privilege>" for name in names_of(rights, properties=properties))


def needs(path: str, right: Right) -> str:
    """The inside of D:need-privileges (RFC 3744 §7.1.1): what somebody without the right lacks there."""
    lacks = _LACKS.get(right) or next((name for name, one in _SHOWN if one is right), "D:all")
    return f"<D:resource>{href(path)}<D:privilege><{lacks}/></D:privilege></D:resource>"


def supported() -> str:
    """D:supported-privilege-set."""

    def one(name: str, inside: str = "") -> str:
        abstract = "<D:abstract/>" if name in ABSTRACT else ""
        shown = f'<D:description xml:lang="en">{name.partition(":")[2]}</D:description>'
        first = f"<D:privilege><{name}/></D:privilege>{abstract}{shown}"
        return f"<D:supported-privilege>{first}{inside}</D:supported-privilege>"

    write = "".join(map(one, ("D:write-content", "D:write-properties", "D:bind", "D:unbind")))
    read = one("C:read-free-busy") + one("D:read-current-user-privilege-set")
    return one("D:all", one("D:read", read) + one("D:write", write) + one("D:write-acl", one("D:read-acl")))
