"""Filters into functions on entries (RFC 4511 §4.5.1.7): true, false, or undefined."""

from collections.abc import Callable

from ldapd.session.schema import BY_NAME
from ldapd.session.tree import Node, comparable
from ldapd.wire.filters import And, Compared, Equal, Extensible, Filter, Not, Or, Present, Substrings

Test = Callable[[Node], bool | None]
_NOTHING: tuple[str, ...] = ()


def test_of(wanted: Filter) -> Test:
    """A function that says whether an entry fits. What it compares with is prepared here, once."""
    match wanted:
        case And():
            return _all_or_any([test_of(part) for part in wanted.parts], decides=False)
        case Or():
            return _all_or_any([test_of(part) for part in wanted.parts], decides=True)
        case Not():
            return _negated(test_of(wanted.part))
        case Extensible():
            return _undefined
        case _:
            return _leaf(wanted)


def _leaf(wanted: Present | Equal | Compared | Substrings) -> Test:
    known = BY_NAME.get(wanted.attribute)
    if known is None:  # an attribute that nobody has ever heard of
        return _undefined
    name = known.name
    if isinstance(wanted, Present):
        return lambda node: name in node.compared
    if known.octets:
        return _undefined
    if isinstance(wanted, Substrings):
        return _substrings(name, wanted)
    value = comparable(name, wanted.value)
    if isinstance(wanted, Equal):
        return lambda node: value in node.compared.get(name, _NOTHING)
    if wanted.least:
        return lambda node: any(own >= value for own in node.compared.get(name, _NOTHING))
    return lambda node: any(own <= value for own in node.compared.get(name, _NOTHING))


def _all_or_any(tests: list[Test], *, decides: bool) -> Test:
    """All of them (False settles it), or any of them (True does)."""

    def test(node: Node) -> bool | None:
        undefined = False
        for one in tests:
            found = one(node)
            if found is decides:
                return decides
            undefined = undefined or found is None
        return None if undefined else not decides

    return test


def _negated(inner: Test) -> Test:
    def test(node: Node) -> bool | None:
        found = inner(node)
        return None if found is None else not found

    return test


def _undefined(_node: Node) -> None:
    return None


def _substrings(name: str, wanted: Substrings) -> Test:
    initial, final = comparable(name, wanted.initial), comparable(name, wanted.final)
    inner = [comparable(name, piece) for piece in wanted.inner]

    def fits(value: str) -> bool:
        if not value.startswith(initial) or not value.endswith(final):
            return False
        at, end = len(initial), len(value) - len(final)
        for piece in inner:
            found = value.find(piece, at, end)
            if found < 0:
                return False
            at = found + len(piece)
        return at <= end

    return lambda node: any(map(fits, node.compared.get(name, _NOTHING)))
