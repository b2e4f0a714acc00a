"""Mail to other servers: routes, TLS policies, the client's side of SMTP and LMTP."""
