"""Word a rejection in the format an API speaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypeAlias

from mockserver.errors import (
    NON_FIELD,
    Conflict,
    Forbidden,
    Invalid,
    Issue,
    Issues,
    Malformed,
    MethodNotAllowed,
    Missing,
    NotAcceptable,
    NotFound,
    Rejection,
    TooLarge,
    TooMany,
    Unauthenticated,
    Unavailable,
    UnsupportedMedia,
)
from mockserver.json_types import JSON

#: A body and its media type.
Worded: TypeAlias = "tuple[JSON, str]"
Dialect: TypeAlias = Callable[[Rejection], Worded]

#: Complaints by code. `body.` and `query.` differ where Django REST framework's
#: serializers and django-filter's forms do.
TEXTS: Final[Mapping[str, str]] = {
    "text": "{text}",
    "body.required": "This field is required.",
    "body.null": "This field may not be null.",
    "body.blank": "This field may not be blank.",
    "body.no_data": "No data provided",
    "body.not_an_object": "Invalid data. Expected a dictionary, but got {type}.",
    "body.not_a_list": 'Expected a list of items but got type "{type}".',
    "body.not_a_dict": 'Expected a dictionary of items but got type "{type}".',
    "body.string": "Not a valid string.",
    "body.boolean": "Must be a valid boolean.",
    "body.integer": "A valid integer is required.",
    "body.number": "A valid number is required.",
    "body.uuid": "Must be a valid UUID.",
    "body.datetime": (
        "Datetime has wrong format. Use one of these formats instead: "
        "YYYY-MM-DD, YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
    ),
    "body.date": "Date has wrong format. Use one of these formats instead: YYYY-MM-DD.",
    "body.choice": '"{value}" is not a valid choice.',
    "body.pattern": "Enter a valid value.",
    "body.max_length": "Ensure this field has no more than {limit} characters.",
    "body.min_length": "Ensure this field has at least {limit} characters.",
    "body.min_items": "Ensure this field has at least {limit} elements.",
    "body.max_items": "Ensure this field has no more than {limit} elements.",
    "body.minimum": "Ensure this value is greater than or equal to {limit}.",
    "body.maximum": "Ensure this value is less than or equal to {limit}.",
    "body.exclusive_minimum": "Ensure this value is greater than {limit}.",
    "body.exclusive_maximum": "Ensure this value is less than {limit}.",
    "body.max_digits": "Ensure that there are no more than {limit} digits in total.",
    "body.max_decimal_places": "Ensure that there are no more than {limit} decimal places.",
    "body.max_whole_digits": (
        "Ensure that there are no more than {limit} digits before the decimal point."
    ),
    "body.string_too_large": "String value too large.",
    "body.null_characters": "Null characters are not allowed.",
    "body.surrogate": "Surrogate characters are not allowed: U+{codepoint}.",
    "body.no_match": "Invalid hyperlink - No URL match.",
    "body.incorrect_match": "Invalid hyperlink - Incorrect URL match.",
    "body.does_not_exist": "Invalid hyperlink - Object does not exist.",
    "body.no_record": 'Invalid pk "{key}" - object does not exist.',
    "body.not_a_link": "Incorrect type. Expected URL string, received {type}.",
    "body.not_a_file": ("The submitted data was not a file. Check the encoding type on the form."),
    "body.empty_file": "The submitted file is empty.",
    "body.not_an_image": (
        "Upload a valid image. The file you uploaded was either not an image or a corrupted image."
    ),
    "body.unique": "{label} with this {field} already exists.",
    "body.unique_together": "The fields {fields} must make a unique set.",
    "query.required": "This field is required.",
    "query.uuid": "Enter a valid UUID.",
    "query.date": "Enter a valid date.",
    "query.datetime": "Enter a valid date/time.",
    "query.integer": "Enter a whole number.",
    "query.number": "Enter a number.",
    "query.boolean": "Must be a valid boolean.",
    "query.choice": "Select a valid choice. {value} is not one of the available choices.",
    "query.null_characters": "Null characters are not allowed.",
}


def word(issue: Issue) -> str:
    """Return the sentence of a complaint."""
    return TEXTS[issue.code].format(**issue.params)


def drf(rejection: Rejection) -> Worded:
    """Speak as Django REST framework does: `detail`, fields, or a bare list."""
    return _drf_body(rejection), "application/json"


def problem(rejection: Rejection) -> Worded:
    """Speak RFC 9457; `errors` holds a JSON Pointer and a sentence for each complaint."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _title(rejection.status),
        "status": rejection.status,
        "detail": detail_of(rejection),
    }
    if isinstance(rejection, Invalid) and rejection.issues:
        body["errors"] = [
            {"pointer": pointer, "detail": text}
            for pointer, text in _pointers(rejection.issues, "")
        ]
    return body, "application/problem+json"


DIALECTS: Final[Mapping[str, Dialect]] = {"drf": drf, "problem": problem}


def _title(status: int) -> str:
    # RFC 9110 has this name; Python has it from 3.13 on.
    named = {413: "Content Too Large"}
    try:
        return named.get(status) or HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def detail_of(rejection: Rejection) -> str:
    """Return one sentence for a rejection."""
    match rejection:
        case Invalid():
            return rejection.message or "The request is not valid."
        case NotFound() if not rejection.detail and rejection.title:
            return f"No {rejection.title} matches the given query."
        case MethodNotAllowed():
            return f'Method "{rejection.method}" not allowed.'
        case UnsupportedMedia():
            return f'Unsupported media type "{rejection.media_type}" in request.'
        case _:
            return str(getattr(rejection, "detail", "")) or _SENTENCES.get(type(rejection), "")


_SENTENCES: Final[Mapping[type, str]] = {
    Unauthenticated: "Authentication credentials were not provided.",
    Forbidden: "You do not have permission to perform this action.",
    NotFound: "Not found.",
    NotAcceptable: "Could not satisfy the request Accept header.",
    Conflict: "The present state does not allow this.",
    TooLarge: "The request body is too large.",
    TooMany: "Too many requests.",
    Missing: "Not installed.",
    Unavailable: "The data cannot be reached.",
    Malformed: "Malformed request.",
}


def _drf_body(rejection: Rejection) -> JSON:
    if not isinstance(rejection, Invalid):
        return {"detail": detail_of(rejection)}
    if rejection.issues:
        return {name: _drf_issues(issues) for name, issues in rejection.issues.items()}
    return [rejection.message]


def _drf_issues(issues: Issues) -> JSON:
    if isinstance(issues, list):
        return [word(issue) for issue in issues]
    return {name: _drf_issues(inner) for name, inner in issues.items()}


def _pointers(issues: Mapping[str, Issues], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, inner in issues.items():
        step = name.replace("~", "~0").replace("/", "~1")
        here = prefix if name == NON_FIELD else f"{prefix}/{step}"
        if isinstance(inner, list):
            found.extend((here, word(issue)) for issue in inner)
        else:
            found.extend(_pointers(inner, here))
    return found
