"""Errors of ours: the log has everything, the client gets a number to report."""

import logging
import secrets

log = logging.getLogger(__name__)


def note(error: BaseException, **fields: object) -> str:
    """Log it with its trace; gives the id that the client may see. ``fields`` say where it happened."""
    identifier = secrets.token_hex(4)
    log.error("internal_error", exc_info=error, extra={"fields": {"id": identifier, **fields}})
    return identifier
