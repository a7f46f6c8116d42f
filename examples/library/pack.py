"""The few things about a library that its spec cannot say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from mockserver import crud
from mockserver.actions import Action, Result, Scope
from mockserver.errors import Conflict, Forbidden
from mockserver.json_types import JSON, Record
from mockserver.pack import Pack


def may(scope: Scope, needs: str, record: Record | None) -> bool:
    """Tell whether the caller may; `record` is a branch where it matters which one."""
    user = scope.user
    if user is None:
        return False
    if user["role"] == "curator" or needs == "borrow":
        return True
    is_own = record is not None and user["branch"] == record["id"]
    return user["role"] == "librarian" and (needs == "work" or (needs == "shelve" and is_own))


# Operations


def books_lend(scope: Scope) -> Result:
    """Lend a book to the caller."""
    book, user = crud.target(scope), scope.user
    if user is None:
        raise Forbidden
    days = scope.body.get("days", 21)
    if book["is_reference"]:
        raise Conflict("This book stays in the house.")
    if book_open_loans(book, scope):
        raise Conflict("This book is on loan.")
    today = scope.today
    loan = {
        "id": scope.store.next_serial("loan"),
        "book": book["id"],
        "member": user["id"],
        "since": today.isoformat(),
        "until": (today + timedelta(days=days)).isoformat(),
        "is_returned": False,
    }
    return Result(scope.store.insert("loan", loan))


def library_statistics(scope: Scope) -> Result:
    """Count books, authors and loans."""
    crud.authorize(scope)
    books = scope.store.all("book")
    return Result(
        {
            "books": len(books),
            "authors": scope.store.count("author"),
            "on_loan": sum(1 for book in books if book_open_loans(book, scope)),
            "by_genre": dict(sorted(Counter(book["genre"] for book in books).items())),
        }
    )


# What the spec calls by name


def author_books_count(record: Record, scope: Scope) -> JSON:
    """Count the books of an author."""
    return len(scope.store.related("book", "author", record["id"]))


def branch_books_count(record: Record, scope: Scope) -> JSON:
    """Count the books of a branch."""
    return len(scope.store.related("book", "branch", record["id"]))


def book_open_loans(record: Record, scope: Scope) -> list[Record]:
    """Return the loans of a book that have not ended."""
    loans = scope.store.related("loan", "book", record["id"])
    return [loan for loan in loans if not loan["is_returned"]]


def book_is_available(record: Record, scope: Scope) -> JSON:
    """Tell whether a book may be borrowed now."""
    return not record["is_reference"] and not book_open_loans(record, scope)


def book_rating(record: Record, scope: Scope) -> JSON:
    """Return the mean of the published stars of a book, or None."""
    reviews = scope.store.related("review", "book", record["id"])
    stars = [review["stars"] for review in reviews if review["is_published"]]
    return round(sum(stars) / len(stars), 2) if stars else None


def book_has_keyword(record: Record, value: JSON, scope: Scope) -> bool:
    """Tell whether a book carries a keyword."""
    return value in record["keywords"]


_OPERATIONS: tuple[Action, ...] = (books_lend, library_statistics)
_FUNCTIONS: tuple[Callable[..., Any], ...] = (
    author_books_count,
    branch_books_count,
    book_open_loans,
    book_is_available,
    book_rating,
    book_has_keyword,
)

pack = Pack(
    "library",
    operations={function.__name__: function for function in _OPERATIONS},
    functions={function.__name__: function for function in _FUNCTIONS},
    may=may,
)
