"""The Accept header (RFC 9110 §12.5.1), as far as it concerns the version of a vCard."""

from collections.abc import Sequence

MAX_RANGES = 50
_CARDS = ("text/vcard", "text/*", "*/*", "text/x-vcard", "text/directory")


def accepted(header: str, versions: Sequence[str]) -> str | None:
    """The version that is wanted most; empty when any will do, None when none that there is.

    A type without a version takes any, and a header that has no vCard at all is not about cards.
    """
    best, found, named = -1.0, "", False
    for one in header.split(",")[:MAX_RANGES]:
        kind, _, rest = one.partition(";")
        if kind.strip().lower() not in _CARDS:
            continue
        named = True
        params = dict(_param(part) for part in rest.split(";"))
        version, quality = params.get("version", ""), _quality(params.get("q", "1"))
        # Of two that are wanted alike, the one with a version says more.
        worth = quality + (0.0001 if version else 0.0)
        if quality > 0 and version in ("", *versions) and worth > best:
            best, found = worth, version
    return found if best >= 0 or not named else None


def _param(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip().strip('"')


def _quality(value: str) -> float:
    try:
        return min(max(float(value), 0.0), 1.0)
    except ValueError:
        return 0.0
