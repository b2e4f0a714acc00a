"""ManageSieve on the wire (RFC 5804): bytes into commands, answers into bytes. Pure."""
