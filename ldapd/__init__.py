"""The address book of a domain over LDAP, read-only: wire (grammar), session (states, requests), server (Twisted)."""
