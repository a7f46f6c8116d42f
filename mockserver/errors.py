"""Everything that can go wrong, and whose fault it is.

MockServerError
├── AuthorError        the author's: found at start-up, with place and remedy
│   ├── SpecError          in the spec or an overlay
│   ├── FixtureError       in a factory or a scenario
│   └── StoreError         in what `--store` names
├── ResponseDefect     ours: an answer or an effect that breaks the contract
└── Rejection          the client's: becomes a 4xx answer
    ├── Invalid            400  fields, or one message for the whole request
    ├── Malformed          400  a body that cannot be parsed
    ├── Unauthenticated    401
    ├── Forbidden          403
    ├── NotFound           404
    ├── MethodNotAllowed   405
    ├── NotAcceptable      406
    ├── Conflict           409
    ├── TooLarge           413
    ├── UnsupportedMedia   415
    ├── TooMany            429
    ├── Missing            501  something optional that is not installed
    └── Unavailable        503  what holds the data cannot be reached
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias


class MockServerError(Exception):
    """Whatever this package raises on purpose."""


class AuthorError(MockServerError):
    """A mistake in a file: `place: problem: remedy`."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}" if place else problem)
        self.place = place
        self.problem = problem


class SpecError(AuthorError):
    """The spec or an overlay cannot be served."""


class FixtureError(AuthorError):
    """A factory or a scenario cannot fill the store."""


class StoreError(AuthorError):
    """What `--store` names cannot keep the data of this server."""


class BrokenSpec(MockServerError):
    """All the mistakes found in one go."""

    def __init__(self, problems: Sequence[AuthorError]) -> None:
        # A schema that several operations use is compiled, and complains, as often.
        unique = {str(problem): problem for problem in problems}
        self.problems = tuple(unique.values())
        super().__init__("\n".join(unique))


class ResponseDefect(MockServerError):
    """An answer or an effect that the spec does not allow."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One complaint about one value: a code of `dialects.TEXTS` with its numbers."""

    code: str
    params: Mapping[str, Any] = field(default_factory=dict)


#: Complaints by field name; a nested object nests, a list index is a text key.
Issues: TypeAlias = "list[Issue] | dict[str, Issues]"


class Rejection(MockServerError):
    """The client's mistake; the dialect makes the body."""

    status: ClassVar[int] = 400


class Invalid(Rejection):
    """
    400: what was sent breaks a rule.

    `issues` blames fields (`non_field` blames the request as a whole);
    `message` alone is the refusal of an action in the present state.
    """

    def __init__(self, issues: Mapping[str, Issues] | None = None, *, message: str = "") -> None:
        super().__init__(message or repr(issues))
        self.issues = dict(issues or {})
        self.message = message

    @classmethod
    def field(cls, name: str, text: str) -> Invalid:
        """Blame one field in your own words."""
        return cls({name: [Issue("text", {"text": text})]})


#: The name under which `Invalid` blames the request as a whole.
NON_FIELD = "non_field_errors"


class _Detailed(Rejection):
    """A rejection that one sentence explains; empty means the dialect's own."""

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail


class Malformed(_Detailed):
    """400: the body cannot be parsed."""


class Unauthenticated(_Detailed):
    """401: no credentials, or bad ones."""

    status = 401


class Forbidden(_Detailed):
    """403: the caller may not."""

    status = 403


class NotFound(_Detailed):
    """404: no such record, or none the caller may see; `title` is its kind."""

    status = 404

    def __init__(self, detail: str = "", *, title: str = "") -> None:
        super().__init__(detail)
        self.title = title


class MethodNotAllowed(Rejection):
    """405: the path exists, the method does not."""

    status = 405

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.method = method


class NotAcceptable(_Detailed):
    """406: no media type that the client accepts."""

    status = 406


class Conflict(_Detailed):
    """409: the present state forbids it."""

    status = 409


class TooLarge(_Detailed):
    """413: a body over the limit."""

    status = 413


class TooMany(_Detailed):
    """429: no more of this; `seconds` is when to come back."""

    status = 429

    def __init__(self, detail: str = "", *, seconds: int = 1) -> None:
        super().__init__(detail)
        self.seconds = seconds


class Missing(_Detailed):
    """501: this installation cannot; the detail says what to install."""

    status = 501


class Unavailable(_Detailed):
    """503: what holds the data is away; `seconds` is when to come back."""

    status = 503

    def __init__(self, detail: str = "", *, seconds: int = 1) -> None:
        super().__init__(detail)
        self.seconds = seconds


class UnsupportedMedia(Rejection):
    """415: a body of a media type that the operation does not read."""

    status = 415

    def __init__(self, media_type: str) -> None:
        super().__init__(media_type)
        self.media_type = media_type
