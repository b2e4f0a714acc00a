"""One vCard, versions 2.1 to 4.0 (RFC 2426, RFC 6350): a person, an organisation, a group."""

import re
from dataclasses import dataclass

from optimails.groupware.api import Rule, Unfit
from optimails.groupware.text import Component, Property, parse
from optimails.model.errors import BadSyntax

VERSIONS = ("2.1", "3.0", "4.0")
_BARE = re.compile(r"^([A-Za-z0-9-]+\.)?(BEGIN|END):VCARD\s*$", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Card:
    """A text that was read."""

    uid: str
    version: str
    component: Component

    @property
    def is_group(self) -> bool:
        """By KIND, or as Apple's programs say it in version 3."""
        kind = self.component.value("KIND") or self.component.value("X-ADDRESSBOOKSERVER-KIND")
        return kind.lower() == "group"


def read_card(text: str) -> Card:
    """Raises ``Unfit``."""
    try:
        top = parse(text)
    except BadSyntax as wrong:
        raise Unfit(Rule.VALID_DATA, str(wrong)) from wrong
    if len(top) != 1 or top[0].name != "VCARD":
        raise Unfit(Rule.VALID_DATA, "One VCARD is wanted")
    component = top[0]
    version = component.value("VERSION")
    if version not in VERSIONS:
        raise Unfit(Rule.VALID_DATA, "A vCard has VERSION 3.0 or 4.0")
    uid = component.value("UID")
    if not uid:
        raise Unfit(Rule.VALID_OBJECT, "A vCard has a UID")
    if not component.get("FN") and not component.get("N"):
        raise Unfit(Rule.VALID_DATA, "A vCard has a name")
    return Card(uid, version, component)


def words(found: Property) -> str:
    """The value as people read it: the parts of a structured one (N, ADR, ORG) with spaces between."""
    return found.text.replace(";", " ").strip() if found.name in ("N", "ADR", "ORG") else found.text
