"""States and requests of one LDAP connection."""
