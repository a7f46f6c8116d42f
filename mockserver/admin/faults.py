"""Keep the fault rules of a session."""

from __future__ import annotations

from mockserver import crud
from mockserver.actions import Result, Scope
from mockserver.admin import rows
from mockserver.admin.desk import Desk
from mockserver.admin.filling import fill
from mockserver.errors import Invalid
from mockserver.faults import Rule
from mockserver.session import Session


def faults_list(desk: Desk, scope: Scope) -> Result:
    """Show the rules in the order in which they are tried."""
    _fill(scope, desk.session())
    return crud.list_(scope)


def faults_retrieve(desk: Desk, scope: Scope) -> Result:
    """Show one rule."""
    _fill(scope, desk.session())
    return crud.retrieve(scope)


def faults_create(desk: Desk, scope: Scope) -> Result:
    """Add a rule, or replace the one of its id."""
    session = desk.session()
    rule = session.faults.put(_read(desk, scope, session))
    return Result(rows.rule_row(session.faults, rule))


def faults_replace(desk: Desk, scope: Scope) -> Result:
    """Make the rule that the path names, or replace it."""
    session = desk.session()
    rule = session.faults.put(_read(desk, scope, session, scope.call.path["id"]))
    return Result(rows.rule_row(session.faults, rule))


def faults_delete(desk: Desk, scope: Scope) -> Result:
    """Remove one rule."""
    session = desk.session()
    _fill(scope, session)
    session.faults.remove(crud.target(scope)["id"])
    return Result()


def faults_clear(desk: Desk, scope: Scope) -> Result:
    """Remove every rule."""
    desk.session().faults.clear()
    return Result()


def _read(desk: Desk, scope: Scope, session: Session, name: str = "") -> Rule:
    sent = desk.body(scope)
    if name and sent.get("id", name) != name:
        raise Invalid.field("id", f"The address says {name!r}; say the same, or leave it out.")
    operations = session.application.api.operations
    personas = [persona.name for persona in session.scenario.personas]
    return Rule.read({**sent, "id": name} if name else sent, operations, personas)


def _fill(scope: Scope, session: Session) -> None:
    fill(scope, "fault_rule", rows.rule_rows(session.faults))
