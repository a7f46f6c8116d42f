"""What an earlier start kept is taken up while it is true, and is otherwise as if it were not."""

from __future__ import annotations

import json
import os
import stat
import string
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from faker.providers import BaseProvider
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import assembly, compiled, data, exporter, shelf
from mockserver.assembly import Sources, World
from mockserver.errors import BrokenSpec
from mockserver.loader import Node
from mockserver.shelf import Shelf

LIBRARY = data.root() / "examples" / "library"
CLOCK = "2026-03-15T12:30:00Z"

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
keys = st.sampled_from(["", "o", "l", "$ref", "a", "b"])


def nodes(inner):
    def node(members, named):
        lines = {name: number for number, name in enumerate(members) if name in named}
        return Node(members, where="a.yaml:7", lines=lines)

    return st.builds(node, st.dictionaries(keys, inner, max_size=4), st.sets(keys))


documents = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4) | nodes(inner)
    ),
    max_leaves=12,
)


@pytest.fixture
def told():
    return []


@pytest.fixture
def kept(tmp_path, monkeypatch, told) -> Shelf:
    """A shelf that takes files which were written just now."""
    monkeypatch.setattr(shelf, "_FRESH", -(10**15))
    return Shelf(tmp_path / "shelf", lambda text, **values: told.append(values["problem"]))


@pytest.fixture
def read(monkeypatch):
    """Return what was read from files, not taken from a shelf: `spec`, `scenario`."""
    found: list[str] = []
    for name, function in (("spec", "_document"), ("scenario", "_load")):
        made = getattr(compiled, function)

        def noted(*given, made=made, name=name):
            found.append(name)
            return made(*given)

        monkeypatch.setattr(compiled, function, noted)
    return found


def start(sources: Sources, on: Shelf | None) -> World:
    return assembly.read_world(replace(sources, clock=sources.clock or CLOCK), on)


def files(on: Shelf) -> list[Path]:
    return sorted(on.folder.iterdir())


def places(node):
    """Return a document with everything that its nodes know."""
    if isinstance(node, list):
        return [places(inner) for inner in node]
    if not isinstance(node, dict):
        return repr(node)
    known = (node.where, list(node.lines.items())) if isinstance(node, Node) else ()
    return (type(node), known, [(key, places(inner)) for key, inner in node.items()])


def shown(world: World):
    """Return all that a start consists of."""
    spec, begun = world.api.spec, world.scenario
    return (
        places(spec.document),
        spec,
        replace(begun, state=None, files=frozenset()),
        exporter.text(exporter.state(spec.resources, begun.state), "json"),
        begun.state.version,
        {name: (table.serial, table.indexes) for name, table in begun.state.tables.items()},
    )


def library(scenario: str = "default") -> Sources:
    pack = str(LIBRARY / "pack.py")
    return Sources(spec=LIBRARY / "spec" / "openapi.yaml", pack=pack, scenario=scenario)


class TestTakingUp:
    @pytest.mark.parametrize("name", ["default", "empty"])
    def test_a_shipped_scenario_is_the_same(self, kept, read, told, name):
        sources = Sources(scenario=name)
        first, second = start(sources, kept), start(sources, kept)
        assert read == ["spec", "scenario"]
        assert shown(first) == shown(second) == shown(start(sources, None))
        assert told == []

    def test_another_spec_is_the_same(self, kept, read):
        first, second = start(library(), kept), start(library(), kept)
        assert read == ["spec", "scenario"]
        assert shown(first) == shown(second)

    def test_overlays_are_applied(self, kept, read, folder):
        path = folder.write(
            "o.yaml", "overlay: 1.0.0\nactions:\n  - {target: $.info, update: {title: Other}}\n"
        )
        sources = folder.sources(overlays=(path,))
        start(sources, kept)
        assert start(sources, kept).api.spec.document["info"]["title"] == "Other"
        assert start(folder.sources(), kept).api.spec.document["info"]["title"] == "Books"
        assert read.count("spec") == 2

    @given(documents)
    def test_a_document_comes_back_with_its_places(self, document):
        text = json.dumps(compiled.folded(document))
        assert places(compiled.unfolded(json.loads(text))) == places(document)

    def test_without_a_shelf_everything_is_read(self, folder, read):
        for _ in range(2):
            start(folder.sources(), None)
        assert read == ["spec", "scenario"] * 2


