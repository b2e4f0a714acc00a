"""A filter worker: reads a message from standard input, says what it found on standard output, and the next one.

A task is two lengths (8 bytes each), the context and the message; the context is pickled, for it comes from our own
parent. An answer is a length and JSON: the parent trusts nothing that was near hostile bytes.
"""

import contextlib
import ctypes
import os
import pickle
import resource
import signal
import struct
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from securemail.analyser import Analyser

LENGTHS = struct.Struct(">QQ")
LENGTH = struct.Struct(">Q")
_CLONE_NEWNET, _CLONE_NEWUSER = 0x40000000, 0x10000000


def main(make: "Callable[[], Sequence[Analyser]] | None" = None) -> None:
    """``child MEMORY SECONDS HASHES``: bytes of memory, processor time of one message, file of digests of bad files.

    ``make`` gives other analysers, for tests.
    """
    memory, seconds = int(sys.argv[1]), float(sys.argv[2])
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints something does not speak to the parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from securemail.analysis import analyse  # noqa: PLC0415 - before the limits: loading takes memory and files
    from securemail.structure.signatures import HashList, eicar  # noqa: PLC0415 - as above
    from securemail.techniques import all_analysers  # noqa: PLC0415 - as above

    scans = (eicar, HashList(Path(sys.argv[3])))
    analysers = (make or all_analysers)()
    _confine(memory)
    _answer(answers, b"")
    while (task := _read(tasks)) is not None:
        context, message = task
        # Its own processor time: SIGPROF ends the process, whatever it is busy with.
        signal.setitimer(signal.ITIMER_PROF, seconds)
        found = analyse(message, pickle.loads(context), analysers, scans)  # noqa: S301 - see above
        signal.setitimer(signal.ITIMER_PROF, 0)
        _answer(answers, found.dumps())


def _confine(memory: int) -> None:
    """No network where the kernel allows that, no core, no new files to speak of, so much memory and no more."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNET) != 0:
        libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    for limit, value in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 2**31),
        (resource.RLIMIT_NOFILE, 64),
    ):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (value, value))


def _read(source: BinaryIO) -> tuple[bytes, bytes] | None:
    head = source.read(LENGTHS.size)
    if len(head) < LENGTHS.size:
        return None
    first, second = LENGTHS.unpack(head)
    return source.read(first), source.read(second)


def _answer(to: BinaryIO, data: bytes) -> None:
    to.write(LENGTH.pack(len(data)) + data)
    to.flush()


if __name__ == "__main__":
    main()
