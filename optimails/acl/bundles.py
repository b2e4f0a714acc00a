"""Names for the usual grants, so that nobody needs to know letters."""

from optimails.model.rights import EVERYTHING, Bundle, Right, SendRight, parse_rights

_RIGHTS = {
    Bundle.READER: parse_rights("lrs9"),
    Bundle.EDITOR: parse_rights("lrswite9"),
    Bundle.ASSISTANT: parse_rights("lrswipkxte9"),
    Bundle.FULL: EVERYTHING,
}
_SEND = {
    Bundle.READER: SendRight.NO,
    Bundle.EDITOR: SendRight.NO,
    Bundle.ASSISTANT: SendRight.ON_BEHALF,
    Bundle.FULL: SendRight.SEND_AS,
}


def rights_of(bundle: Bundle) -> Right:
    """What the bundle allows on every object of the account."""
    return _RIGHTS[bundle]


def send_of(bundle: Bundle) -> SendRight:
    """In whose name a delegate with the bundle may send unless something else is said."""
    return _SEND[bundle]


def named_rights(text: str) -> Right:
    """From letters, or the name of a bundle.

    Raises:
        BadSyntax: when it is neither.
    """
    try:
        return _RIGHTS[Bundle(text)]
    except ValueError:
        return parse_rights(text)
