"""Make strings safe to show: nothing invisible, nothing secret, nothing endless."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from contract_tests.wire import SECRET_HEADERS

HIDDEN: Final = "[redacted]"

# The longest first: one name is the end of another.
_NAMES: Final = "|".join(sorted(SECRET_HEADERS, key=len, reverse=True))
_HEADER: Final = re.compile(rf"(?i)\b({_NAMES})([\"']?\s*:\s*[\"']?)([^\"'\r\n]+)")
_USERINFO: Final = re.compile(r"(?<=://)[^/?#\s\"'@]+@")

_T = TypeVar("_T")


def visible(text: str) -> str:
    r"""
    Spell out every character that could not be seen or not be encoded.

    Line feeds, tabs and plain spaces stay; controls, bidirectional marks, odd
    spaces, lone surrogates and non-characters become `\x1b`, `\u202e` and the like.
    """
    if text.isprintable():
        return text
    return "".join(map(_spelled, text))


def one_line(text: str) -> str:
    """Return `visible` text without line breaks and tabs."""
    return visible(text).replace("\n", "\\n").replace("\t", "\\t")


def clipped(text: str, length: int) -> str:
    """Return at most `length` characters, the last one an ellipsis when some are left out."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def without_secrets(text: str) -> str:
    """Replace credentials in header lines and addresses; names of variables may stay."""
    return _USERINFO.sub(f"{HIDDEN}@", _HEADER.sub(_hidden_header, text))


def shareable(value: _T) -> _T:
    """Return the same value with `without_secrets` applied to every string inside."""
    return _shareable(value)  # type: ignore[no-any-return]  # as deep as the value, of the same type


def _spelled(character: str) -> str:
    if character.isprintable() or character in "\n\t":
        return character
    return character.encode("unicode_escape").decode("ascii")


def _hidden_header(match: re.Match[str]) -> str:
    name, colon, value = match.groups()
    return match.group() if _is_harmless(value) else f"{name}{colon}{HIDDEN}"


def _is_harmless(value: str) -> bool:
    # `Token $TOKEN` and `Bearer ${TOKEN}` name where the secret is kept.
    scheme, _, credentials = value.strip().rpartition(" ")
    is_variable = re.fullmatch(r"\$\{?\w+\}?", credentials) is not None
    return HIDDEN in value or (is_variable and scheme.isalpha() | (not scheme))


def _shareable(value: Any) -> Any:
    if isinstance(value, str):
        return without_secrets(value)
    if isinstance(value, Mapping):
        return {key: _member(key, member) for key, member in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(map(_shareable, value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(
            value,
            **{f.name: _shareable(getattr(value, f.name)) for f in dataclasses.fields(value)},
        )
    return value


def _member(key: Any, value: Any) -> Any:
    if isinstance(key, str) and key.lower() in SECRET_HEADERS and isinstance(value, str):
        return value if _is_harmless(value) else HIDDEN
    return _shareable(value)
