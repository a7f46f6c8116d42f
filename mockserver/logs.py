"""Say what happens: human lines on a terminal, JSON lines otherwise, on stderr."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import orjson

from mockserver.exchange import Request
from mockserver.hub import Outcome
from mockserver.session import DEFAULT

#: Takes what happened, and its values by name.
_Say: TypeAlias = Callable[..., None]


class _JSONLines:
    """Writes one line of JSON for each event, with one write; a method for each level."""

    def __init__(self, least: int) -> None:
        self._write = sys.stderr.write
        self.debug = self._from(least, "debug")
        self.info = self._from(least, "info")
        self.warning = self._from(least, "warning")
        self.error = self._from(least, "error")

    def _from(self, least: int, level: str) -> _Say:
        if logging.getLevelNamesMapping()[level.upper()] < least:
            return _nothing

        def say(event: str, **values: Any) -> None:
            defect = values.pop("exc_info", None)
            values["event"] = event
            values["level"] = level
            values["ts"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
            if defect is not None:
                values["exception"] = "".join(traceback.format_exception(defect)).rstrip("\n")
            self._write(_line(values))

        return say


def _nothing(event: str, **values: Any) -> None:
    """Leave out what nobody asked for."""


def _line(values: dict[str, Any]) -> str:
    try:
        return orjson.dumps(values, default=repr, option=orjson.OPT_APPEND_NEWLINE).decode()
    except TypeError:
        # Half of a character, or a number of more than 64 bits: only the slow way can write it.
        return json.dumps(values, default=repr) + "\n"


def _words(least: int) -> Any:
    """Return what writes for people."""
    # It looks for all that can make text pretty: too slow where nobody looks.
    import structlog

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="ts"),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    return structlog.get_logger()


#: Silent until it is configured.
_log: Any = _JSONLines(logging.CRITICAL)


def configure(level: str, form: str) -> None:
    """Choose the least level, and `human`, `json` or `auto`."""
    global _log  # noqa: PLW0603  a process has one log
    least = logging.getLevelNamesMapping()[level.upper()]
    is_human = form == "human" or (form == "auto" and sys.stderr.isatty())
    _log = _words(least) if is_human else _JSONLines(least)


def event(text: str, **values: Any) -> None:
    """Log something that is not a request."""
    _log.info(text, **values)


def warning(text: str, **values: Any) -> None:
    """Log something that somebody ought to look at."""
    _log.warning(text, **values)


def detail(text: str, **values: Any) -> None:
    """Log something that helps only those who look for a reason."""
    _log.debug(text, **values)


def exchange(request: Request, outcome: Outcome, seconds: float) -> None:
    """
    Log one answered request.

    Neither headers nor the query are logged: that is where credentials are.
    """
    answered = outcome.exchange
    session, defect = outcome.session, answered.defect
    # A console asks all the time, and nobody wants to read that.
    say = _log.error if defect is not None else _log.info if session else _log.debug
    if say is _nothing:
        return
    values: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "status": answered.response.status,
        "ms": round(seconds * 1000, 2),
        "operation_id": answered.operation or None,
    }
    if session not in ("", DEFAULT):
        values["session"] = session
    if defect is not None:
        values["exc_info"] = defect
    say("request" if defect is None else "defect", **values)
