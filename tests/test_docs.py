"""What the documents say, against what they speak of."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import click
import jsonschema
import pytest

from mockserver import cli, lint, loader, lookups
from mockserver.compiler import DEFAULTS

ROOT = Path(__file__).parent.parent
ARCHITECTURE = (ROOT / "ARCHITECTURE.md").read_text("utf-8")
README = (ROOT / "README.md").read_text("utf-8")
EXTENSIONS = (ROOT / "docs" / "reference" / "extensions.md").read_text("utf-8")


def test_the_table_of_modules_is_their_first_lines() -> None:
    told = dict(re.findall(r"^\| \d+ \| `(\w+\.py)` \| (.+) \|$", ARCHITECTURE, re.MULTILINE))
    found = {
        path.name: (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()[0]
        for path in (ROOT / "mockserver").glob("*.py")
        if not path.name.startswith("__")
    }

    assert told == found


@pytest.mark.parametrize("key", lint.KNOWN)
def test_every_extension_has_a_chapter(key: str) -> None:
    assert f"\n## {key}\n" in EXTENSIONS


@pytest.mark.parametrize("name", sorted(DEFAULTS))
def test_every_convention_is_shown(name: str) -> None:
    assert re.search(rf"^  {name}:", EXTENSIONS, re.MULTILINE)


@pytest.mark.parametrize("lookup", [*lookups.LOOKUPS, "link", "isnull", "exists"])
def test_every_lookup_is_listed(lookup: str) -> None:
    assert f"`{lookup}`" in EXTENSIONS


def test_the_options_of_serve_are_in_the_readme() -> None:
    serve = cli.main.commands["serve"]
    missing = [
        parameter.opts[-1]
        for parameter in serve.params
        if isinstance(parameter, click.Option) and f"`{parameter.opts[-1]}`" not in README
    ]

    assert missing == []


def test_every_option_is_an_environment_variable_too() -> None:
    named = {
        parameter.envvar == "MOCKSERVER_" + parameter.opts[-1].lstrip("-").upper().replace("-", "_")
        for parameter in cli.main.commands["serve"].params
    }

    assert named == {True}


@pytest.mark.parametrize("path", [*sorted(ROOT.glob("docs/**/*.md")), ROOT / "README.md"])
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text("utf-8"))
    broken = [target for target in targets if not (path.parent / target).exists()]

    assert broken == []


@pytest.mark.parametrize("path", sorted((ROOT / "spec").rglob("*.yaml")), ids=lambda p: p.name)
def test_editors_that_know_the_schema_find_nothing_wrong(path: Path) -> None:
    """The schema of the extensions holds for any part of a spec, at any depth."""
    schema = json.loads((ROOT / "spec" / "extensions.schema.json").read_text("utf-8"))
    errors = jsonschema.Draft202012Validator(schema).iter_errors(loader.read_file(path))

    assert [error.message for error in errors] == []
