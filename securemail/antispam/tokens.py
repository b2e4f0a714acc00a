"""What the learning analysers see of a message: numbers of features, in three blocks.

*Words* has words and pairs of words of subject and text, the sender's display name, markup, hosts of links, the build
of the message. *Characters* has runs of five bytes of the text, which see through ``v1agra`` and know any language.
*Origin* has the sender's domain, what wrote the message, and who handed it on.

Features are hashed (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009): there is no table
of words to keep, a model has one size whatever it has seen, and nobody can read mail out of it.

**What is left out on purpose.** Recipients, dates, ids, and whatever a mail system adds on arrival: they say where a
message was collected and not what it is, and a model that learns them is good on its own mail and on no other. Of
``Received`` only who handed the message over is read, never who took it. Digits count as 0.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from math import log2
from zlib import crc32

from securemail.examined import Examined

BITS = 20
_MASK = (1 << BITS) - 1
VERSION = "1"
"""Of this way of making features. A model that was made by another one is of no use."""

_MAX_TEXT = 40_000  # characters of text in which words are looked for
_MAX_WORDS = 3000
_MAX_RUNS = 8000  # bytes of text in which runs are looked for
_MAX_MARKUP = 60_000
_RUN = 5

_WORD = re.compile(r"[^\W_][\w'\u2019\-]{0,39}+|[!$€£%]{1,8}+")
_DIGIT = re.compile(r"\d")
_SPACE = re.compile(r"\s+")
_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}")
_ATTRIBUTE = re.compile(r"\s(?:color|bgcolor|face|size|align|style|width|height)\s*=\s*[\"']?[#\w%-]{1,20}")
_QUOTED = re.compile(r"(?m)^>")
_HOST = re.compile(r"[\w.-]{2,60}")
_HANDED = re.compile(r"from\s+(.{2,200}?)(?:\sby\s|$)", re.DOTALL)
_LOWER, _UPPER = re.compile(r"[a-z]+"), re.compile(r"[A-Z]+")
_ADDED = re.compile(
    r"received|return-path|delivered-to|delivery-date|authentication-results|arc-|x-spam|x-virus|x-amavis|x-pyzor"
    r"|x-rspamd|x-optimails|x-original-to|x-envelope|envelope-to|x-delivered|x-keywords|x-status|status|x-uid|x-mozilla"
    r"|x-sieve|x-gmail|x-evolution|x-loop|errors-to|x-authentication-warning|x-antiabuse|resent-|x-bogosity"
)
_WRITTEN_BY = ("x-mailer", "user-agent", "content-type", "x-priority", "x-msmail-priority", "importance", "precedence",
               "content-transfer-encoding", "x-mimeole", "mime-version")  # fmt: skip
_HOME = ("127.", "10.", "192.168.", "localhost")

Blocks = tuple[frozenset[int], ...]
"""The features of a message by block, in the order words, characters, origin."""


def blocks(examined: Examined) -> Blocks:
    """All features of a message."""
    return _numbers(_words(examined)), _runs(examined), _numbers(_origin(examined))


def _numbers(tokens: Iterable[str]) -> frozenset[int]:
    return frozenset(crc32(token.encode("utf-8", "replace")) & _MASK for token in tokens)


def _runs(examined: Examined) -> frozenset[int]:
    shown = _SPACE.sub(" ", f"{examined.subject} {examined.text[:_MAX_RUNS]}").lower()
    data = _DIGIT.sub("0", shown).encode("utf-8", "replace")[:_MAX_RUNS]
    return frozenset(crc32(data[at : at + _RUN], 5) & _MASK for at in range(len(data) - _RUN + 1))


# -- words


def words(text: str, most: int = _MAX_WORDS) -> list[str]:
    """The words of a text with their case, digits as 0."""
    return _WORD.findall(_DIGIT.sub("0", text[:_MAX_TEXT]))[:most]


def _words(examined: Examined) -> Iterator[str]:
    text = words(examined.text)
    lower = [word.lower() for word in text]
    yield from lower
    yield from map(" ".join, pairwise(lower))
    yield from (f"C:{word}" for word in text if len(word) > 2 and word.isupper())
    subject = words(examined.subject, 60)
    small = [word.lower() for word in subject]
    yield from (f"s:{word}" for word in small)
    yield from map("s:{} {}".format, small, small[1:])
    yield from (f"sC:{word}" for word in subject if len(word) > 2 and word.isupper())
    yield from (f"f:{word.lower()}" for word in words(examined.author[0], 12))
    yield from _markup(examined)
    yield from _hosts(examined)
    yield from _build(examined, text)


def _markup(examined: Examined) -> Iterator[str]:
    for part in examined.texts:
        if part.html:
            source = part.source[:_MAX_MARKUP]
            yield from map(str.lower, _TAG.findall(source))
            yield from (found.strip().lower() for found in _ATTRIBUTE.findall(source))


def _hosts(examined: Examined) -> Iterator[str]:
    for link in examined.links:
        yield from (f"u:{name}" for name in _names(link.host))
        yield f"uz:{_shape(link.url.partition('?')[0])[:30]}"


def _build(examined: Examined, text: list[str]) -> Iterator[str]:
    """How the message is built, in steps coarse enough to come again."""
    parts = examined.parts
    kinds = [f"{part.type.decode('latin-1')}/{part.subtype.decode('latin-1')}" for part in parts]
    yield "S:" + "+".join(kinds[:6])
    yield from (f"S:{kind}" for kind in kinds)
    for part in parts:
        yield f"e:{part.encoding.decode('latin-1')}"
        yield f"c:{part.charset.lower()[:20]}"
    shown, links = examined.text, examined.links
    yield f"n:{_step(len(shown))}"
    yield f"l:{_step(len(links))}"
    yield f"i:{_step(sum(not link.clicked for link in links))}"
    yield f"!:{_step(shown.count('!'))}"
    yield f"$:{_step(shown.count('$'))}"
    yield f"A:{10 * sum(word.isupper() for word in text) // max(1, len(text))}"
    yield f">:{min(5, len(_QUOTED.findall(shown)))}"


# -- origin


def _origin(examined: Examined) -> Iterator[str]:
    for name, value in examined.fields:
        if name == "received":
            yield from _handed(value.decode("latin-1"))
        elif not _ADDED.match(name):
            yield f"h:{name}"
            if name in _WRITTEN_BY:
                written = value.decode("latin-1").lower().partition("boundary")[0]
                yield from (f"h:{name}:{word}" for word in words(written, 12))
    local, _, domain = examined.author[1].rpartition("@")
    yield from (f"d:{name}" for name in _names(domain))
    yield f"dl:{_shape(local)}"
    for field in ("reply-to", "sender"):
        for one in examined.addresses(field)[:3]:
            yield from (f"{field}:{name}" for name in _names((one.host or b"").decode("latin-1").lower()))
    sent_id = examined.value("message-id").decode("latin-1").strip("<> ")
    yield f"m:{_shape(sent_id.partition('@')[0])}"
    yield f"z:{examined.value('date').decode('latin-1')[-6:].strip()}"
    yield f"sz:{_shape(examined.subject)[:12]}"
    yield f"to:{_step(len(examined.addresses('to')) + len(examined.addresses('cc')))}"
    yield from (f"l:{word.lower()}" for word in words(examined.value("list-id").decode("latin-1"), 12))


def _handed(received: str) -> Iterator[str]:
    """Who handed the message over: name, network, what it called itself."""
    found = _HANDED.match(received)
    for host in _HOST.findall(found[1].lower() if found else ""):
        if host.startswith(_HOME):
            continue
        if host.replace(".", "").isdigit():
            yield from (f"r:{host.rsplit('.', cut)[0]}" for cut in (1, 2))
        else:
            yield from (f"r:{name}" for name in _names(_DIGIT.sub("0", host)))


def _names(host: str) -> list[str]:
    """A host and all domains above it."""
    labels = host.split(".")[-8:]
    return [".".join(labels[at:]) for at in range(len(labels))]


def _shape(text: str) -> str:
    """``Qx7k-2002`` as ``AaAa-0``: how something is spelled, not what."""
    return re.sub(r"\d+", "0", _UPPER.sub("A", _LOWER.sub("a", text)))[:40]


def _step(number: int) -> int:
    return int(log2(number + 1))
