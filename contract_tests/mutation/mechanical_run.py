"""Examine one mechanical mutant: a process of its own, in which one module is another."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

from contract_tests.mutation.mechanical import Edit, apply

#: What the tester reads the description with: a change there would change the exam.
_SHARED: Final = frozenset(
    {
        "__init__", "__main__", "cli", "logs", "compiler", "loader", "lint", "shape", "overlay",
        "upgrade", "operation", "errors", "json_types", "values", "data", "exporter", "server",
        "assembly", "fixtures", "factory", "recipes", "drafts", "scenario", "claims",
    }
)  # fmt: skip
_PATIENCE: Final = 300


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one mechanical mutant."""

    id: str
    fate: str
    by: str = ""
    requests: int = 0
    seconds: float = 0.0
    note: str = ""


def sources() -> dict[str, Path]:
    """Return the modules of the engine and the pack that may be changed, by name."""
    root = Path(__file__).resolve().parents[2] / "mockserver"
    found = {f"mockserver.{p.stem}": p for p in root.glob("*.py") if p.stem not in _SHARED}
    found |= {
        f"mockserver.{pack.name}.{path.stem}": path
        for pack in root.iterdir()
        if pack.is_dir() and pack.name != "mutants"
        for path in pack.glob("*.py")
        if not path.stem.startswith("_")
    }
    return found


def examine(edit: Edit) -> Outcome:
    """Run the suite in a process in which the change is made."""
    started = time.perf_counter()
    said = json.dumps([edit.module, edit.line, edit.operator, edit.index])
    try:
        done = subprocess.run(  # noqa: S603  our own interpreter, our own module
            [sys.executable, "-m", "contract_tests.mutation.mechanical_run", said],
            capture_output=True, text=True, timeout=_PATIENCE, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Outcome(edit.id, "killed", "hangs", 0, time.perf_counter() - started)
    seconds = round(time.perf_counter() - started, 2)
    lines = done.stdout.strip().splitlines()
    if done.returncode != 0 or not lines:
        note = (done.stderr.strip().splitlines() or [""])[-1][:160]
        return Outcome(edit.id, "killed", "does not start", 0, seconds, note)
    fate, by, requests, note = json.loads(lines[-1])
    return Outcome(edit.id, fate, by, requests, seconds, note)


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module its changed source."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self.name, self.path, self.source = name, path, source

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Claim the one module."""
        if fullname != self.name:
            return None
        is_package = self.path.stem == "__init__"
        return importlib.util.spec_from_loader(
            fullname, self, origin=str(self.path), is_package=is_package
        )

    def exec_module(self, module: ModuleType) -> None:
        """Run the changed source."""
        exec(compile(self.source, str(self.path), "exec"), module.__dict__)  # noqa: S102  our own source, one operator changed


def _main(said: str) -> None:
    module, line, operator, index = json.loads(said)
    path = sources()[module]
    changed = apply(Edit(module, line, operator, index), path.read_text(encoding="utf-8"))
    sys.meta_path.insert(0, _Finder(module, path, changed))

    from dataclasses import replace

    from contract_tests import inprocess, runner
    from contract_tests.mutation import score
    from contract_tests.result import Exit
    from mockserver import assembly

    world = score.read_world("default")
    config = replace(
        score.base_config(),
        transport=inprocess.transport(assembly.application(world)),
        tokens=inprocess.tokens(world.scenario),
        max_findings=1,
    )
    result = runner.run(config)
    if result.news:
        first = result.news[0]
        told = ["killed", first.property, first.first_request, first.target]
    elif result.exit in (Exit.FINE, Exit.INCOMPLETE):
        told = ["survived", "", result.requests, result.message]
    else:
        told = ["killed", f"exit {int(result.exit)}", result.requests, result.message[:120]]
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    _main(sys.argv[1])
