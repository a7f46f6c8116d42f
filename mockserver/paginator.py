"""Cut a result into pages and say where the others are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from mockserver.errors import Invalid, Issue, NotFound
from mockserver.frozen import dataclass

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows of a list: page `number` (from 1) of `size` rows, out of `total`."""

    items: Sequence[T]
    number: int
    size: int
    total: int
    is_paged: bool = True

    @property
    def last(self) -> int:
        """The number of the last page; an empty list has one page."""
        return max(1, -(-self.total // self.size)) if self.size else 1

    @property
    def has_next(self) -> bool:
        """Whether a page follows."""
        return self.number < self.last

    @property
    def has_previous(self) -> bool:
        """Whether a page precedes."""
        return self.number > 1


def paginate(items: Sequence[T], *, number: int, size: int) -> Page[T]:
    """Return page `number`; a page past the end has no items."""
    start = (number - 1) * size
    return Page(items[start : start + size], number, size, len(items))


def whole(items: Sequence[T]) -> Page[T]:
    """Return everything as one page."""
    return Page(items, 1, len(items), len(items), is_paged=False)


def numbers(page: Page[T]) -> dict[str, int]:
    """Return which pages `first`, `prev`, `next` and `last` are; absent where none."""
    found = {"first": 1}
    if page.has_previous:
        found["prev"] = min(page.number - 1, page.last)
    if page.has_next:
        found["next"] = page.number + 1
    return {**found, "last": page.last}


def cut(
    items: Sequence[T], query: Mapping[str, Sequence[str]], rules: Mapping[str, Any]
) -> Page[T]:
    """Return the page a query asks for; NotFound or Invalid where the rules say so."""
    size = _size(_last(query, rules["size"]), rules)
    text = _last(query, rules["number"]).strip()
    if rules["last"] and text == rules["last"]:
        return paginate(items, number=paginate(items, number=1, size=size).last, size=size)
    number = 1 if not text else _positive(text)
    page = paginate(items, number=number or 1, size=size)
    if number is None or number > page.last:
        if rules["out_of_range"] == "empty" and number is not None:
            return page
        raise NotFound("Invalid page.")
    return page


def _size(text: str, rules: Mapping[str, Any]) -> int:
    size = _positive(text.strip())
    default, limit = int(rules["default"]), int(rules["max"])
    is_absent = not text.strip()
    if size is None and not is_absent and rules["bad_size"] == "reject":
        raise Invalid({rules["size"]: [Issue("query.integer")]})
    if size is not None and size > limit and rules["oversize"] == "reject":
        raise Invalid({rules["size"]: [Issue("body.maximum", {"limit": limit})]})
    return default if size is None else min(size, limit)


def _last(query: Mapping[str, Sequence[str]], name: str) -> str:
    sent = query.get(name, ())
    return sent[-1] if sent else ""


def _positive(text: str) -> int | None:
    digits = text.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        # A number too long to be a page is past every end, and over every size.
        return 10**18 if digits.isascii() and digits.isdigit() else None
    return int(digits) or None
