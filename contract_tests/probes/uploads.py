"""Upload files: they are shown, can be fetched, and give way to others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contract_tests import claims, inputs, making, multipart, portrait
from contract_tests.inputs import Wish
from contract_tests.lab import Blocked, Lab
from contract_tests.making import Own
from contract_tests.probes.registry import probe
from contract_tests.probes.updates import is_update, send, shower_of
from contract_tests.probes.writes import is_create, is_ours
from contract_tests.relations import const
from contract_tests.steps import Reply
from contract_tests.subject import Subject
from contract_tests.world import World
from mockserver.operation import Operation

_PROPERTIES = {"create": "B3", "update": "B7", "partial_update": "B10"}


def files(subject: Subject, operation: Operation) -> dict[str, str]:
    """Return the properties of a form that take a file, each with the path of what holds it."""
    schema = operation.body.schemas.get(multipart.MEDIA) if operation.body else None
    if schema is None:
        return {}
    found = {}
    for name, declared in subject.properties(schema).items():
        said = declared.get("x-from")
        if isinstance(said, Mapping) and "media" in said:
            found[name] = str(said["media"])
    return found


def _shown_as(lab: Lab, operation: Operation, shower: Operation, name: str) -> str:
    """Return the property of a page that shows the link to a file; raise Blocked."""
    path = files(lab.subject, operation)[name]
    for shown in lab.subject.view(shower).values():
        if shown.source == "media" and shown.path == path:
            return shown.name
    raise Blocked(f"no page shows {name}")


def _leaves_traces(lab: Lab) -> None:
    """Refuse where others use the server: a file may stay when its record is gone."""
    if lab.mode != "destructive":
        raise Blocked("uploaded files may stay behind; --mode destructive tries it")


@probe(
    "B7", "B10", "B11",
    safety="W",
    applies=lambda subject, op: is_update(subject, op) and bool(files(subject, op)),
    cost=lambda subject, op, depth: 12,
)  # fmt: skip
def replaces_files(lab: Lab, world: World, operation: Operation) -> None:
    """Upload a file to a record, another one, and take it away."""
    _leaves_traces(lab)
    shower = shower_of(lab, operation)
    for name in files(lab.subject, operation):
        with lab.case(), making.own(lab, world, operation.resource) as record:
            shown = _shown_as(lab, operation, shower, name)
            before = portrait.look(lab, record, shower)
            first = _uploaded(lab, world, operation, record, name, 1)
            _is_there(lab, operation, (name, shown), before, first)
            second = _uploaded(lab, world, operation, record, name, 2)
            _is_there(lab, operation, (name, shown), first, second)
            if _takes_null(lab, operation, name):
                _is_emptied(lab, world, operation, record, (name, shown))


def _uploaded(
    lab: Lab, world: World, operation: Operation, record: Own, name: str, shade: int
) -> Reply:
    must = inputs.body(lab, world, operation, Wish(variant=1, optional=False))
    params = making.item_params(operation, record.key, record.params)
    raw = multipart.written(must, {name: multipart.picture(shade)})
    reply = lab.call(operation, params, raw=raw, media=multipart.content_type())
    if not reply.is_good:
        raise Blocked(f"no picture of ours is accepted as {name}: {reply.code}")
    return portrait.look(lab, record, shower_of(lab, operation))


def _is_there(
    lab: Lab, operation: Operation, names: tuple[str, str], before: Reply | None, after: Reply
) -> None:
    name, shown = names
    prop, link = _PROPERTIES[operation.verb], after.body(f"/{shown}")
    old = before.body(f"/{shown}") if before is not None else const(None)
    says = "an uploaded file is shown"
    if lab.expect(
        prop, claims.differs(link, old), operation=operation, about=name, says=says, key="x-effect"
    ):
        fetched = _fetched(lab, lab.operation(after.step.operation), after, shown)
        if fetched is not None:
            lab.expect(
                prop, claims.status_is(fetched, [200]), operation=operation, about=name,
                says="an uploaded file can be fetched", key="x-mock.media",
            )  # fmt: skip


def _fetched(lab: Lab, shower: Operation, page: Reply, shown: str) -> Reply | None:
    """Follow the link to a file; None when the description does not say where files are."""
    link = page.data.get(shown) if isinstance(page.data, Mapping) else None
    if not isinstance(link, str) or not lab.subject.conventions.get("media"):
        return None
    with lab.unjudged():
        return lab.follow(shower, link, via=page.body(f"/{shown}"))


def _takes_null(lab: Lab, operation: Operation, name: str) -> bool:
    schema = lab.subject.body_schema(operation) or {}
    declared = lab.subject.properties(schema).get(name)
    return declared is not None and inputs.nullable(declared)


def _is_emptied(
    lab: Lab, world: World, operation: Operation, record: Own, names: tuple[str, str]
) -> None:
    name, shown = names
    must = inputs.body(lab, world, operation, Wish(variant=1, optional=False))
    reply = send(lab, operation, record, {**must, name: None})
    if claims.takes(lab, "B11", operation, reply, about=name):
        page = portrait.look(lab, record, shower_of(lab, operation))
        lab.expect(
            "B11", claims.equals(page.body(f"/{shown}"), const(None)), operation=operation,
            about=name, says="null takes the file away", key="x-effect",
        )  # fmt: skip


@probe(
    "B3",
    safety="W",
    applies=lambda subject, op: is_create(subject, op) and bool(files(subject, op)),
    cost=lambda subject, op, depth: 7,
)
def creates_with_file(lab: Lab, world: World, operation: Operation) -> None:
    """Create a record with a file."""
    _leaves_traces(lab)
    is_ours(lab, operation)
    shower = portrait.reader(lab, operation.resource)
    if shower is None:
        raise Blocked(f"nothing shows a record of {operation.resource}")
    for name in files(lab.subject, operation):
        shown = _shown_as(lab, operation, shower, name)
        with lab.held(), lab.case():
            with making.own(lab, world, operation.resource) as model:
                body, params = _plain(model.body, name), model.params
            raw = multipart.written(body, {name: multipart.picture(3)})
            reply = lab.call(operation, params, raw=raw, media=multipart.content_type())
            if not reply.is_good:
                raise Blocked(f"no picture of ours is accepted as {name}: {reply.code}")
            record = making.own_of(lab, reply)
            try:
                page = portrait.look(lab, record, shower)
                _is_there(lab, operation, (name, shown), None, page)
            finally:
                making.unmake(lab, world, record)


def _plain(body: Mapping[str, Any], left_out: str) -> dict[str, Any]:
    """Return the members of a body that a form can carry as they are."""
    return {
        name: value
        for name, value in body.items()
        if name != left_out and isinstance(value, (str, int, float))
    }
