"""Which process holds a lease, and whether it still lives.

A process id alone comes again; with the moment of its start and the boot it belongs to, it names one process for ever.
"""

import os
from functools import cache
from pathlib import Path


@cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _started(pid: int) -> str | None:
    """Clock ticks from boot to the start of the process (proc(5), field 22); None when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def this_process() -> str:
    """The name of the process that asks."""
    pid = os.getpid()
    return f"{_boot()}/{pid}/{_started(pid)}"


def alive(owner: str) -> bool:
    """Whether the process with that name still runs."""
    boot, _, rest = owner.partition("/")
    pid, _, started = rest.partition("/")
    return boot == _boot() and pid.isdigit() and _started(int(pid)) == started


def crashed(owner: str) -> bool:
    """Whether a dead process ended by itself, so that its work may be to blame: not when the machine went down."""
    return owner.partition("/")[0] == _boot()
