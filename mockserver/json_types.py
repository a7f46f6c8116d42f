"""Names for JSON shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

#: Any JSON value. `Any`, because a recursive alias makes every access a cast.
JSON: TypeAlias = Any
#: A stored record: never mutated, always replaced.
Record: TypeAlias = Mapping[str, JSON]
#: The identifying value of a record.
Key: TypeAlias = "str | int"


class Shown(dict[str, Any]):
    """A record as it is shown: never changed, so that its `text` is written once."""

    __slots__ = ("text",)

    def __init__(self, members: Mapping[str, JSON]) -> None:
        super().__init__(members)
        self.text: bytes | None = None


class _Omit:
    """The type of `OMIT`."""

    def __repr__(self) -> str:
        return "OMIT"


#: What a computed function returns to leave its key out of the answer.
OMIT: Final = _Omit()
