"""Settings of the section [login]."""

from optimails.config.base import Section


class LoginSettings(Section):
    """Log-in: limits and locks."""
