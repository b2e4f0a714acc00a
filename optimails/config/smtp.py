"""Settings of the section [smtp]."""

from optimails.config.base import Section


class SmtpSettings(Section):
    """SMTP, submission and LMTP."""
