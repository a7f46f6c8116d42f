"""Find out who is calling."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from mockserver import links, values
from mockserver.errors import Forbidden, Unauthenticated
from mockserver.json_types import Record
from mockserver.operation import Resource
from mockserver.store import Transaction


class LastUse:
    """
    When each token was used last, for those that expire when they lie idle.

    Not part of the state: who reads must not write, and a reset signs nobody out.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._used: MutableMapping[str, datetime] = {}

    def renew(self, token: Record, rules: Mapping[str, Any], key: str, lifetime: timedelta) -> None:
        """Note that a token is used; raise Unauthenticated when that is too late."""
        now = self._clock()
        issued = token.get(rules["issued"])
        since = self._used.get(key) or (values.read_instant(issued) if issued else None) or now
        if now - since > lifetime:
            raise Unauthenticated("Token has expired.")
        self._used[key] = now


def caller(
    header: str,
    store: Transaction,
    rules: Mapping[str, Any] | None,
    resources: Mapping[str, Resource],
    last_use: LastUse,
) -> Record | None:
    """
    Return the user whose token a header carries, or None for an anonymous caller.

    Another scheme, or a token without the keyword, counts as no credentials, as
    in rest_framework.authentication.TokenAuthentication.
    """
    if rules is None or not header:
        return None
    words = header.split()
    if not words or words[0].lower() != rules["keyword"].lower():
        return None
    if len(words) == 1:
        raise Unauthenticated("Invalid token. No credentials provided.")
    if len(words) > 2:
        raise Unauthenticated("Invalid token. Token string should not contain spaces.")
    token = store.get(rules["tokens"], words[1])
    if token is None:
        raise Unauthenticated("Invalid token.")
    holder = resources[rules["tokens"]].relations[rules["user"]].to
    user = store.get(holder, token[rules["user"]])
    if user is None or not user.get(rules["active"], True):
        raise Unauthenticated("User inactive or deleted.")
    if "lifetime" in rules and user.get(rules["lifetime"]) is not None:
        last_use.renew(token, rules, words[1], timedelta(seconds=user[rules["lifetime"]]))
    return user


def stand_in(
    header: str,
    caller_: Record | None,
    store: Transaction,
    rules: Mapping[str, Any],
    resources: Mapping[str, Resource],
) -> Record | None:
    """
    Return the user whom a header asks to act as; None when the caller stays who he is.

    A caller who may not, and a header that names nobody, count as no header. Who has
    no token of his own has no session that could be taken over.
    """
    said = rules.get("impersonation")
    if said is None or not header or caller_ is None or not caller_.get(said["allowed"]):
        return None
    tokens = resources[rules["tokens"]]
    users = resources[tokens.relations[rules["user"]].to]
    user = store.get(users.name, links.read_key(users, header))
    if user is None:
        return None
    if not store.related(tokens.name, rules["user"], user[users.key]):
        raise Forbidden("Unable to impersonate user which does not have an active session.")
    return user
