"""Functions for what a spec cannot declare."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from mockserver.actions import Action, Scope
from mockserver.errors import AuthorError, SpecError
from mockserver.json_types import Record
from mockserver.store import Transaction

May: TypeAlias = Callable[[Scope, str, "Record | None"], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """
    What happens by itself when its time has come.

    `due` returns the first instant after another at which it has to run; `run`
    changes records as of an instant.
    """

    name: str
    due: Callable[[datetime], datetime]
    run: Callable[[Transaction, datetime], None]


def anybody(scope: Scope, needs: str, record: Record | None) -> bool:
    """Allow every caller that is known; what an API without roles does."""
    return scope.user is not None


@dataclass(frozen=True, slots=True)
class Pack:
    """
    The behaviour of one API, beyond what its spec declares.

    `operations` are joined to the spec by operationId, `functions` by the name
    that `computed`, `by`, `visible` and `server` say.
    """

    name: str
    operations: Mapping[str, Action] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    may: May = anybody
    faker_providers: tuple[Any, ...] = ()
    jobs: tuple[Job, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        *,
        operations: Iterable[ModuleType] = (),
        functions: Iterable[ModuleType] = (),
        may: May = anybody,
        faker_providers: Iterable[Any] = (),
        jobs: Iterable[Job] = (),
    ) -> Pack:
        """Collect the public functions defined in some modules."""
        return cls(
            name,
            operations=_public(name, operations),
            functions=_public(name, functions),
            may=may,
            faker_providers=tuple(faker_providers),
            jobs=tuple(jobs),
        )


def load(name: str) -> Pack:
    """Return the pack that `package.module:attribute` or `file.py:attribute` names."""
    target, _, attribute = name.partition(":")
    try:
        module = (
            _from_file(Path(target)) if target.endswith(".py") else importlib.import_module(target)
        )
    except AuthorError:
        raise
    except Exception as error:  # noqa: BLE001  a module may fail in any way while it is read
        text = f"cannot be imported ({error}); write it as package.module:pack or file.py:pack"
        raise SpecError(f"pack {name}", text) from None
    found = getattr(module, attribute or "pack", None)
    if not isinstance(found, Pack):
        raise SpecError(f"pack {name}", f"has no Pack called {attribute or 'pack'!r}")
    return found


def _public(pack: str, modules: Iterable[ModuleType]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for module in modules:
        for name, function in inspect.getmembers(module, inspect.isfunction):
            if function.__module__ != module.__name__ or name.startswith("_"):
                continue
            if name in found:
                text = f"{name} is in {found[name].__module__} and in {module.__name__}; rename one"
                raise SpecError(f"pack {pack}", text)
            found[name] = function
    return found


def _from_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"no such file: {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
