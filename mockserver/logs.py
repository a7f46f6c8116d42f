"""Say what happens: human lines on a terminal, JSON lines otherwise, on stderr."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

from mockserver.exchange import Request
from mockserver.hub import Outcome
from mockserver.session import DEFAULT

_log: Any = structlog.get_logger()


def configure(level: str, form: str) -> None:
    """Choose the least level, and `human`, `json` or `auto`."""
    is_human = form == "human" or (form == "auto" and sys.stderr.isatty())
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
    ]
    if is_human:
        processors.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), timestamp_key="ts")
        )
    else:
        processors += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[level.upper()]
        ),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def event(text: str, **values: Any) -> None:
    """Log something that is not a request."""
    _log.info(text, **values)


def warning(text: str, **values: Any) -> None:
    """Log something that somebody ought to look at."""
    _log.warning(text, **values)


def exchange(request: Request, outcome: Outcome, seconds: float) -> None:
    """
    Log one answered request.

    Neither headers nor the query are logged: that is where credentials are.
    """
    answered = outcome.exchange
    values: dict[str, Any] = {
        "method": request.method,
        "path": request.path,
        "status": answered.response.status,
        "ms": round(seconds * 1000, 2),
        "operation_id": answered.operation or None,
    }
    if outcome.session not in ("", DEFAULT):
        values["session"] = outcome.session
    if answered.defect is not None:
        _log.error("defect", **values, exc_info=answered.defect)
    elif outcome.session:
        _log.info("request", **values)
    else:
        # A console asks all the time, and nobody wants to read that.
        _log.debug("request", **values)
