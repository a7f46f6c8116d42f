"""Freeze dataclasses for those who write code, at no cost to each that is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(*, frozen: bool = False, eq: bool = True, **settings: Any) -> Any:
        """
        Return what makes a dataclass of a class, as the decorator of the same name does.

        A frozen one cannot set its own fields in the usual way, and takes four times as
        long to make: too long for what each request needs a dozen of. mypy refuses
        whoever sets one anyway.
        """
        return dataclasses.dataclass(eq=eq, unsafe_hash=frozen and eq, **settings)
