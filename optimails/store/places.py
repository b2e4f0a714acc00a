"""Where the data of an account is."""

from pathlib import Path

from optimails.model.ids import AccountId


def account_directory(data: Path, account: AccountId) -> Path:
    """Its folder below the data folder: message files, indexes, calendars, scripts."""
    return Path(account_path(str(data), account))


def account_path(data: str, account: AccountId) -> str:
    """The same as text, for what is asked at each message."""
    return f"{data}/mail/{account[:2]}/{account}"
