"""People and groups of LDAP and Active Directory servers, as accounts and aliases of ours."""
