"""Know again what a client asks in the very same bytes as before."""

from __future__ import annotations

import re
from typing import Final, Generic, TypeVar

R = TypeVar("R")
#: Requests of one connection that are remembered, and how long each may be, in bytes.
KNOWN: Final = 16
LONGEST: Final = 4096
_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,15})[ \t]*(?=\r\n)", re.IGNORECASE)
#: With these a request may end elsewhere than its length says, or another follow.
_UNCLEAR: Final = re.compile(rb"\r\n(?:transfer-encoding|upgrade|expect)[ \t]*:", re.IGNORECASE)


class Repeats(Generic[R]):
    """
    The requests of one connection, by the bytes that they came in.

    Who asks the same again sends the same bytes, and what they mean need not be found
    out again: as long as each request before has been answered, so that answers keep
    their order. Where that cannot be told from the bytes, nothing is known any more.
    """

    __slots__ = ("_known", "_latest", "_missing", "_open")

    def __init__(self) -> None:
        self._known: dict[bytes, R] = {}
        #: What came last, if that was one whole request without a body.
        self._latest = b""
        #: How many bytes of a request are still to come; None when nobody knows.
        self._missing: int | None = 0
        self._open = 0

    def find(self, data: bytes) -> R | None:
        """Return the request that was made of the same bytes, if it may be answered now."""
        return self._known.get(data) if self._missing == 0 and self._open == 0 else None

    def passed(self, data: bytes) -> None:
        """Note that bytes are being read, and become a request or a part of one."""
        self._latest = b""
        if self._missing is None:
            return
        if self._missing:
            rest = self._missing - len(data)
        else:
            length = _length(data)
            if length is None:
                self._missing = None
                return
            self._open += 1
            rest = length - len(data)
            if not rest and length <= LONGEST and data.endswith(_END_OF_HEAD):
                self._latest = data
        self._missing = rest if rest >= 0 else None

    def answered(self, request: R) -> None:
        """Note that a request has been answered, which may be asked again."""
        self._open -= 1
        if self._open < 0:
            # The bytes were read otherwise than here.
            self._missing = None
        elif self._open == 0 and self._latest:
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[self._latest] = request


def _length(data: bytes) -> int | None:
    """Return how long the request is that bytes begin with, in bytes; None when that is unclear."""
    end = data.find(_END_OF_HEAD)
    if end < 0:
        return None
    head = data[: end + 2]
    lengths = _LENGTH.findall(head)
    if len(lengths) > 1 or _UNCLEAR.search(head):
        return None
    return end + len(_END_OF_HEAD) + (int(lengths[0]) if lengths else 0)
