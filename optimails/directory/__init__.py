"""Domains, accounts, aliases, plans, credentials; the LDAP source."""
