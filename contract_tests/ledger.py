"""Remember what a run brought into the world, so that it can be taken away again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True, slots=True)
class Owned:
    """
    A record that this run created.

    `undo` is the operation that takes it away ("" when none can), `params` fill its path
    and `body` is what it wants to be sent.
    """

    resource: str
    key: str
    operation: str
    undo: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class Ledger:
    """
    What is ours, newest last.

    Every line is on disk before the next request is sent, so that a killed run can be
    cleaned up after: `contract-tests cleanup --ledger FILE`.
    """

    def __init__(self, path: Path | None = None, *, head: Mapping[str, str] | None = None) -> None:
        self._owned: dict[tuple[str, str], Owned] = {}
        self.path = path
        self._file: IO[str] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")
            self._write({"run": dict(head or {})})

    def add(self, owned: Owned) -> None:
        """Remember a record, durably."""
        self._owned[owned.resource, owned.key] = owned
        self._write({"own": asdict(owned)})

    def intend(self, resource: str) -> None:
        """Note, durably, that a create is about to be sent: its answer may never arrive."""
        self._write({"intend": resource})

    def settle(self, resource: str) -> None:
        """Note that the create was answered."""
        self._write({"settled": resource})

    def drop(self, resource: str, key: str) -> None:
        """Forget a record that is gone."""
        if self._owned.pop((resource, key), None) is not None:
            self._write({"gone": {"resource": resource, "key": key}})

    def holds(self, resource: str, key: str) -> bool:
        """Tell whether a record is ours."""
        return (resource, key) in self._owned

    def newest_first(self) -> Iterator[Owned]:
        """Yield what is still ours, children before parents."""
        yield from reversed(list(self._owned.values()))

    def close(self) -> None:
        """Release the file; an empty ledger leaves none behind. May be called again."""
        if self._file is not None and self.path is not None:
            self._file.close()
            self._file = None
            if not self._owned:
                self.path.unlink(missing_ok=True)

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is not None:
            self._file.write(json.dumps(line) + "\n")
            # Survives the death of this process; a sync would only add that of the machine.
            self._file.flush()


def read(path: Path) -> tuple[dict[str, str], list[Owned], list[str]]:
    """
    Return the head of a ledger file, what is left in it, oldest first, and open intents.

    An intent is the resource of a create that was never answered. A last line that a
    crash cut off is skipped: what it was about is an open intent.
    """
    head: dict[str, str] = {}
    owned: dict[tuple[str, str], Owned] = {}
    intents: list[str] = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if "run" in line:
            head = line["run"]
        elif "intend" in line:
            intents.append(line["intend"])
        elif "settled" in line and line["settled"] in intents:
            intents.remove(line["settled"])
        elif "own" in line:
            found = Owned(**line["own"])
            owned[found.resource, found.key] = found
        elif "gone" in line:
            owned.pop((line["gone"]["resource"], line["gone"]["key"]), None)
    return head, list(owned.values()), intents
