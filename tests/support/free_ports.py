"""Ports for servers that cannot be started on port 0."""

import socket


def free_ports(count: int) -> list[int]:
    """Loopback ports nobody listens on right now, all different."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
