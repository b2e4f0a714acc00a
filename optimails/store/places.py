"""Where the data of an account is."""

from pathlib import Path

from optimails.model.ids import AccountId


def account_directory(data: Path, account: AccountId) -> Path:
    """Its folder below the data folder: message files, indexes, calendars, scripts."""
    return data / "mail" / account[:2] / account
