"""Log lines: JSON for machines, text for people; one line an event, whatever its values hold.

Every part logs an event's short name, with its values in ``extra={"fields": {...}}``. A log message must never carry
a secret; should a field be called like one, its value is left out here.
"""

import json
import logging
import re
import sys
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from twisted.logger import LogLevel as TwistedLevel
from twisted.logger import globalLogBeginner

from optimails.config.server import LogFormat, LogSettings

_SECRET = re.compile(r"passw|secret|token|credential|cookie", re.IGNORECASE)
REDACTED = "[not logged]"
MAX_VALUE = 2000  # characters of one value
_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}
_CONTROLS |= {10: "\\n", 13: "\\r", 9: "\\t"}
_PLAIN = re.compile(r"[^\s\"=]+")
log = logging.getLogger(__name__)


def clean(text: str) -> str:
    """The text on one line: control characters and line ends as escapes."""
    return text.translate(_CONTROLS)


class _Formatter(logging.Formatter):
    def __init__(self, worker: str) -> None:
        super().__init__()
        self._worker = worker

    def _values(self, record: logging.LogRecord) -> dict[str, Any]:
        """The event's fields as they may be shown, then the traceback of an error."""
        fields = getattr(record, "fields", None)
        values = {str(key): _shown(str(key), value) for key, value in (fields or {}).items()}
        if record.exc_info:
            values["traceback"] = self.formatException(record.exc_info)
        return values

    def _time(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": self._time(record),
            "level": record.levelname.lower(),
            "event": record.getMessage()[:MAX_VALUE],
            "worker": self._worker,
            "logger": record.name,
        }
        for key, value in self._values(record).items():
            line.setdefault(key, value)
        return json.dumps(line, ensure_ascii=False, default=str).translate({0x2028: "\\u2028", 0x2029: "\\u2029"})


class TextFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        head = f"{self._time(record)} {record.levelname:7} {self._worker} {clean(record.getMessage()[:MAX_VALUE])}"
        values = self._values(record)
        traceback = values.pop("traceback", "")
        line = " ".join([head, *(f"{key}={_quoted(value)}" for key, value in values.items())])
        # A traceback keeps its lines, indented: nothing in it can look like an event of its own.
        return "\n".join([line, *(f"    {clean(part)}" for part in str(traceback).splitlines())])


def _shown(key: str, value: object) -> Any:
    if _SECRET.search(key):
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(inner): _shown(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown("", one) for one in value]
    if isinstance(value, bytes):
        value = value[:MAX_VALUE].decode("utf-8", "replace")
    return str(value)[:MAX_VALUE].encode("utf-8", "replace").decode()


def _quoted(value: object) -> str:
    text = clean(str(value))
    return text if _PLAIN.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def set_up(settings: LogSettings, worker: str) -> None:
    """Send all logging of this process to the configured place; may be called again. Raises ``OSError``."""
    handler: logging.Handler
    if settings.file is None:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.FileHandler(settings.file, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter((JsonFormatter if settings.format is LogFormat.JSON else TextFormatter)(worker))
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(settings.level.value.upper())
    logging.getLogger("asyncio").setLevel(max(root.level, logging.WARNING))


def catch_twisted() -> None:
    """Have Twisted's own log, which is where its unhandled errors go, end up in ours."""
    observer: Any = _observe  # its interface is declared by zope, which the checker does not see
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False, discardBuffer=True)


def _observe(event: Mapping[str, Any]) -> None:
    failure = event.get("log_failure")
    if failure is not None:
        unhandled((failure.type, failure.value, failure.getTracebackObject()))
    elif event["log_level"] >= TwistedLevel.warn:
        template = str(event.get("log_format") or event.get("format") or event.get("log_text") or "")
        log.warning("twisted", extra={"fields": {"text": template}})


def unhandled(error: Any, **fields: object) -> str:
    """Log an error that nobody expected; gives the id under which it stands in the log."""
    name = uuid.uuid4().hex[:8]
    log.error("unhandled_error", exc_info=error, extra={"fields": {"id": name, **fields}})
    return name