#: Starts as the command line does; prints what it imported that a second start can do without.
SCRIPT = """
import sys
import mockserver.cli
from mockserver import assembly, shelf
assembly.read_world(assembly.Sources(), shelf.usual())
needless = ("faker", "jsonpath", "yaml", "rich", "structlog", "watchfiles", "mockserver.lint")
print(*(name for name in needless if name in sys.modules))
"""


def test_a_second_start_imports_nothing_that_reads(tmp_path):
    variables = {**os.environ, "PYTHONPATH": str(data.root()), shelf.VARIABLE: str(tmp_path / "a")}
    told = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env=variables,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert told == [["faker", "yaml", "mockserver.lint"], []]


class TestGrowingOld:
    @pytest.fixture
    def begun(self, kept, folder, read):
        """Return a function that starts once more, and says what had to be read for that."""
        folder.edit("  /books/:\n", "  /more/: {$ref: paths/more.yaml}\n  /books/:\n")
        folder.write(
            "spec/paths/more.yaml",
            "get:\n  operationId: more\n  x-action: {verb: list, resource: book}\n"
            "  responses: {'200': {description: More.}}\n",
        )
        folder.write("fixtures/factories/author.yaml", "name: Ann\n")
        folder.write("fixtures/scenarios/part/a.yaml", "records: {author: {zoe: {name: Zoe}}}\n")
        folder.edit("records:", "include: part/a.yaml\nrecords:", "fixtures/scenarios/default.yaml")

        def again(**given):
            del read[:]
            start(folder.sources(**given), kept)
            return list(read)

        assert again() == ["spec", "scenario"]
        assert again() == []
        return again

    @pytest.mark.parametrize("name", ["spec/openapi.yaml", "spec/paths/more.yaml"])
    def test_a_changed_spec_is_read(self, begun, folder, name):
        folder.write(name, (folder.root / name).read_text() + "\n")
        # The same document again, but nobody knew.
        assert begun() == ["spec", "scenario"]
        assert begun() == []

    @pytest.mark.parametrize(
        "name",
        ["scenarios/default.yaml", "scenarios/part/a.yaml", "factories/author.yaml"],
    )
    def test_a_changed_fixture_is_read(self, begun, folder, name):
        path = folder.root / "fixtures" / name
        path.write_text(path.read_text() + "\n")
        assert begun() == ["scenario"]
        assert begun() == []

    def test_another_factory_is_read(self, begun, folder):
        folder.write("fixtures/factories/book.yaml", "title: Untitled\n")
        assert begun() == ["scenario"]

    def test_a_path_that_nobody_refers_to_is_still_a_mistake(self, begun, folder):
        folder.write("spec/paths/lost.yaml", "get: {}\n")
        with pytest.raises(BrokenSpec, match="nothing refers to this file"):
            begun()

    def test_a_file_that_is_gone_is_still_a_mistake(self, begun, folder):
        (folder.root / "spec/paths/more.yaml").unlink()
        with pytest.raises(BrokenSpec, match="cannot be read"):
            begun()

    def test_mistakes_are_never_kept(self, begun, folder, kept):
        folder.edit("x-filter: author.name", "x-filter: author.nam")
        for _ in range(2):
            with pytest.raises(BrokenSpec, match="nam"):
                begun()

    def test_a_broken_scenario_is_never_kept(self, begun, folder):
        folder.edit("title: Comet", "titel: Comet", "fixtures/scenarios/default.yaml")
        for _ in range(2):
            with pytest.raises(BrokenSpec, match="titel"):
                begun()

    @pytest.mark.parametrize(
        "other", [{"seed": 8}, {"clock": (datetime(2026, 3, 16, tzinfo=UTC)).isoformat()}]
    )
    def test_another_seed_or_day_is_another_world(self, begun, other):
        assert begun(**other) == ["scenario"]
        assert begun(**other) == []

    def test_the_same_day_is_the_same_world(self, begun):
        assert begun(clock="2026-03-15T23:59:59Z") == []

    def test_another_folder_to_call_files_from_is_another_spec(self, begun, folder, monkeypatch):
        monkeypatch.chdir(folder.root / "spec")
        assert begun() == ["spec", "scenario"]

    def test_another_engine_reads_anew(self, begun, monkeypatch):
        monkeypatch.setattr(compiled, "_engine", lambda: {"engine": "a later one"})
        assert begun() == ["spec", "scenario"]

    def test_a_link_to_another_file_of_the_same_words_is_noticed(self, begun, folder):
        path = folder.root / "spec" / "paths" / "more.yaml"
        moved = path.rename(folder.root / "elsewhere.yaml")
        path.symlink_to(moved)
        assert begun() == ["spec", "scenario"]
        # Nobody can tell what a link will lead to.
        assert begun() == ["spec", "scenario"]

    def test_what_changed_just_now_is_not_kept(self, begun, folder, monkeypatch, told):
        monkeypatch.setattr(shelf, "_FRESH", 10**15)
        folder.write("spec/paths/more.yaml", (folder.root / "spec/paths/more.yaml").read_text())
        folder.edit("title: Books", "title: Novels")
        assert begun() == begun() == ["spec", "scenario"]
        assert "changed just now" in told[0]

    def test_words_of_a_foreign_pack_are_not_kept(self, kept, folder, read):
        class Words(BaseProvider):
            """Nobody would notice if these were others."""

        spec, seal = compiled.read_spec(folder.spec, (), kept)
        now = datetime.now(UTC)
        begin = compiled.Start(folder.root / "fixtures", "default", None, now, (Words,))
        for _ in range(2):
            compiled.read_scenario(begin, spec, kept, seal)
        assert read == ["spec", "scenario", "scenario"]
        assert len(files(kept)) == 1


