"""Say who asks, about which provider, and when."""

from __future__ import annotations

from datetime import UTC, datetime

from mockserver.actions import Scope
from mockserver.json_types import Record


def is_staff(scope: Scope) -> bool:
    """Tell whether the caller is staff."""
    return scope.user is not None and bool(scope.user["is_staff"])


def is_staff_or_support(scope: Scope) -> bool:
    """Tell whether the caller is staff or global support."""
    return is_staff(scope) or (scope.user is not None and bool(scope.user["is_support"]))


def provider(scope: Scope) -> Record:
    """Return the provider whose nested list is being answered."""
    if scope.parent is None:
        raise LookupError("this value is only defined below a service provider")
    return scope.parent


def today(scope: Scope) -> str:
    """Return the day of the call as it is stored."""
    return scope.today.isoformat()


def month(scope: Scope) -> tuple[int, int]:
    """Return the year and the month of the call."""
    today_ = scope.today
    return today_.year, today_.month


def month_start(scope: Scope, *, years_ago: int = 0) -> datetime:
    """Return the first instant of the present month, or of the same month earlier."""
    year, number = month(scope)
    return datetime(year - years_ago, number, 1, tzinfo=UTC)


def instant(text: str) -> datetime:
    """Read a stored instant."""
    # As text they do not compare: a fraction sorts before the closing Z.
    return datetime.fromisoformat(text)
