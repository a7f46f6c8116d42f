"""The shape of behaviour: Call in, Result out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, TypeAlias

from mockserver import values
from mockserver.frozen import dataclass
from mockserver.json_types import JSON, Key, Record
from mockserver.operation import Answer, Operation, Resource
from mockserver.paginator import Page
from mockserver.store import Transaction

#: Before any instant that there is.
EPOCH: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """
    One request, free of HTTP.

    `path` holds the raw path parameters, `query` every value of every query
    parameter. The body is read when first asked for, so that the order of an
    action's statements is the order in which a client's mistakes are reported.
    """

    operation: Operation
    path: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    now: datetime
    new_id: Callable[[], str]
    random: Callable[[str], str]
    read_body: Callable[[Scope], dict[str, JSON]]
    user: Record | None = None
    base_url: str = ""

    @property
    def instant(self) -> str:
        """The instant of the call as records hold it."""
        return values.write_instant(self.now)


@dataclass(slots=True)
class Scope:
    """
    What a function of the pack may look at while one call is answered.

    `store` reads and writes records; `parent` is the record that a nested
    path names; `body` is the validated body, read on first use. `is_asked`
    turns true when the operation's permission has been asked for. `until` is the
    first instant at which the answer may be another though the records are the
    same: None for never, `EPOCH` once somebody has looked at the clock itself.
    """

    call: Call
    bound: Bound
    store: Transaction
    may: Callable[[Scope, str, Record | None], bool]
    parent: Record | None = None
    is_asked: bool = False
    until: datetime | None = None
    _body: dict[str, JSON] | None = field(default=None)

    @property
    def user(self) -> Record | None:
        """The caller's record, or None for an anonymous caller."""
        return self.call.user

    @property
    def now(self) -> datetime:
        """
        The instant of the call, in UTC.

        No answer to who asks this can be kept: ask `has_come` or `today` where they do.
        """
        self.until = EPOCH
        return self.call.now

    def has_come(self, instant: datetime) -> bool:
        """Tell whether an instant is past or present; the answer holds until it comes."""
        if instant <= self.call.now:
            return True
        self.until = instant if self.until is None else min(self.until, instant)
        return False

    @property
    def today(self) -> date:
        """The day of the call, in UTC; the answer holds until it ends."""
        day = self.call.now.astimezone(UTC).date()
        self.has_come(datetime.combine(day + timedelta(days=1), time(), UTC))
        return day

    @property
    def body(self) -> dict[str, JSON]:
        """The validated body: only fields that were sent, in stored form."""
        if self._body is None:
            self._body = self.call.read_body(self)
        return self._body


@dataclass(frozen=True, slots=True)
class Bound:
    """
    An operation with everything compiled that its requests need.

    `find` raises Invalid with every complaint about the query, `shows` is the
    view of its answers, `owners` are the records its permission is held on,
    `path_key` is the path parameter that names the one record, `chosen` the
    values the server gives a new record.
    """

    operation: Operation
    resource: Resource
    conventions: Mapping[str, Any]
    success: Answer
    path_key: str
    action: Action
    parent: Resource | None
    rows: Callable[[Scope], Sequence[Record]]
    find: Callable[[Scope, Sequence[Record]], Sequence[Record]]
    is_visible: Callable[[Record, Scope], bool]
    shows: Callable[[Record, Scope, frozenset[str] | None], JSON]
    names: frozenset[str]
    owners: Callable[[Record, Scope], list[Record]]
    chosen: Mapping[str, Callable[[Scope], JSON]]
    defaults: Mapping[str, JSON]
    body_fields: Mapping[str, str]
    readers: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """
    What an action answers; the renderer makes it a response.

    `status` None means the success status that the spec documents. `created`
    is the key of a new record, for the `Location` header.
    """

    body: JSON = None
    status: int | None = None
    page: Page[Any] | None = None
    created: Key | None = None


Action: TypeAlias = Callable[[Scope], Result]
