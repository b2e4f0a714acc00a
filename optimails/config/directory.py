"""Settings of the section [directory]."""

from optimails.config.base import Section


class DirectorySettings(Section):
    """Domains, accounts and their passwords."""


class LdapSettings(Section):
    """An LDAP or Active Directory server. The table may be repeated."""
