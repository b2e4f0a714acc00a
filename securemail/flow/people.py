"""The people of a domain, as somebody could pretend to be one of them."""

from collections.abc import Iterable, Mapping

from optimails.directory.api import Directory
from optimails.model.company import EntryKind
from optimails.model.errors import MailError
from securemail.antispam.names import folded

_MAX_DOMAINS = 1_000  # that are remembered at a time


class People:
    """Read again for a domain when the directory has changed."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._known: dict[str, tuple[int, dict[str, frozenset[str]]]] = {}

    async def of(self, domains: Iterable[str]) -> Mapping[str, frozenset[str]]:
        """Folded names with the addresses that bear them; nobody for domains that are not ours."""
        found: dict[str, frozenset[str]] = {}
        for domain in domains:
            for name, addresses in (await self._domain(domain)).items():
                found[name] = found.get(name, frozenset()) | addresses
        return found

    async def _domain(self, domain: str) -> dict[str, frozenset[str]]:
        version, names = self._known.get(domain, (-1, {}))
        try:
            now, entries = await self._directory.company(domain, version)
        except MailError:
            return names  # it says nothing of whether a message is wanted
        if entries is None:
            return names
        found: dict[str, frozenset[str]] = {}
        for entry in entries:
            name = folded(entry.name) if entry.kind is EntryKind.PERSON else ""
            if name:
                found[name] = found.get(name, frozenset()) | {one.lower() for one in entry.addresses}
        if len(self._known) >= _MAX_DOMAINS:
            self._known.clear()
        self._known[domain] = now, found
        return found
