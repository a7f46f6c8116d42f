"""The engine knows no API: not one word of the shipped one."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import mockserver

ENGINE = Path(mockserver.__file__).parent
PYPROJECT = ENGINE.parent / "pyproject.toml"
#: Also inside an identifier: between underscores, and in plural.
WORDS = re.compile(
    r"(?<![a-z])(plan|offering|waldur|provider|customer|marketplace)s?(?![a-z])", re.IGNORECASE
)
#: Faker calls its modules providers, and so do we when we talk to it.
FAKER = re.compile(r"\b(faker_providers|faker\.providers|add_provider|providers?)\b")
#: Names by which the command line finds what is shipped.
SHIPPED = re.compile(r"\"mockserver\.waldur:pack\"|\"waldur-mockserver\"")


def modules() -> list[Path]:
    """Return the modules of the engine; packs have folders of their own."""
    return sorted(ENGINE.glob("*.py"))


def foreign_words(path: Path) -> Iterator[str]:
    """Yield `line: word` for each word that belongs to an API."""
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        code, _, comment = line.partition("#")
        kept = SHIPPED.sub("", code) + re.sub(r"\S*/\S*", "", comment)
        for match in WORDS.finditer(FAKER.sub("", kept)):
            yield f"{path.name}:{number}: {match[0]}"


def imported(path: Path) -> Iterator[str]:
    """Yield the name of every module that a module imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_engine_has_no_word_of_an_api(path: Path) -> None:
    assert list(foreign_words(path)) == []


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_engine_imports_no_pack(path: Path) -> None:
    assert [name for name in imported(path) if name.startswith("mockserver.waldur")] == []


@pytest.mark.parametrize(
    ("line", "is_foreign"),
    [
        ("plans = plan_is_visible(record)", True),
        ("# every Offering of it", True),
        ("def customer_uuid(): ...", True),
        ("x = 'explanation of a plane'", False),
        ("fake.add_provider(provider)  # faker.providers", False),
        ("# docs/waldur/plan.md says why", False),
    ],
)
def test_the_search_finds_words(line: str, is_foreign: bool, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(line, "utf-8")
    assert bool(list(foreign_words(path))) is is_foreign


def test_layers_are_kept_by_contracts() -> None:
    settings = tomllib.loads(PYPROJECT.read_text("utf-8"))["tool"]["importlinter"]
    contracts = settings["contracts"]
    assert contracts, "import-linter has no contract to keep"
    assert all(contract["name"] and contract["type"] for contract in contracts)
    assert any("mockserver.waldur" in repr(contract) for contract in contracts)
