"""Do what Waldur does by itself when its time has come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from mockserver.json_types import Record
from mockserver.pack import Job
from mockserver.store import Transaction


def next_month(after: datetime) -> datetime:
    """Return the first instant of the month after the one of an instant."""
    first = after.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def put_prices_in_force(transaction: Transaction, now: datetime) -> None:
    """Make every announced price the present one."""
    for priced in transaction.memo(("announced_prices",), lambda: _announced(transaction)):
        transaction.replace(
            "plan_component", priced, price=priced["future_price"], future_price=None
        )


def _announced(transaction: Transaction) -> list[Record]:
    found = transaction.all("plan_component")
    return [priced for priced in found if priced["future_price"] is not None]


JOBS = (Job("new prices", next_month, put_prices_in_force),)
