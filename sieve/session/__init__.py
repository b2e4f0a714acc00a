"""A ManageSieve conversation (RFC 5804): coroutines over the script files of an account, without sockets."""
