"""One more set on the chain of ARC, for mail that we send on (RFC 8617 §5.1).

Whoever gets it sees what we found when it came, though the envelope's sender and maybe the text are no longer those it
came with. The findings are those of our own ``Authentication-Results``, which stands in the header: nobody else's can
be there under our name.
"""

import re
import time
from collections.abc import Iterable

from cryptography.hazmat.primitives.asymmetric import rsa

from optimails.authentication.chain import MAX_SETS, read_chain, rows_of
from optimails.authentication.header import newest
from optimails.dkim import SigningKey, canonical
from optimails.dkim.canonical import relaxed_field
from optimails.dkim.sign import SIGNED, cover, hash_of, signed_field, with_signature

_COVERED = SIGNED | {b"dkim-signature"}  # §4.1.2; never the fields of ARC itself
_STATE = re.compile(rb";\s*arc\s*=\s*(none|pass|fail)\b", re.IGNORECASE)
_UNSEALED = b" none"  # RFC 8601 §2.2: nothing was checked


def seal(
    header: bytes, body: Iterable[bytes], keys: Iterable[SigningKey], authserv: str, *, now: int | None = None
) -> bytes:
    """The three fields to stand on top of everything; nothing where no seal can be put.

    There is none without an RSA key (ARC knows no other that everybody reads), on a chain whose state is not known, on
    one that was sealed as broken before, and none after the fiftieth.

    Args:
        header: the whole header as it leaves, lines ending with CR LF.
        body: its bytes after the empty line, in pieces; read when there is something to sign.
        keys: those of the domain that sends it on.
        authserv: our name in the findings.
        now: Unix seconds; by default the clock's.
    """
    key = next((key for key in keys if isinstance(key.key, rsa.RSAPrivateKey)), None)
    if key is None:
        return b""
    by_name: dict[bytes, list[bytes]] = {}
    for name, whole in canonical.fields(header):
        by_name.setdefault(name, []).append(whole)
    chain = read_chain(by_name)
    found = newest(header, authserv)
    match = _STATE.search(b";" + found) if found is not None else None
    state = match[1].decode().lower() if match is not None else "" if chain.highest or chain.problem else "none"
    if state == "pass" and chain.problem:
        state = "fail"  # it was changed on its way through us
    if not state or (state == "none") != (not chain.sets and not chain.problem):
        return b""
    if chain.sealed_fail or chain.highest >= MAX_SETS:
        return b""
    when = int(time.time() if now is None else now)
    number = chain.highest + 1
    results = f"ARC-Authentication-Results: i={number}; {authserv};".encode() + (found or _UNSEALED).rstrip() + b"\r\n"
    message = signed_field(f"ARC-Message-Signature: i={number}", key, cover(header, _COVERED), hash_of(body), when)
    # §5.1.1: over all sets; §5.1.2: over its own alone, where the chain is broken.
    before = b"" if state == "fail" else b"".join(relaxed_field(one) for row in rows_of(by_name) for one in row)
    head = (
        f"ARC-Seal: i={number}; a={key.algorithm}; cv={state}; d={key.domain};\r\n\ts={key.selector}; t={when};\r\n\tb="
    )
    sealed = with_signature(head.encode(), key, before + relaxed_field(results) + relaxed_field(message))
    return sealed + message + results
