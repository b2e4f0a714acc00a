"""Links that deceive: look-alike names, other letters, a text that says one thing and an address that is another."""

import re

from securemail.antispam.brands import BRANDS
from securemail.antispam.names import homograph, label_of, lookalike, organisation, readable
from securemail.antispam.weights import VERSION, fact
from securemail.context import Context
from securemail.examined import Examined
from securemail.facts import Fact
from securemail.links import Link, link_to

_SHOWN = re.compile(r"\s*(?:https?://)?(?:[\w-]{1,63}\.){1,6}[a-z]{2,24}(?:[/?#:]\S*)?\s*", re.IGNORECASE)
_PROGRAM = re.compile(r"\.(?:exe|scr|com|pif|bat|cmd|vbs|jse?|wsf|hta|jar|msi|ps1|lnk|iso|img)(?:$|\?)", re.IGNORECASE)
_SHORT = frozenset({
    "bit.ly", "tinyurl.com", "t.co", "goo.gl", "is.gd", "ow.ly", "buff.ly", "cutt.ly", "rb.gy", "rebrand.ly", "t.ly",
    "shorturl.at", "tiny.cc", "urlz.fr", "lc.cx", "s.id", "bl.ink",
})  # fmt: skip
_BRAND_LABELS = {name: domains for name, domains in BRANDS.items() if name.isalpha() and len(name) >= 6}
_MOST = 100  # different hosts that are looked at


class Urls:
    name = "urls"
    version = VERSION

    def examine(self, examined: Examined, context: Context) -> list[Fact]:
        """One fact for each kind of deceit, with the links that show it."""
        seen: dict[str, dict[str, None]] = {}
        hosts: set[str] = set()
        author = organisation(examined.author_domain)
        for link in examined.links:
            if not link.clicked:
                continue
            symbols = self._of_link(link, author)
            if link.host not in hosts and len(hosts) < _MOST:
                hosts.add(link.host)
                symbols += self._of_host(link.host, context)
            for symbol in symbols:
                seen.setdefault(symbol, {})[_evidence(link)] = None
        return [fact(self.name, symbol, *links) for symbol, links in seen.items()]

    @staticmethod
    def _of_link(link: Link, author: str) -> list[str]:
        found = []
        if link.user:
            found.append("LINK_WITH_USER")
        path = link.url.partition("://")[2].partition("/")[2]
        if _PROGRAM.search(path):
            found.append("LINK_TO_PROGRAM")
        if link.shown and _SHOWN.fullmatch(link.shown):
            shown = link_to(link.shown if "://" in link.shown else f"http://{link.shown.strip()}")
            real = organisation(link.host)
            # A sender's own domain counts clicks for whatever it links to.
            if shown is not None and organisation(shown.host) != real and real != author:
                found.append("LINK_SAYS_OTHER")
        return found

    @staticmethod
    def _of_host(host: str, context: Context) -> list[str]:
        found = []
        if host.startswith("[") or host.replace(".", "").isdigit():
            return ["LINK_TO_NUMBER"]
        if homograph(host):
            found.append("LINK_HOMOGRAPH")
        if organisation(host) in _SHORT:
            found.append("LINK_SHORTENED")
        if any(lookalike(host, ours) for ours in context.domains) or imitates_brand(host):
            found.append("LINK_LOOKALIKE")
        return found


def imitates_brand(host: str) -> bool:
    """Whether a host looks like one of the names in ``BRANDS``, or has it among its words (paypal-login.example)."""
    words = label_of(readable(host)).split("-")
    for brand, domains in _BRAND_LABELS.items():
        if organisation(host) in domains or any(host.endswith(f".{domain}") for domain in domains):
            continue
        if (len(words) > 1 and brand in words) or lookalike(host, f"{brand}.com"):
            return True
    return False


def _evidence(link: Link) -> str:
    shown = readable(link.host)
    return f"{link.shown.strip()} → {shown}" if link.shown.strip() else link.url[:100]
