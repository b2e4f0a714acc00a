"""The one API for mail that services call: ``optimails.mailbox.api``."""
