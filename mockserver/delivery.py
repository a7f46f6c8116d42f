"""Say how an answer goes over the wire: late, slowly, broken, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

#: `empty` sends nothing and closes, `reset` tears the connection down, `truncated` stops
#: in the middle, `malformed` is no HTTP from some point on, `slow` comes in drops.
Manner: TypeAlias = Literal["whole", "empty", "reset", "truncated", "malformed", "slow"]

#: The longest that an answer is held back, in seconds.
LONGEST: Final = 60.0


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one answer is sent: after `delay` seconds, and at `rate` bytes a second when slow."""

    delay: float = 0.0
    manner: Manner = "whole"
    rate: int = 0


#: At once and as it is, like nearly every answer.
WHOLE: Final = Delivery()
