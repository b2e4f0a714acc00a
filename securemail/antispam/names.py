"""Names as people see them: which of them look alike, whatever they are made of.

The *skeleton* of a name (in the sense of Unicode Technical Standard #39, §4) is what is left when every letter is
replaced by the one it looks like. The table is a short one of our own: what is used to deceive readers of French and
English, not all of Unicode.
"""

# ruff: noqa: RUF001 - letters that look like others are what this file is about

import re
import unicodedata

import idna

from optimails.authentication.organisation import organisational_domain

_PAIRS = (
    "аa еe оo рp сc уy хx іi јj ѕs ԁd һh ӏl ԛq ԝw вb кk мm нh тt ьb гr пn "  # Cyrillic
    "αa βb εe ηn ιi κk νv οo ρp τt υu χx ωw γy "  # Greek
    "ɡg ıi ɩi ոn սu օo հh ցg "  # others
    "0o 1l |l $s 3e 5s"
)
_ALIKE = str.maketrans({pair[0]: pair[1] for pair in _PAIRS.split()})
_SEQUENCES = (("rn", "m"), ("vv", "w"))
_MARKS = re.compile("[\u0300-\u036f\u00ad\u200b-\u200f\u2060\ufeff]+")
_BLANK = re.compile(r"[\s,._\-]+")
_FOREIGN = ("CYRILLIC", "GREEK", "ARMENIAN")
_LONG = 7  # letters of a name in which one wrong letter is a disguise and no other name


def folded(name: str) -> str:
    """A person's name for comparison: case, accents and the order of its words do not count."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", name[:200].casefold()))
    return " ".join(sorted(word for word in _BLANK.split(plain) if len(word) > 1))


def skeleton(name: str) -> str:
    """What a name looks like; equal for names that a reader takes for one another."""
    plain = _MARKS.sub("", unicodedata.normalize("NFKD", name[:255].casefold())).translate(_ALIKE)
    for sequence, seen in _SEQUENCES:
        plain = plain.replace(sequence, seen)
    return plain.replace("l", "i")  # I, l, 1 and | are one stroke


def readable(host: str) -> str:
    """A host with its international labels as browsers would show them; as it is, where they are none."""
    if "xn--" not in host:
        return host
    try:
        return idna.decode(host)
    except (idna.IDNAError, UnicodeError):
        return host


def homograph(host: str) -> bool:
    """Whether letters of another script stand in it for Latin ones: mixed with them, or all of a label."""
    for label in readable(host).split("."):
        if label.isascii():
            continue
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in label if letter.isalpha()}
        foreign = scripts.intersection(_FOREIGN)
        if foreign and ("LATIN" in scripts or skeleton(label).isascii()):
            return True
    return False


def organisation(host: str) -> str:
    """The organisational domain of a host; addresses and nonsense are their own."""
    return organisational_domain(host) if "." in host and not host.startswith("[") else host


def label_of(host: str) -> str:
    """The label that a reader knows an organisation by: ``example`` of ``www.example.co.uk``."""
    return organisation(host).partition(".")[0]


def lookalike(host: str, genuine: str) -> bool:
    """Whether ``host`` is made to be taken for ``genuine``: another organisation whose name looks the same, or differs
    in one letter that was left out, doubled or exchanged with its neighbour. The same name below another top-level
    domain is usually the same company."""
    mine, theirs = organisation(genuine), organisation(host)
    if mine == theirs:
        return False
    one, other = label_of(readable(host)), label_of(readable(genuine))
    if one == other:
        return False
    return skeleton(one) == skeleton(other) or (len(other) >= _LONG and _slip(one, other))


def _slip(one: str, other: str) -> bool:
    """Whether one is the other with a letter left out or doubled, or two neighbours exchanged."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    if len(one) == len(other):
        return one[at + 2 :] == other[at + 2 :] and one[at : at + 2] == other[at : at + 2][::-1]
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) != 1:
        return False
    return short[at:] == long[at + 1 :] and (len(one) < len(other) or (at > 0 and long[at] == long[at - 1]))
