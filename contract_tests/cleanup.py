"""Take away what a run created: newest first, whatever way the run ended."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from contract_tests import ledger as ledgers
from contract_tests.client import Stopped
from contract_tests.lab import Blocked, Lab
from contract_tests.ledger import Owned
from contract_tests.transport import Trouble
from contract_tests.wire import ABSENT
from contract_tests.world import World

_TRIES: Final = 3
_EXTRA: Final = 5000
_GONE: Final = frozenset({404, 410})


def clean(lab: Lab, *, down_to: int = 0) -> tuple[str, ...]:
    """Undo what the ledger holds beyond its first `down_to` entries; return what is left."""
    owned = list(lab.client.ledger.newest_first())
    extra, lab.client.allowed_extra = lab.client.allowed_extra, lab.client.allowed_extra + _EXTRA
    try:
        with lab.unjudged(), lab.case("clean up"):
            return tuple(
                _name(each) for each in owned[: len(owned) - down_to] if not _undo(lab, each)
            )
    finally:
        lab.client.allowed_extra = extra


def _name(owned: Owned) -> str:
    return f"{owned.resource} {owned.key}"


def _undo(lab: Lab, owned: Owned) -> bool:
    if not owned.undo or owned.undo not in lab.subject.operations:
        return False
    operation = lab.operation(owned.undo)
    body = owned.body or ABSENT
    for _ in range(_TRIES):
        try:
            # Its parent is ours too, or the record could not be.
            lab.client.invented.update(owned.params.values())
            reply = lab.call(operation, owned.params, body=body)
        except Stopped:
            return False
        except Trouble:
            continue
        if reply.is_good or reply.code in _GONE or operation.verb != "destroy":
            lab.client.ledger.drop(owned.resource, owned.key)
            return True
    return False


def clean_file(lab: Lab, path: Path) -> tuple[str, ...]:
    """Undo what a ledger file of a dead run holds; return what is left."""
    head, owned, intents = ledgers.read(path)
    for each in owned:
        lab.client.ledger.add(each)
    for resource in intents:
        for each in _lost(lab, resource, head.get("tag", "")):
            lab.client.ledger.add(each)
    return clean(lab)


def _lost(lab: Lab, resource: str, tag: str) -> Iterable[Owned]:
    """Yield records whose creation was never answered: those of its kind with the run's tag."""
    if not tag:
        return
    world = World(lab)
    for lister in world.listers(resource):
        try:
            listing = world.listing(lister)
        except Blocked:
            continue
        for row, key in zip(listing.rows, listing.ids, strict=True):
            undo = next(iter(lab.verbs(resource, "destroy")), None)
            if undo is not None and tag in repr(row):
                yield Owned(resource, str(key), "", undo.id, {undo.path_key: str(key)})
