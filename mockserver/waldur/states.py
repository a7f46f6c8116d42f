"""Name the states that decide what counts."""

from __future__ import annotations

from typing import Final

from mockserver.json_types import Record

TERMINATED: Final = "Terminated"
ARCHIVED: Final = "Archived"
#: Offerings that customers see: what `offering_count` counts.
ON_SALE: Final = frozenset({"Active", "Paused"})
#: Codes of the offering states, which is how lists order them.
OFFERING_CODES: Final = {"Draft": 1, "Active": 2, "Paused": 3, "Archived": 4}

#: Codes of the states of a course account, likewise.
COURSE_ACCOUNT_CODES: Final = {"OK": 1, "Closed": 2, "Erred": 3}

OFFERING_USER_REQUESTED: Final = 1
OFFERING_USER_OK: Final = 5
#: Requested, Creating, two sorts of Pending, Error creating: a name settles them.
OFFERING_USER_UNSETTLED: Final = frozenset({1, 2, 3, 4, 9})
#: OK and Requested deletion: the robot accounts that exist.
ROBOT_ACCOUNT_PRESENT: Final = frozenset({3, 4})


def is_live(resource: Record) -> bool:
    """Tell whether a resource still exists; one that failed still does."""
    return bool(resource["state"] != TERMINATED)
