"""One thing that goes wrong on purpose, and its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Literal, TypeAlias, cast

from mockserver.delivery import LONGEST
from mockserver.errors import Invalid
from mockserver.members import Reading, listed

Kind: TypeAlias = Literal[
    "latency", "status", "rate_limit", "empty", "reset", "truncated", "malformed", "slow"
]
#: Every kind of fault, with what may be said of it. `Prefer: fault=` has the same words.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "latency": ("milliseconds", "uniform", "normal", "lognormal"),
    "status": ("code", "executed"),
    "rate_limit": ("retry_after",),
    "empty": (),
    "reset": (),
    "truncated": (),
    "malformed": (),
    "slow": ("rate",),
}
#: The ways in which latency may vary, with their two numbers and the largest values of these.
SPREADS: Final[Mapping[str, tuple[tuple[str, str], tuple[float, float]]]] = {
    "uniform": (("min", "max"), (LONGEST * 1000, LONGEST * 1000)),
    "normal": (("median", "sigma"), (LONGEST * 1000, LONGEST * 1000)),
    "lognormal": (("median", "sigma"), (LONGEST * 1000, 5.0)),
}
_REPLACING: Final = frozenset({"status", "rate_limit"})


@dataclass(frozen=True, slots=True)
class Spread:
    """A latency that varies, in milliseconds: `uniform`, or around a median with a sigma."""

    shape: str
    first: float
    second: float

    def draw(self, chance: Random) -> float:
        """Return a latency in milliseconds, within what any answer may be held back."""
        if self.shape == "uniform":
            drawn = chance.uniform(self.first, self.second)
        elif self.shape == "normal":
            drawn = chance.normalvariate(self.first, self.second)
        else:
            drawn = self.first * math.exp(chance.normalvariate(0.0, self.second))
        return round(min(max(drawn, 0.0), LONGEST * 1000), 3)


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing that goes wrong. Only the members that `KINDS` names for its kind count.

    `milliseconds` is a latency, `rate` bytes a second, `retry_after` seconds.
    `executed` is whether a `status` comes after the request was carried out.
    """

    kind: Kind
    milliseconds: float = 1000.0
    spread: Spread | None = None
    code: int = 503
    executed: bool = False
    rate: int = 1024
    retry_after: int = 1

    @classmethod
    def read(cls, raw: object) -> Fault:
        """Return the fault that a word or a mapping with `kind` describes; raise Invalid."""
        told = raw if isinstance(raw, Mapping) else {"kind": raw}
        kind = told.get("kind")
        if not isinstance(kind, str) or kind not in KINDS:
            raise Invalid.field("kind", f"Give one of {', '.join(KINDS)}.")
        reading = Reading(told, ("kind", *KINDS[kind]))
        made = cls(
            cast(Kind, kind),
            milliseconds=reading.number("milliseconds", 1000.0, 0, LONGEST * 1000),
            spread=_spread(reading),
            code=reading.whole("code", 503, 200, 599),
            executed=reading.flag("executed"),
            rate=reading.whole("rate", 1024, 1, 1 << 30),
            retry_after=reading.whole("retry_after", 1, 0, 86_400),
        )
        reading.finish()
        return made

    @property
    def replaces(self) -> bool:
        """Whether the answer is another than the operation's own."""
        return self.kind in _REPLACING

    @property
    def executes(self) -> bool:
        """Whether the request is carried out all the same."""
        return not self.replaces or (self.kind == "status" and self.executed)

    @property
    def status(self) -> int:
        """The status of the answer that replaces the operation's own."""
        return 429 if self.kind == "rate_limit" else self.code

    def drawn(self, chance: Random) -> Fault:
        """Return this fault with its chance settled."""
        if self.spread is None:
            return self
        return replace(self, milliseconds=self.spread.draw(chance), spread=None)

    def shown(self) -> dict[str, Any]:
        """Return the mapping that `read` takes."""
        told: dict[str, Any] = {"kind": self.kind}
        if self.spread is not None:
            names = SPREADS[self.spread.shape][0]
            told[self.spread.shape] = {
                names[0]: self.spread.first,
                names[1]: self.spread.second,
            }
            return told
        return told | {
            name: getattr(self, name) for name in KINDS[self.kind] if name not in SPREADS
        }


def _spread(reading: Reading) -> Spread | None:
    both = [name for name in ("milliseconds", *SPREADS) if name in reading.raw]
    named = [name for name in both if name in SPREADS]
    if not named:
        return None
    if len(both) > 1:
        reading.blame(both[-1], f"Give only one of {listed(both)}.")
        return None
    shape = named[0]
    names, most = SPREADS[shape]
    told = reading.raw[shape]
    if not isinstance(told, Mapping):
        reading.blame(shape, f"Give an object with {names[0]} and {names[1]}.")
        return None
    inner = Reading(told, names)
    first, second = (
        # nan, so that a number that is not given is complained of.
        inner.number(name, math.nan, 0, limit)
        for name, limit in zip(names, most, strict=True)
    )
    if shape == "uniform" and first > second:
        inner.blame("max", "Give at least as much as for min.")
    if inner.issues:
        reading.issues[shape] = inner.issues
        return None
    return Spread(shape, first, second)
