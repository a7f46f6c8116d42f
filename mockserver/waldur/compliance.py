"""Tell how far the users of offerings have answered their checklists."""

from __future__ import annotations

from mockserver.actions import Scope
from mockserver.json_types import JSON, Record
from mockserver.waldur import context


def offering_compliance_total_users(record: Record, scope: Scope) -> JSON:
    """Count the offering users of the offering, in every state."""
    return scope.store.count_related("offering_user", "offering", record["uuid"])


def offering_compliance_users_with_completions(record: Record, scope: Scope) -> JSON:
    """Count the offering users who have begun a checklist."""
    return sum(bool(_completions(user, scope)) for user in _users(record, scope))


def offering_compliance_completed_users(record: Record, scope: Scope) -> JSON:
    """Count the offering users who have completed a checklist."""
    return sum(
        any(completion["is_completed"] for completion in _completions(user, scope))
        for user in _users(record, scope)
    )


def offering_compliance_pending_users(record: Record, scope: Scope) -> JSON:
    """Count the offering users who have begun a checklist and not completed it."""
    begun = offering_compliance_users_with_completions(record, scope)
    return begun - offering_compliance_completed_users(record, scope)


def offering_compliance_compliance_rate(record: Record, scope: Scope) -> JSON:
    """Return the share of offering users who have completed a checklist, in percent."""
    total = offering_compliance_total_users(record, scope)
    completed = offering_compliance_completed_users(record, scope)
    return completed / total * 100 if total else 0.0


def checklist_questions_count(record: Record, scope: Scope) -> JSON:
    """Count the questions of the checklist."""
    return scope.store.count_related("question", "checklist", record["uuid"])


def checklist_offerings_count(record: Record, scope: Scope) -> JSON:
    """Count the provider's offerings that use the checklist."""
    customer = context.provider(scope)["customer"]
    offerings = scope.store.related("offering", "compliance_checklist", record["uuid"])
    return sum(offering["customer"] == customer for offering in offerings)


def offering_user_compliance_status(record: Record, scope: Scope) -> JSON:
    """Tell whether the user still has to answer the offering's checklist."""
    if _checklist(record, scope) is None:
        return "no_checklist"
    done = any(completion["is_completed"] for completion in _completions(record, scope))
    return "completed" if done else "pending"


def offering_user_completion_percentage(record: Record, scope: Scope) -> JSON:
    """Return how much of the offering's checklist is answered, null without one."""
    checklist = _checklist(record, scope)
    if checklist is None:
        return None
    completion = _completion(record, scope)
    if completion is None:
        return 0
    questions = scope.store.related("question", "checklist", checklist)
    answered = set(completion["answered"]) & {question["uuid"] for question in questions}
    return round(len(answered) / len(questions) * 100) if questions else 100


def offering_user_last_updated(record: Record, scope: Scope) -> JSON:
    """Return when an answer was last changed, null before the first."""
    completion = _completion(record, scope)
    return None if completion is None else completion["modified"]


def _users(record: Record, scope: Scope) -> tuple[Record, ...]:
    return scope.store.related("offering_user", "offering", record["uuid"])


def _completions(user: Record, scope: Scope) -> tuple[Record, ...]:
    return scope.store.related("checklist_completion", "offering_user", user["uuid"])


def _checklist(user: Record, scope: Scope) -> str | None:
    offering = scope.store.get("offering", user["offering"])
    return None if offering is None else offering["compliance_checklist"]


def _completion(user: Record, scope: Scope) -> Record | None:
    wanted = _checklist(user, scope)
    found = (each for each in _completions(user, scope) if each["checklist"] == wanted)
    return next(found, None)
