"""How far the users of offerings have answered their checklists."""

from __future__ import annotations

from tests.oracle import filters, values
from tests.oracle.listing import Listing
from tests.oracle.world import Ask, Row, full_name

_PATH = "/api/marketplace-service-providers/{}/compliance/"


def _offerings(ask: Ask) -> list[Row]:
    return ask.world.where("offering", customer=ask.customer)


def _checked(ask: Ask) -> list[Row]:
    return [each for each in _offerings(ask) if each["compliance_checklist"] is not None]


def _checklists(ask: Ask) -> list[Row]:
    keys = {offering["compliance_checklist"] for offering in _checked(ask)}
    return [ask.world.get("checklist", key) for key in keys]


def _used(ask: Ask, checklist: Row) -> int:
    return sum(each["compliance_checklist"] == checklist["uuid"] for each in _checked(ask))


def _show_checklist(ask: Ask, checklist: Row) -> Row:
    return {
        "checklist_uuid": checklist["uuid"],
        "checklist_name": checklist["name"],
        "questions_count": len(ask.world.where("question", checklist=checklist["uuid"])),
        "offerings_count": _used(ask, checklist),
        "category_name": checklist["category"],
    }


def _completions(ask: Ask, account: Row) -> list[Row]:
    return ask.world.where("checklist_completion", offering_user=account["uuid"])


def _is_done(ask: Ask, account: Row) -> bool:
    return any(each["is_completed"] for each in _completions(ask, account))


def _show_overview(ask: Ask, offering: Row) -> Row:
    accounts = ask.world.where("offering_user", offering=offering["uuid"])
    begun = sum(bool(_completions(ask, each)) for each in accounts)
    done = sum(_is_done(ask, each) for each in accounts)
    return {
        "offering_uuid": offering["uuid"],
        "offering_name": offering["name"],
        "checklist_name": ask.world.get("checklist", offering["compliance_checklist"])["name"],
        "total_users": len(accounts),
        "users_with_completions": begun,
        "completed_users": done,
        "pending_users": begun - done,
        "compliance_rate": done / len(accounts) * 100 if accounts else 0.0,
    }


def _accounts(ask: Ask) -> list[Row]:
    keys = {offering["uuid"] for offering in _offerings(ask)}
    return [each for each in ask.world.all("offering_user") if each["offering"] in keys]


def _offering(ask: Ask, account: Row) -> Row:
    return ask.world.get("offering", account["offering"])


def _user(ask: Ask, account: Row) -> Row:
    return ask.world.get("user", account["user"])


def _completion(ask: Ask, account: Row) -> Row | None:
    """Return the completion of the checklist that the offering has now."""
    for each in _completions(ask, account):
        if each["checklist"] == _offering(ask, account)["compliance_checklist"]:
            return each
    return None


def _percentage(ask: Ask, account: Row) -> int | None:
    checklist = _offering(ask, account)["compliance_checklist"]
    completion = _completion(ask, account)
    if checklist is None:
        return None
    if completion is None:
        return 0
    questions = {row["uuid"] for row in ask.world.where("question", checklist=checklist)}
    answered = questions & set(completion["answered"])
    return round(len(answered) / len(questions) * 100) if questions else 100


def _status(ask: Ask, account: Row) -> str:
    if _offering(ask, account)["compliance_checklist"] is None:
        return "no_checklist"
    completion = _completion(ask, account)
    return "completed" if completion and completion["is_completed"] else "pending"


def _show_account(ask: Ask, account: Row) -> Row:
    offering, user, completion = _offering(ask, account), _user(ask, account), None
    completion = _completion(ask, account)
    return {
        **{name: account[name] for name in ("uuid", "username", "state", "created")},
        "user_full_name": full_name(user),
        "user_email": user["email"],
        "offering_name": offering["name"],
        "checklist_name": ask.up("checklist", offering["compliance_checklist"]).get("name"),
        "completion_percentage": _percentage(ask, account),
        "compliance_status": _status(ask, account),
        "last_updated": completion["modified"] if completion else None,
    }


def _has_status(ask: Ask, account: Row, wanted: str) -> bool:
    if wanted not in ("completed", "pending", "no_checklist"):
        return True
    return _status(ask, account) == wanted


LISTINGS = [
    Listing(
        "service_provider_checklists_summary",
        _PATH + "checklists_summary/",
        _checklists,
        _show_checklist,
        default=("-offerings_count", "name"),
        keys={"offerings_count": _used, "name": filters.of("name")},
        needs="SERVICE_PROVIDER.LIST_CUSTOMERS",
    ),
    Listing(
        "service_provider_compliance_overview",
        _PATH + "compliance_overview/",
        _checked,
        _show_overview,
        default=("name",),
        keys={"name": filters.of("name")},
        needs="SERVICE_PROVIDER.LIST_CUSTOMERS",
    ),
    Listing(
        "service_provider_offering_users_compliance",
        _PATH + "offering_users/",
        _accounts,
        _show_account,
        default=("offering", "last_name", "first_name"),
        keys={
            "offering": lambda ask, row: _offering(ask, row)["name"],
            "last_name": lambda ask, row: _user(ask, row)["last_name"],
            "first_name": lambda ask, row: _user(ask, row)["first_name"],
        },
        filters={
            "compliance_status": filters.by(
                "words",
                values.text,
                _has_status,
                lambda ask, row: ["completed", "pending", "no_checklist"],
            ),
            "offering_uuid": filters.loose_uuid(filters.of("offering")),
        },
        needs="SERVICE_PROVIDER.LIST_CUSTOMERS",
    ),
]
