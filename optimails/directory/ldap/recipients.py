"""Whether an address exists on somebody else's mail server, by the LDAP server that stands behind it."""

from optimails.config.relay import RelayLdap
from optimails.directory.cache import Cache
from optimails.directory.ldap import entries
from optimails.directory.ldap.server import LdapServer
from optimails.model.address import EmailAddress

_CACHE = 50_000  # addresses


class LdapRecipients:
    """One for each relay domain that is looked up so; belongs to the event loop."""

    def __init__(self, settings: RelayLdap) -> None:
        self._settings = settings
        self._server = LdapServer(settings)
        self._known: Cache[str, bool] = Cache(_CACHE)

    async def knows(self, address: EmailAddress) -> bool:
        """Raises ``Unavailable``: the server cannot say."""
        known = self._known.get(address.key)
        if known is None:
            settings = self._settings
            query = entries.holder_filter(settings.filter, settings.attributes, address)
            found = await self._server.run(
                lambda: self._server.search(settings.base, query, [settings.attributes[0]], limit=1)
            )
            known = bool(found)
            self._known.put(address.key, known, settings.positive_seconds if known else settings.negative_seconds)
        return known

    def close(self) -> None:
        self._server.close()
