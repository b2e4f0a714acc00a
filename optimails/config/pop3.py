"""Settings of the section [pop3]."""

from optimails.config.base import Section


class Pop3Settings(Section):
    """POP3."""
