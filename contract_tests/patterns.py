"""Write texts that match a regular expression, each call a different one."""

from __future__ import annotations

import importlib
import re
from typing import Any, Final

#: How often something is repeated that may be repeated for ever.
_MORE: Final = 2
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_CLASSES: Final = {
    "CATEGORY_DIGIT": "0123456789",
    "CATEGORY_SPACE": " ",
    "CATEGORY_WORD": _LETTERS,
    "CATEGORY_NOT_DIGIT": _LETTERS,
    "CATEGORY_NOT_SPACE": _LETTERS,
    "CATEGORY_NOT_WORD": "-",
}


def text_of(pattern: str, number: int) -> str | None:
    """Return a text that matches a pattern; other numbers give other texts. None when unable."""
    # The parser of `re` itself knows the syntax best; its module has no public name any more.
    parse = importlib.import_module("re._parser").parse
    try:
        found = _Sampler(number).sequence(parse(pattern))
    except (re.error, NotImplementedError, RecursionError):
        return None
    return found if re.search(pattern, found) else None


class _Sampler:
    """Chooses by the digits of a number, the last choices first, so that neighbours differ."""

    def __init__(self, number: int) -> None:
        self._left = number * 2654435761 + 7

    def sequence(self, items: Any) -> str:
        return "".join(self._item(str(name), argument) for name, argument in items)

    def _choose(self, choices: str) -> str:
        self._left, index = divmod(self._left, len(choices))
        # Spent digits would make everything after them the same for all numbers.
        self._left = self._left or 982451653
        return choices[index]

    def _item(self, name: str, argument: Any) -> str:
        if name == "LITERAL":
            return chr(argument)
        if name in ("AT", "ASSERT", "ASSERT_NOT"):
            return ""
        if name in ("ANY", "NOT_LITERAL", "IN"):
            return self._choose(_choices(name, argument))
        if name in ("BRANCH", "SUBPATTERN"):
            return self.sequence(argument[1][0] if name == "BRANCH" else argument[-1])
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, inner = argument
            return "".join(self.sequence(inner) for _ in range(min(max(least, _MORE), most)))
        raise NotImplementedError(name)


def _choices(name: str, argument: Any) -> str:
    if name == "IN":
        return _members(argument)
    return "".join(c for c in _LETTERS if name == "ANY" or ord(c) != argument)


def _members(items: Any) -> str:
    """Return plain characters that a class admits, at most a hundred."""
    is_negated = str(items[0][0]) == "NEGATE"
    found = ""
    for name, argument in items[1:] if is_negated else items:
        if str(name) == "LITERAL":
            found += chr(argument)
        elif str(name) == "RANGE":
            found += "".join(map(chr, range(argument[0], min(argument[1], argument[0] + 100) + 1)))
        elif str(name) == "CATEGORY":
            found += _CLASSES[str(argument)]
    if is_negated:
        found = "".join(c for c in _LETTERS + "0123456789 " if c not in found)
    if not found:
        raise NotImplementedError("a class without plain characters")
    return found
