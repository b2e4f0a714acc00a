"""A terminal for programs that need one: tmux with a server of its own."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.programs import need


class Terminal:
    """Keys go in, the screen comes out."""

    def __init__(self, tmux: str, socket: Path) -> None:
        self._tmux = [tmux, "-S", str(socket), "-f", "/dev/null"]

    def tmux(self, *arguments: str) -> str:
        return subprocess.run([*self._tmux, *arguments], capture_output=True, check=True, timeout=20).stdout.decode()

    def alive(self) -> bool:
        """Whether the program still runs."""
        asked = [*self._tmux, "has-session", "-t", "test"]
        return subprocess.run(asked, capture_output=True, check=False, timeout=20).returncode == 0

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "test")

    def keys(self, *keys: str) -> None:
        """Named keys (Enter, Tab, C-c) or text."""
        for key in keys:
            self.tmux("send-keys", "-t", "test", key)

    def await_text(self, text: str, *, gone: bool = False, limit: float = 20) -> str:
        """The screen once it shows ``text`` (or shows it no more)."""
        until = time.monotonic() + limit
        while ((text in (screen := self.screen())) is gone) and time.monotonic() < until:
            time.sleep(0.05)
        assert (text in screen) is not gone, f"{text!r} {'is still' if gone else 'is not'} on the screen:\n{screen}"
        return screen

    def await_end(self, limit: float = 20) -> None:
        """Until the program has ended."""
        until = time.monotonic() + limit
        while self.alive():
            assert time.monotonic() < until, f"it still runs:\n{self.screen()}"
            time.sleep(0.05)


@contextmanager
def terminal(directory: Path, *command: str | Path) -> Iterator[Terminal]:
    """Runs ``command`` in a terminal of 140 columns and 40 rows, with ``directory`` as its home."""
    shown = Terminal(need("tmux"), directory / "tmux")
    arguments = [str(part) for part in command]
    variables = [f"HOME={directory}", "LC_ALL=C.UTF-8", "TERM=screen-256color"]
    shown.tmux("new-session", "-d", "-s", "test", "-x", "140", "-y", "40", "env", *variables, *arguments)
    try:
        yield shown
    finally:
        if shown.alive():
            shown.tmux("kill-server")
