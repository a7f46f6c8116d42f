"""Show how much of a description the requests of a session exercised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mockserver.api import Api
from mockserver.compiler import resolve
from mockserver.contents import decode, media_of
from mockserver.counters import Counters, Tally
from mockserver.journal import Entry
from mockserver.json_types import JSON, Key
from mockserver.operation import Operation
from mockserver.projection import properties_of

#: What of an operation is counted.
_PARTS = ("statuses", "parameters", "body")


def shown(
    api: Api,
    counters: Counters,
    entries: Iterable[Entry] = (),
    personas: Mapping[Key, str] | None = None,
) -> dict[str, JSON]:
    """
    Return what was used of each operation, what was not, and what is not documented.

    Statuses, parameters and personas are counted as requests come in. The members of
    bodies are found now, in the entries of the journal: those it has forgotten do not count.
    """
    members = _members(entries)
    tallies = counters.tallies()
    rows = [
        _operation(api, operation, tallies.get(operation.id, Tally()), members, personas or {})
        for operation in api.spec.operations
    ]
    unmatched = tallies.get("", Tally())
    return {
        "summary": _summary(rows),
        "operations": rows,
        "unmatched": {"calls": unmatched.calls, "statuses": _texts(unmatched.statuses)},
    }


def _operation(
    api: Api,
    operation: Operation,
    tally: Tally,
    members: Mapping[str, Counter[str]],
    personas: Mapping[Key, str],
) -> dict[str, JSON]:
    documented = {
        "statuses": [str(status) for status in sorted(operation.answers)],
        "parameters": [p.name for p in operation.parameters if p.place == "query"],
        "body": sorted(_documented_members(api, operation)),
    }
    used: dict[str, Mapping[str, int]] = {
        "statuses": _texts(tally.statuses),
        "parameters": tally.parameters,
        "body": members.get(operation.id, Counter()),
    }
    counted = {
        part: {name: used[part].get(name, 0) for name in documented[part]} for part in _PARTS
    }
    return {
        "operation": operation.id,
        "method": operation.method,
        "path": operation.path,
        "calls": tally.calls,
        **counted,
        "personas": _personas(tally, personas),
        "undocumented": {
            part: {n: c for n, c in sorted(used[part].items()) if n not in counted[part]}
            for part in _PARTS
        },
        "percent": {part: _percent(counted[part].values()) for part in _PARTS},
    }


def _summary(rows: list[dict[str, Any]]) -> dict[str, JSON]:
    found = {"operations": _share([row["calls"] for row in rows])}
    for part in _PARTS:
        found[part] = _share([count for row in rows for count in row[part].values()])
    return found


def _share(counts: list[int]) -> dict[str, JSON]:
    exercised = sum(map(bool, counts))
    return {"documented": len(counts), "exercised": exercised, "percent": _percent(counts)}


def _percent(counts: Iterable[int]) -> float | None:
    """Return how many of the counts are not zero; None when nothing is documented."""
    seen = [bool(count) for count in counts]
    return round(100 * sum(seen) / len(seen), 1) if seen else None


def _personas(tally: Tally, personas: Mapping[Key, str]) -> dict[str, int]:
    """Return the calls by name of the caller; callers without one go by their key."""
    found: Counter[str] = Counter()
    for user, count in tally.users.items():
        name = "anonymous" if user is None else personas.get(user, str(user))
        found[name] += count
    return dict(sorted(found.items()))


def _documented_members(api: Api, operation: Operation) -> set[str]:
    schemas = operation.body.schemas.values() if operation.body else ()
    document = api.spec.document
    return {
        name
        for schema in schemas
        for name, declared in properties_of(document, schema).items()
        if not resolve(document, declared).get("readOnly")
    }


def _members(entries: Iterable[Entry]) -> dict[str, Counter[str]]:
    """Return the names at the top of the bodies sent, by operation."""
    found: dict[str, Counter[str]] = {}
    for entry in entries:
        if entry.operation and entry.request.body:
            found.setdefault(entry.operation, Counter()).update(_names(entry))
    return found


def _names(entry: Entry) -> Iterator[str]:
    request = entry.request
    sent = decode(media_of(request.headers), request.body).value
    if isinstance(sent, Mapping):
        # A form has the members of an object as `member.name`.
        yield from {str(name).partition(".")[0] for name in sent}


def _texts(statuses: Mapping[int, int]) -> dict[str, int]:
    return {str(status): count for status, count in sorted(statuses.items())}
