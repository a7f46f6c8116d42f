"""Make the secret codes of providers."""

from __future__ import annotations

from typing import Final

from mockserver.actions import Call

#: Letters and digits that are not taken for one another.
ALPHABET: Final = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
LENGTH: Final = 16


def provider_new_secret_code(call: Call) -> str:
    """Draw a code; every call draws another."""
    number = int(call.random("api_secret_code"), 16)
    code = ""
    for _ in range(LENGTH):
        number, index = divmod(number, len(ALPHABET))
        code += ALPHABET[index]
    return code
