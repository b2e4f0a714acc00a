"""Domain names as the DNS has them."""

import idna


def ascii_name(name: str) -> str:
    """A domain name in A-labels and lower case, without a final dot.

    Raises:
        ValueError: when it cannot stand in the DNS.
    """
    name = name.rstrip(".")
    if name.isascii():
        return name.lower()
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as wrong:
        raise ValueError(f"{name!r} is not a domain name") from wrong
