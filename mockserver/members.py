"""Read the members of a JSON object, complaining of all of them at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, cast

from mockserver.errors import Invalid, Issue, Issues

#: What sessions, snapshots and fault rules may be called.
NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_LONGEST_TEXT: Final = 500


class Reading:
    """
    An object as it is read.

    What is wrong is kept under the name of its member; `finish` raises it.
    A member that is wrong reads as its default.
    """

    def __init__(self, raw: Mapping[Any, Any], known: Sequence[str]) -> None:
        self.raw = raw
        self.issues: dict[str, Issues] = {}
        for name in raw:
            if name not in known:
                text = f"There is no such member here; there are {listed(known)}."
                self.blame(str(name)[:80], text)

    def blame(self, name: str, text: str) -> None:
        """Keep a complaint about a member, unless there is one already."""
        self.issues.setdefault(name, [Issue("text", {"text": text})])

    def finish(self) -> None:
        """Raise Invalid when there was anything to complain of."""
        if self.issues:
            raise Invalid(self.issues)

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """Return a number within bounds."""
        value = self.raw.get(name, default)
        if not is_number(value, low, high):
            self.blame(name, f"Give a number from {low:g} to {high:g}.")
            return default
        return float(value)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """Return a whole number within bounds."""
        value = self.raw.get(name, default)
        if not is_number(value, low, high) or value != int(value):
            self.blame(name, f"Give a whole number from {low} to {high}.")
            return default
        return int(value)

    def flag(self, name: str) -> bool:
        """Return true or false, false when nothing is said."""
        value = self.raw.get(name, False)
        if not isinstance(value, bool):
            self.blame(name, "Give true or false.")
        return value is True

    def text(self, name: str, allowed: Collection[str] | None = None) -> str:
        """Return a text, "" when nothing is said; where there are `allowed` ones, one of them."""
        value = self.raw.get(name)
        if value is None:
            return ""
        if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
            self.blame(name, f"Give a text of at most {_LONGEST_TEXT} characters.")
            return ""
        if value and allowed is not None and value not in allowed:
            self.blame(name, f"{value[:80]!r} is not known; {nearest(value, allowed)}.")
        return value


def is_number(value: object, low: float, high: float) -> bool:
    """Tell whether a value is a JSON number within bounds; nan is within none."""
    is_numeric = isinstance(value, int | float) and not isinstance(value, bool)
    return is_numeric and low <= cast(float, value) <= high


def listed(names: Iterable[str]) -> str:
    """Return names as a sentence lists them."""
    return ", ".join(names)


def nearest(value: str, allowed: Collection[str]) -> str:
    """Return which of the allowed names was perhaps meant, or what there is."""
    # Only here, since a request without mistakes never needs it.
    from difflib import get_close_matches

    close = get_close_matches(value, allowed, n=1, cutoff=0.5)
    if close:
        return f"the nearest is {close[0]}"
    return f"there are {listed(sorted(allowed)[:12])}" if allowed else "there is none"
