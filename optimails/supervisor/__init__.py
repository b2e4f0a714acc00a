"""Processes: the supervisor binds the sockets and keeps the workers alive."""
