"""Ports for servers that cannot be started on port 0.

A port that was free a moment ago may be somebody else's by the time the server binds it: another test's, or, in the
range from which the kernel takes ports for connections, any client's. So these come from below that range, and each is
ours until the process ends.
"""

import random
import socket
from pathlib import Path

_FIRST = 10_000

# An abstract Unix socket for each port we gave out: one name, one holder, and gone with the process that held it.
_claims: list[socket.socket] = []


def free_ports(count: int) -> list[int]:
    """Loopback ports nobody listens on, all different, which no other test will be given while this process lives."""
    below = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    candidates = list(range(_FIRST, below))
    random.SystemRandom().shuffle(candidates)
    found: list[int] = []
    for port in candidates:
        if len(found) == count:
            return found
        if _claimed(port):
            found.append(port)
    raise OSError(f"there are no {count} free ports between {_FIRST} and {below}")


def _claimed(port: int) -> bool:
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0optimails-test-port-{port}")
        with socket.socket() as trial:
            trial.bind(("127.0.0.1", port))
    except OSError:
        claim.close()
        return False
    _claims.append(claim)
    return True
