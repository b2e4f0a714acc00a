"""The bus between the processes of one machine: a folder of Unix datagram sockets, one for each process.

To publish is to send one datagram to every other socket in the folder. There is no hub process that could be away,
and no state: a process joins by binding a socket and leaves by dying. What can go wrong, and what we do:

- A socket without a process (killed): the kernel says ECONNREFUSED, and we remove the file.
- A process that is too busy to read: its queue is full, the kernel says EAGAIN (after as few as ten datagrams). We keep
  the notices for it, merged by mailbox, and try again for a second; then they are lost, which is harmless.
- Many changes in a short time: each datagram wakes every process. So the first goes at once, and what follows within
  some milliseconds goes together. Sessions in this process hear of everything at once.
- Somebody writes rubbish into a socket: ``wire.unpack`` yields nothing. The folder is 0700, so only our own user can.

The listing of the folder is cached by its mtime; a folder changed within the last moments is not trusted to have a
mtime that tells the next change from this one (its resolution is that of the kernel's tick).
"""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from optimails.events.api import Notice
from optimails.events.memory import Gathering, MemoryBus
from optimails.events.wire import MAX_DATAGRAM, pack, unpack

SUFFIX = ".sock"
BATCH = 64  # datagrams read in one turn of the loop
RECEIVE_BUFFER = 1024 * 1024
SPACING = 0.02  # seconds between two sendings
RETRY_AFTER = 0.01  # seconds
RETRIES = 100
MAX_BACKLOG = 10_000  # merged notices kept for one busy peer
_FRESH = 100_000_000  # nanoseconds during which the folder's mtime is not trusted


class DatagramBus(MemoryBus):
    """Notices between processes through the sockets in ``directory``.

    Without a ``name`` it only publishes (the command line does). With one, call ``start`` in the event loop, and
    ``close`` at the end; the name must be no other process's.
    """

    def __init__(self, directory: Path, name: str | None = None) -> None:
        super().__init__()
        self._directory = directory
        self._own = f"{name}{SUFFIX}" if name else None
        self._peers: tuple[str, ...] = ()
        self._listed_at: int | None = None
        self._backlog: dict[str, Gathering] = {}
        self._tries = 0
        self._leaving = Gathering()  # what is to be sent
        self._sent_at = 0.0  # by the loop's clock
        self._sending: asyncio.TimerHandle | None = None
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Socket paths are limited to 107 bytes; through the folder's descriptor they are always short.
        self._folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)

    def start(self) -> None:
        """Join: receive what others publish. In the running event loop."""
        if self._own is None:
            raise ValueError("a bus without a name cannot receive")
        loop = asyncio.get_running_loop()
        self._use_loop(loop)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._own, dir_fd=self._folder)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        self._socket.bind(self._path(self._own))
        loop.add_reader(self._socket.fileno(), self._readable)

    def close(self) -> None:
        """Leave; later publications go nowhere."""
        if self._socket.fileno() < 0:
            return
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        self._send(self._leaving.take())
        if self._loop is not None and not self._loop.is_closed() and self._own is not None:
            self._loop.remove_reader(self._socket.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self._own, dir_fd=self._folder)
        self._socket.close()
        os.close(self._folder)
        self._folder = -1

    def _path(self, name: str) -> str:
        return f"/proc/self/fd/{self._folder}/{name}"

    # -- receiving

    def _readable(self) -> None:
        gathering = Gathering()
        for _ in range(BATCH):
            try:
                datagram = self._socket.recv(MAX_DATAGRAM + 1)
            except OSError:  # nothing more to read
                break
            for notice in unpack(datagram):
                gathering.add(notice)
        self._dispatch(gathering.take())

    # -- sending

    def _publish(self, notice: Notice) -> None:
        if self._loop is None:
            self._send_at_once([notice])
        else:
            super()._publish(notice)

    def _flush(self) -> None:
        notices = self._taken()
        for notice in notices:
            self._leaving.add(notice)
        if self._sending is None:
            loop = asyncio.get_running_loop()
            wait = self._sent_at + SPACING - loop.time()
            if wait <= 0:
                self._send_leaving()
            else:
                self._sending = loop.call_later(wait, self._send_leaving)
        self._dispatch(notices)

    def _send_leaving(self) -> None:
        self._sending = None
        self._sent_at = asyncio.get_running_loop().time()
        self._send(self._leaving.take())

    def _send_at_once(self, notices: Sequence[Notice]) -> None:
        """Without a loop, in any thread: a busy peer is given a few more moments, then it is skipped."""
        for peer in self._listing():
            for datagram in pack(notices):
                for _ in range(5):
                    if self._sent(peer, datagram):
                        break
                    time.sleep(0.002)

    def _send(self, notices: Sequence[Notice]) -> None:
        if self._folder < 0:
            return
        for peer in self._listing():
            if peer in self._backlog:
                self._keep(peer, notices)
                continue
            for datagram in pack(notices):
                if not self._sent(peer, datagram):
                    self._keep(peer, unpack(datagram))

    def _keep(self, peer: str, notices: Sequence[Notice]) -> None:
        """Remember them for a peer whose queue is full."""
        if not self._backlog and self._loop is not None:
            self._tries = 0
            self._loop.call_later(RETRY_AFTER, self._retry)
        gathering = self._backlog.setdefault(peer, Gathering())
        for notice in notices:
            if len(gathering) < MAX_BACKLOG:
                gathering.add(notice)

    def _retry(self) -> None:
        self._tries += 1
        waiting, self._backlog = self._backlog, {}
        if self._folder < 0 or self._tries > RETRIES:
            return
        for peer, gathering in waiting.items():
            left = [datagram for datagram in pack(gathering.take()) if not self._sent(peer, datagram)]
            if left:
                again = self._backlog[peer] = Gathering()
                for datagram in left:
                    for notice in unpack(datagram):
                        again.add(notice)
        if self._backlog and self._loop is not None:
            self._loop.call_later(RETRY_AFTER, self._retry)

    def _sent(self, peer: str, datagram: bytes) -> bool:
        """False when the peer's queue is full; a peer that is dead counts as served."""
        try:
            self._socket.sendto(datagram, self._path(peer))
        except BlockingIOError:
            return False
        except ConnectionRefusedError:
            self._listed_at = None
            with contextlib.suppress(OSError):  # somebody else removed it first, or it is another user's
                os.unlink(peer, dir_fd=self._folder)
        except OSError:  # it went away, or is not for us
            self._listed_at = None
        return True

    def _listing(self) -> tuple[str, ...]:
        """The other sockets in the folder."""
        try:
            changed = os.fstat(self._folder).st_mtime_ns
            if changed != self._listed_at:
                names = sorted(name for name in os.listdir(self._folder) if name.endswith(SUFFIX))  # of a descriptor
                self._peers = tuple(name for name in names if name != self._own)
                self._listed_at = changed if time.time_ns() - changed > _FRESH else None
        except OSError:
            return ()
        return self._peers