class TestDoubt:
    @pytest.fixture
    def once(self, kept, folder, read):
        """Start once, and return the folder's two files."""
        self.before = shown(start(folder.sources(), kept))
        del read[:]
        return files(kept)

    def again(self, kept, folder, read):
        """Start once more: it must be the same world. Return what was read for it."""
        assert shown(start(folder.sources(), kept)) == self.before
        return read

    def test_files_are_for_this_user_alone(self, once, kept):
        assert [stat.S_IMODE(path.stat().st_mode) for path in once] == [0o600, 0o600]
        assert stat.S_IMODE(kept.folder.stat().st_mode) == 0o700

    @pytest.mark.parametrize("length", [0, 1, 64, 65, 300, -1])
    def test_a_truncated_file_is_as_none(self, once, kept, folder, read, told, length):
        for path in once:
            path.write_bytes(path.read_bytes()[:length])
        assert self.again(kept, folder, read) == ["spec", "scenario"]
        assert told
        # And it is written anew.
        del read[:]
        assert self.again(kept, folder, read) == []

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(position=st.integers(0, 10**6), byte=st.integers(1, 255))
    def test_no_damaged_byte_is_believed(self, kept, told, position, byte):
        kept.put("a", lambda: {"b": ["c"]}, {}, [], 0)
        (path,) = files(kept)
        content = bytearray(path.read_bytes())
        content[position % len(content)] ^= byte
        path.write_bytes(content)
        assert kept.get("a", {}) is None

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
    @given(documents.map(places), scalars | st.lists(scalars) | st.dictionaries(keys, scalars))
    def test_no_other_content_does_harm(self, kept, told, one, other):
        """Somebody who can seal a file can at most make it useless."""
        kept.put("a", dict, {}, [], 0)
        (path,) = files(kept)
        for value in (other, {"name": "a", "checks": {}, "files": other, "value": repr(one)}):
            body = json.dumps(value).encode()
            path.write_bytes(shelf.digest(body).encode() + b"\n" + body)
            found = kept.get("a", {})
            assert found is None or value["files"] in ({}, [])

    @pytest.mark.parametrize(
        "value",
        [None, 7, "text", [], {}, [1], [[], [], []], {"o": 7}, {"l": None}, ["a", [1], {}]],
    )
    def test_a_sealed_file_of_nonsense_is_as_none(self, once, kept, folder, read, told, value):
        for path in once:
            entry = json.loads(path.read_bytes().partition(b"\n")[2])
            body = json.dumps({**entry, "value": value}).encode()
            path.write_bytes(shelf.digest(body).encode() + b"\n" + body)
        assert self.again(kept, folder, read) == ["spec", "scenario"]
        assert told

    def test_a_file_too_deep_to_read_is_as_none(self, once, kept, folder, read, told):
        body = b"[" * 200_000
        for path in once:
            path.write_bytes(shelf.digest(body).encode() + b"\n" + body)
        assert self.again(kept, folder, read) == ["spec", "scenario"]

    def test_a_file_that_others_may_change_is_as_none(self, once, kept, folder, read, told):
        for path in once:
            path.chmod(0o660)
        assert self.again(kept, folder, read) == ["spec", "scenario"]
        assert "others may change it" in told[0]

    def test_a_file_of_somebody_else_is_as_none(self, once, kept, folder, read, told, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        assert self.again(kept, folder, read) == ["spec", "scenario"]
        assert "others may change it" in told[0]

    def test_a_folder_that_others_may_change_is_not_used(self, once, kept, folder, read, told):
        kept.folder.chmod(0o777)
        assert self.again(kept, folder, read) == ["spec", "scenario"]
        assert len(told) >= 2

    def test_a_link_is_as_none(self, once, kept, folder, read, told):
        for path in once:
            path.symlink_to(path.rename(folder.root / path.name))
        assert self.again(kept, folder, read) == ["spec", "scenario"]

    def test_a_pipe_is_as_none(self, once, kept, folder, read, told):
        for path in once:
            path.unlink()
            os.mkfifo(path, 0o600)
        assert self.again(kept, folder, read) == ["spec", "scenario"]

    def test_a_folder_in_its_place_is_as_none(self, once, kept, folder, read, told):
        for path in once:
            path.unlink()
            path.mkdir()
        assert self.again(kept, folder, read) == ["spec", "scenario"]

    def test_a_file_under_another_name_is_as_none(self, kept):
        kept.put("a", dict, {}, [], 0)
        (path,) = files(kept)
        path.rename(path.with_stem("b"))
        assert kept.get("b", {}) is None

    def test_what_is_too_large_is_not_read(self, kept, told, monkeypatch):
        kept.put("a", lambda: "x" * 1000, {}, [], 0)
        monkeypatch.setattr(shelf, "MOST_BYTES_OF_ONE", 1000)
        assert kept.get("a", {}) is None
        assert kept.put("b", lambda: "x" * 1000, {}, [], 0) == ""
        assert len(told) == 2

    def test_a_folder_that_cannot_be_made_is_done_without(self, folder, read, told, monkeypatch):
        on = Shelf(folder.spec / "below" / "a" / "file", lambda text, **values: told.append(values))
        for _ in range(2):
            start(folder.sources(), on)
        assert read == ["spec", "scenario"] * 2
        assert told


class TestBounds:
    @pytest.fixture
    def filled(self, kept):
        for number, name in enumerate(string.ascii_lowercase[:6]):
            kept.put(name, lambda: "x" * 1000, {}, [], 0)
            moment = 1_000_000 + number
            os.utime(kept.folder / f"{name}.json", (moment, moment))
        return kept

    def test_the_oldest_files_are_removed(self, filled, monkeypatch):
        monkeypatch.setattr(shelf, "MOST_FILES", 3)
        filled.put("new", dict, {}, [], 0)
        assert [path.stem for path in files(filled)] == ["e", "f", "new"]

    def test_bytes_are_bounded_too(self, filled, monkeypatch):
        monkeypatch.setattr(shelf, "MOST_BYTES", 2500)
        filled.put("new", dict, {}, [], 0)
        assert [path.stem for path in files(filled)] == ["e", "f", "new"]

    def test_what_nobody_finished_is_removed(self, filled):
        ends = {"old": timedelta(days=1), "new": timedelta()}
        for name, age in ends.items():
            path = filled.folder / f".{name}.part"
            path.write_bytes(b"")
            moment = (datetime.now(UTC) - age).timestamp()
            os.utime(path, (moment, moment))
        filled.put("a", dict, {}, [], 0)
        assert [path.name for path in files(filled) if path.suffix == ".part"] == [".new.part"]

    def test_one_name_has_one_file(self, filled):
        before = files(filled)
        filled.put("a", lambda: 7, {}, [], 0)
        assert files(filled) == before
        assert filled.get("a", {}).value == 7


class TestWhere:
    @pytest.mark.parametrize("word", ["off", "OFF"])
    def test_it_can_be_switched_off(self, monkeypatch, word):
        monkeypatch.setenv(shelf.VARIABLE, word)
        assert shelf.usual() is None

    def test_it_can_be_anywhere(self, monkeypatch, tmp_path):
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv(shelf.VARIABLE, "here")
        assert shelf.usual().folder == tmp_path / "here"

    def test_it_is_where_caches_of_this_user_are(self, monkeypatch, tmp_path):
        monkeypatch.delenv(shelf.VARIABLE, raising=False)
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name, **_: tmp_path / name)
        assert shelf.usual().folder == tmp_path / "mockserver" / "starts"

    def test_without_a_home_there_is_none(self, monkeypatch):
        monkeypatch.delenv(shelf.VARIABLE, raising=False)
        monkeypatch.setattr("platformdirs.user_cache_path", lambda name, **_: Path("~") / name)
        assert shelf.usual() is None
