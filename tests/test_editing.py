"""Edits from outside of the API follow the rules of fixtures, and a state survives as a text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

from mockserver import assembly, compiler, data, editing, exporter, loader
from mockserver.assembly import Sources, World
from mockserver.editing import Editor, Refused
from mockserver.errors import Conflict, NotFound
from mockserver.exchange import Request
from mockserver.operation import Resource, Spec
from mockserver.scenario import Scenario
from mockserver.sent import DEEPEST
from mockserver.store import State, Store
from tests.fixture_worlds import LIBRARY, NOW, library, world
from tests.invariants.machine import Marketplace

__all__ = ["library"]  # a fixture, found by its name

SHELF = """
description: A shelf.
seed: 3
personas:
  keeper: {token: secret, user: mari}
records:
  reader:
    mari: {name: Mari, email: mari@example.org}
    jaan: {name: Jaan, email: jaan@example.org}
  book:
    odyssey: {title: Odyssey, loans: {first: {reader: mari}, second: {reader: jaan}}}
    aeneid: {title: Aeneid, sequels: [odyssey]}
make:
  guest: {resource: reader, count: 3, with: {email: {label: true, after: "@example.org"}}}
"""
READER = """
joined: {days_ago: 3}
"""


@pytest.fixture
def shelf(tmp_path: Path, library: Spec) -> Scenario:
    return world(tmp_path, library, main=SHELF, f_reader=READER)


@pytest.fixture
def editor(tmp_path: Path, library: Spec, shelf: Scenario) -> Editor:
    return Editor.of(library, tmp_path).at(shelf, NOW)


@pytest.fixture(scope="session")
def shop(default_world: World) -> Editor:
    made = Editor.of(
        default_world.api.spec, data.root() / "fixtures", default_world.api.pack.faker_providers
    )
    return made.at(default_world.scenario, NOW)


def tables(resources: Mapping[str, Resource], state: State) -> Any:
    """Return all that a state is made of, as it can be compared."""
    serials = {name: table.serial for name, table in state.tables.items() if table.serial}
    return exporter.state(resources, state), serials, state.version


def refused(edit: Any, *args: Any) -> dict[str, str]:
    with pytest.raises(Refused) as caught:
        edit(*args)
    return dict(caught.value.problems)


def of(state: State, resource: str, **wanted: Any) -> list[Mapping[str, Any]]:
    rows = state.records(resource).values()
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


# Put


def test_a_new_record_is_filled_as_the_factory_fills_it(editor: Editor, shelf: Scenario) -> None:
    state, key = editing.put(editor, shelf.state, "reader", None, {"email": "new@example.org"})

    record = state.records("reader")[key]
    assert record["email"] == "new@example.org"
    assert record["joined"] == "2026-03-28T00:00:00Z"
    assert record["is_active"] is True
    assert record["name"]
    assert state.version == shelf.state.version + 1
    assert key not in shelf.state.records("reader")


def test_days_are_counted_from_the_day_of_the_edit(editor: Editor, shelf: Scenario) -> None:
    later = editor.at(shelf, NOW + timedelta(days=10))
    state, key = editing.put(later, shelf.state, "reader", None, {"email": "new@example.org"})

    assert state.records("reader")[key]["joined"] == "2026-04-07T00:00:00Z"


def test_new_records_get_keys_of_their_own(editor: Editor, shelf: Scenario) -> None:
    state, keys = shelf.state, set()
    for number in range(3):
        fields = {"email": f"{number}@example.org"}
        state, key = editing.put(editor, state, "reader", None, fields)
        keys.add(key)
        state, _ = editing.put(editor, state, "book", None, {"title": "T"})

    assert len(keys) == 3
    assert sorted(state.records("book")) == [1, 2, 3, 4, 5]


def test_a_label_names_a_record_until_it_is_made_again(editor: Editor, shelf: Scenario) -> None:
    fields = {"email": "g@example.org"}
    state, key = editing.put(editor, shelf.state, "reader", "gold", fields)
    again, same = editing.put(editor, state, "reader", "gold", fields)

    assert same == key
    assert again.records("reader") == state.records("reader")
    assert editing.found(editor, again, "reader", "gold")["email"] == "g@example.org"


@pytest.mark.parametrize("spelled", ["label", "hex", "dashed", "field"])
def test_a_record_is_replaced_whichever_way_it_is_named(
    editor: Editor, shelf: Scenario, spelled: str
) -> None:
    key = shelf.names.keys["reader"]["mari"]
    dashed = f"{key[:8]}-{key[8:12]}-{key[12:16]}-{key[16:20]}-{key[20:]}"
    asked = {"label": "mari", "hex": key, "dashed": dashed, "field": None}[spelled]
    fields = {"email": "m@example.org"} | ({"uuid": dashed} if asked is None else {})
    state, same = editing.put(editor, shelf.state, "reader", asked, fields)

    assert same == key
    record = state.records("reader")[key]
    assert record["email"] == "m@example.org"
    assert record["name"] != "Mari"
    assert len(state.records("reader")) == len(shelf.state.records("reader"))


def test_an_integer_key_may_be_a_number_or_its_text(editor: Editor, shelf: Scenario) -> None:
    for key in (1, "1", "odyssey"):
        state, same = editing.put(editor, shelf.state, "book", key, {"title": "Odysseia"})
        assert same == 1
        assert state.records("book")[1]["title"] == "Odysseia"
    state, new = editing.put(editor, shelf.state, "book", 70, {"title": "Far away"})
    assert new == 70
    _, after = editing.put(editor, state, "book", None, {"title": "After it"})
    assert after == 71


def test_children_are_made_with_their_parent(editor: Editor, shelf: Scenario) -> None:
    loans = {"a": {"reader": "jaan"}, "b": {"reader": shelf.names.keys["reader"]["mari"]}}
    state, key = editing.put(editor, shelf.state, "book", None, {"title": "T", "loans": loans})

    mari, jaan = (shelf.names.keys["reader"][name] for name in ("mari", "jaan"))
    assert {row["reader"] for row in of(state, "loan", book=key)} == {mari, jaan}


def test_children_may_be_a_list(editor: Editor, shelf: Scenario) -> None:
    loans = [{"reader": "jaan"}, {"reader": {"pick": "guest"}}, {"reader": {"match": "guest"}}]
    state, key = editing.put(editor, shelf.state, "book", None, {"title": "T", "loans": loans})

    assert len(of(state, "loan", book=key)) == 3


def test_many_children_may_be_asked_for(editor: Editor, shelf: Scenario) -> None:
    crowd = {"count": 300, "with": {"reader": {"match": "guest"}}}
    state, key = editing.put(editor, shelf.state, "book", None, {"title": "T", "loans": crowd})

    made = of(state, "loan", book=key)
    assert len(made) == 300
    per_reader = [sum(row["reader"] == guest for row in made) for guest in
                  shelf.names.groups["guest"][1]]  # fmt: skip
    assert per_reader == [100, 100, 100]


def test_a_crowd_can_be_matched_with_another(shop: Editor, default_world: World) -> None:
    fields = {
        "name": "Big",
        "category": next(iter(default_world.scenario.names.keys["category"])),
        "customer": next(iter(default_world.scenario.names.keys["customer"])),
        "components": {"count": 300, "with": {"type": {"slug": "name"}, "name": {"label": True}}},
        "plans": {
            "all": {
                "name": "Everything",
                "components": {
                    "count": 300,
                    "with": {"component": {"match": "big.components"}, "price": 2},
                },
            }
        },
    }
    state, key = editing.put(shop, default_world.scenario.state, "offering", "big", fields)

    (plan,) = of(state, "plan", offering=key)
    rows = of(state, "plan_component", plan=plan["uuid"])
    assert len({row["component"] for row in rows}) == len(rows) == 300
    assert {row["price"] for row in rows} == {"2.0000000000"}


def test_what_is_replaced_loses_the_children_that_are_named_anew(
    editor: Editor, shelf: Scenario
) -> None:
    first, second = (shelf.names.keys["loan"][f"odyssey.{name}"] for name in ("first", "second"))
    fields = {"title": "Odyssey", "loans": {"first": {"reader": "jaan"}}}
    state, _ = editing.put(editor, shelf.state, "book", "odyssey", fields)

    assert set(state.records("loan")) == {first}
    assert second in shelf.state.records("loan")
    assert state.records("loan")[first]["reader"] == shelf.names.keys["reader"]["jaan"]


def test_children_that_are_not_named_stay(editor: Editor, shelf: Scenario) -> None:
    state, _ = editing.put(editor, shelf.state, "book", "odyssey", {"title": "Odyssey"})
    assert state.records("loan") == shelf.state.records("loan")
    emptied, _ = editing.put(editor, state, "book", "odyssey", {"title": "O", "loans": {}})
    assert len(emptied.records("loan")) == 0


def test_children_that_have_other_parents_are_kept(tmp_path: Path) -> None:
    many = "sequels: {to: book, many: true}"
    text = LIBRARY.replace(many, many + ", prequels: {of: book, by: sequels}")
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    spec = compiler.compile_spec(loader.load(tmp_path / "spec.yaml"))
    editor = Editor.of(spec, tmp_path)
    state, end = editing.put(editor, State(), "book", None, {"title": "End"})
    fields = {"title": "Middle", "prequels": [{"title": "A"}, {"title": "B", "sequels": [end]}]}
    state, key = editing.put(editor, state, "book", None, fields)
    made = {row["title"]: row["sequels"] for row in state.records("book").values()}
    assert made == {"End": [], "Middle": [], "A": [key], "B": [end, key]}

    state, _ = editing.put(editor, state, "book", key, {"title": "Middle", "prequels": []})
    made = {row["title"]: row["sequels"] for row in state.records("book").values()}
    assert made == {"End": [], "Middle": [], "A": [], "B": [end]}


def test_an_edit_names_what_it_makes_itself(editor: Editor, shelf: Scenario) -> None:
    fields = {"title": "T", "sequels": [70, "odyssey", 2]}
    state, key = editing.put(editor, shelf.state, "book", 70, fields)
    assert state.records("book")[key]["sequels"] == [70, 1, 2]


# Refused


def test_all_mistakes_are_told_with_their_pointers(editor: Editor, shelf: Scenario) -> None:
    fields = {
        "titel": "T",
        "pages": 9,
        "loans_count": 3,
        "sequels": ["odysey"],
        "printed": {"yesterday": 1},
        "loans": {"a/b": {"reader": "nobody"}, "c": 7, "d": {"reader": "mari", "due": 3}},
    }
    told = refused(editing.put, editor, shelf.state, "book", None, fields)

    assert set(told) == {
        "/titel", "/title", "/pages", "/loans_count", "/sequels", "/printed",
        "/loans/a~1b/reader", "/loans/c", "/loans/d/due",
    } - {"/title"}  # fmt: skip
    assert "did you mean 'odyssey'?" in told["/sequels"]
    assert "is derived" in told["/loans_count"]
    assert "must be a mapping of fields" in told["/loans/c"]
    assert "correct the value" in told["/pages"]


def test_a_missing_field_is_told_where_it_should_be(editor: Editor, shelf: Scenario) -> None:
    loan = {"reader": "mari", "book": None}
    assert set(refused(editing.put, editor, shelf.state, "loan", None, loan)) == {"/book"}


def test_a_relation_of_which_nobody_says_where_leads_somewhere(
    editor: Editor, shelf: Scenario
) -> None:
    state, key = editing.put(editor, shelf.state, "loan", None, {"reader": "mari"})
    assert state.records("loan")[key]["book"] in state.records("book")
    again, _ = editing.put(editor, shelf.state, "loan", None, {"reader": "mari"})
    assert again.records("loan")[key] == state.records("loan")[key]


def test_a_relation_that_leads_nowhere_is_told(editor: Editor) -> None:
    assert "/book" in refused(editing.put, editor, State(), "loan", None, {"due": "2026-05-05"})


@pytest.mark.parametrize("fields", [None, [], "text", 7, True])
def test_a_record_is_an_object(editor: Editor, shelf: Scenario, fields: Any) -> None:
    assert refused(editing.put, editor, shelf.state, "book", 1, fields) == {
        "": "a record is an object of fields; send one"
    }


def test_the_key_of_a_record_does_not_change(editor: Editor, shelf: Scenario) -> None:
    assert "/id" in refused(editing.put, editor, shelf.state, "book", 1, {"id": 2, "title": "T"})
    assert "/id" in refused(editing.patch, editor, shelf.state, "book", 1, {"id": 2})
    assert editing.patch(editor, shelf.state, "book", 1, {"id": 1}).records("book")[1]["id"] == 1
    for odd in ([], {}, True, 1.5):
        assert "/id" in refused(editing.put, editor, shelf.state, "book", None, {"id": odd})
    assert "give a number" in refused(editing.put, editor, shelf.state, "book", "x", {})[""]


def test_two_records_do_not_share_what_is_unique(editor: Editor, shelf: Scenario) -> None:
    taken = {"email": "mari@example.org"}
    assert set(refused(editing.put, editor, shelf.state, "reader", None, taken)) == {"/email"}
    assert set(refused(editing.patch, editor, shelf.state, "reader", "jaan", taken)) == {"/email"}
    assert editing.patch(editor, shelf.state, "reader", "mari", taken) is shelf.state


def test_twins_among_the_children_are_told(shop: Editor, default_world: World) -> None:
    component = {"component": "database.node"}
    fields = {"offering": "database", "name": "X", "components": [component, component]}
    state = default_world.scenario.state
    told = refused(editing.put, shop, state, "plan", None, fields)
    assert set(told) == {"/components/0/component", "/components/1/component"}


def test_too_many_records_are_refused_before_they_are_made(editor: Editor, shelf: Scenario) -> None:
    for count in (10**12, editing.MOST_RECORDS):
        fields = {"title": "T", "loans": {"count": count, "with": {"reader": "mari"}}}
        told = refused(editing.put, editor, shelf.state, "book", None, fields)
        assert "smaller parts" in told["/loans/count"]
    for count in (-1, True):
        fields = {"title": "T", "loans": {"count": count}}
        assert "/loans/count" in refused(editing.put, editor, shelf.state, "book", None, fields)


def test_a_mistake_of_a_crowd_is_told_once(editor: Editor, shelf: Scenario) -> None:
    fields = {"title": "T", "loans": {"count": 9, "with": {"reader": "mari", "due": "never"}}}
    with pytest.raises(Refused) as caught:
        editing.put(editor, shelf.state, "book", None, fields)
    assert [pointer for pointer, _ in caught.value.problems] == ["/loans/with/due"]


def test_deep_nesting_is_refused(editor: Editor, shelf: Scenario) -> None:
    deep: Any = {}
    for _ in range(900):
        deep = [deep]
    told = refused(editing.put, editor, shelf.state, "book", None, {"title": "T", "extra": deep})
    assert "write it flatter" in next(iter(told.values()))


def test_there_is_no_such_resource_or_record(editor: Editor, shelf: Scenario) -> None:
    for edit in (
        lambda: editing.put(editor, shelf.state, "film", None, {}),
        lambda: editing.patch(editor, shelf.state, "film", 1, {}),
        lambda: editing.patch(editor, shelf.state, "book", 99, {"title": "T"}),
        lambda: editing.delete(editor, shelf.state, "film", 1),
        lambda: editing.delete(editor, shelf.state, "book", "iliad"),
    ):
        with pytest.raises(NotFound, match="There is no"):
            edit()


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(
        ["odyssey", "mari", "guest", "value", "count"]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["title", "loans", "count", "with", "value", "pick", "reader", "a"]),
        inner, max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip


@given(
    st.sampled_from(["book", "reader", "loan", "pass"]),
    st.none() | st.integers(-1, 5) | st.text(max_size=3) | st.sampled_from(["odyssey", "mari"]),
    st.dictionaries(
        st.sampled_from([
            "id", "uuid", "title", "email", "name", "loans", "sequels", "extra", "price",
            "printed", "reader", "book", "code", "joined",
        ]),
        JSONS, max_size=4,
    ),
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
def test_whatever_is_sent_is_taken_or_refused(
    editor: Editor, shelf: Scenario, resource: str, key: Any, fields: dict[str, Any]
) -> None:
    try:
        state, made = editing.put(editor, shelf.state, resource, key, fields)
    except Refused:
        return
    assert made in state.records(resource)
    checks = editor.tools.checks
    kind = editor.tools.spec.resources[resource]
    assert list(checks.complaints(kind, state.records(resource)[made])) == []
    assert_survives(editor, shelf, state)


# Patch and delete


def test_a_patch_changes_what_it_names(editor: Editor, shelf: Scenario) -> None:
    before = shelf.state.records("book")[1]
    state = editing.patch(editor, shelf.state, "book", "odyssey", {"price": 12.5})
    assert state.records("book")[1] == {**before, "price": "12.50"}
    assert state.records("loan") == shelf.state.records("loan")


def test_a_patch_may_use_the_words_of_fixtures(editor: Editor, shelf: Scenario) -> None:
    fields = {"email": {"slug": "name", "after": "@example.com"}, "joined": {"days_ago": 1}}
    state = editing.patch(editor, shelf.state, "reader", "mari", fields)
    record = editing.found(editor, state, "reader", "mari")
    assert (record["email"], record["joined"]) == ("mari@example.com", "2026-03-30T00:00:00Z")


def test_a_patch_replaces_the_children_it_names(editor: Editor, shelf: Scenario) -> None:
    state = editing.patch(editor, shelf.state, "book", 1, {"loans": [{"reader": "jaan"}]})
    assert len(of(state, "loan", book=1)) == 1
    assert state.records("book")[1] == shelf.state.records("book")[1]


def test_a_record_is_deleted_by_the_rules_of_its_resource(
    shop: Editor, default_world: World
) -> None:
    state = default_world.scenario.state
    with pytest.raises(Conflict, match="Cannot delete"):
        editing.delete(shop, state, "plan", "database_standard")
    gone = editing.delete(shop, state, "plan", "sample")
    key = default_world.scenario.names.keys["plan"]["sample"]
    assert key not in gone.records("plan")
    assert of(gone, "plan_component", plan=key) == []
    assert of(state, "plan_component", plan=key) != []


# Texts


def assert_survives(editor: Editor, start: Scenario, state: State) -> Scenario:
    """Write a state as a text and read it back: nothing may be another."""
    spec = editor.tools.spec
    words = (start.description, start.seed, start.personas)
    text = exporter.scenario(spec, *words, state)
    back = editing.load(editor, text)
    assert tables(spec.resources, back.state) == tables(spec.resources, state)
    assert (back.description, back.seed) == (start.description, start.seed)
    tokens = state.records((spec.conventions["auth"] or {})["tokens"])
    assert [p.name for p in back.personas] == [p.name for p in start.personas if p.token in tokens]
    return back


@pytest.mark.parametrize("name", ["default", "empty"])
def test_a_shipped_world_survives_as_a_text(shop: Editor, world_of: Any, name: str) -> None:
    shipped = world_of(name)
    back = assert_survives(shop, shipped.scenario, shipped.scenario.state)
    assert back.personas == shipped.scenario.personas
    again = editing.export(shipped.api, back, back.state)
    assert again == editing.export(shipped.api, shipped.scenario, shipped.scenario.state)


def test_an_exported_world_is_readable(shop: Editor, default_world: World) -> None:
    text = editing.export(default_world.api, default_world.scenario, default_world.scenario.state)
    assert "\n    starter:\n      uuid: a1b2c3d4e5f67890abcdef1234567890\n" in text
    assert "\n    user: kai-operator\n" in text
    assert "*id" not in text
    assert max(len(line) for line in text.splitlines() if "_key: " not in line) < 160


def test_what_is_made_after_loading_is_what_would_have_been_made(
    shop: Editor, default_world: World
) -> None:
    key = default_world.api.spec.resources["offering"].path.replace(
        "{uuid}", "a1b2c3d4e5f67890abcdef1234567890"
    )
    request = Request(
        "POST",
        "/api/marketplace-plans/",
        headers={
            "host": "x",
            "authorization": "Token YOUR_API_TOKEN",
            "content-type": "application/json",
        },
        body=json.dumps({"name": "New", "offering": f"http://x{key}"}).encode(),
    )
    first = assembly.application(default_world, strict=True)
    assert first.answer(request).response.status == 201
    assert first.answer(request).response.status == 201
    start = default_world.scenario
    back = assert_survives(shop, start, first.store.state)
    second = assembly.application(replace(default_world, scenario=back), strict=True)
    third, same = (app.answer(request).response for app in (first, second))
    assert third.status == same.status == 201
    assert third.body == same.body


def test_a_world_survives_whatever_anybody_wrote(shop: Editor, default_world: World) -> None:
    class Game(Marketplace):
        world = default_world

        def a_law_holds(self) -> None:
            """Leave the laws to their own games."""

        def teardown(self) -> None:
            assert_survives(shop, default_world.scenario, self.client.state)

    bounded = settings(
        max_examples=6,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Game, settings=bounded)


@given(
    st.lists(st.text(min_size=1), max_size=3),
    st.dictionaries(st.text(), JSONS.filter(lambda v: v == v), max_size=3),  # noqa: PLR0124  not NaN
    st.sampled_from(["", "yes", "null", "1e3", "0o7", "2026-01-01", "<<", "{a: b}", "~"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_odd_values_survive(
    editor: Editor, shelf: Scenario, titles: list[str], extra: dict[str, Any], name: str
) -> None:
    sendable = json.loads(json.dumps(extra).replace("NaN", "0").replace("Infinity", "0"))
    store = Store(editor.tools.spec.resources, shelf.state)
    with store.transaction() as transaction:
        for number, title in enumerate(titles, start=10):
            book = {**shelf.state.records("book")[1], "id": number, "title": title}
            transaction.insert("book", {**book, "extra": {"value": sendable, "faker": 1}})
        mari = editing.found(editor, shelf.state, "reader", "mari")
        transaction.replace("reader", mari, name=name)
    assert_survives(editor, shelf, store.state)


def test_serials_and_writes_go_on(editor: Editor, shelf: Scenario) -> None:
    state, _ = editing.put(editor, shelf.state, "book", 40, {"title": "T"})
    state = editing.delete(editor, state, "book", 40)
    back = assert_survives(editor, shelf, state)
    _, key = editing.put(editor.at(back, NOW), back.state, "book", None, {"title": "T"})
    assert key == 41


def test_a_relation_to_nothing_survives(editor: Editor, shelf: Scenario) -> None:
    state = editing.delete(editor, shelf.state, "reader", "jaan")
    assert of(state, "loan", reader=shelf.names.keys["reader"]["jaan"])
    assert_survives(editor, shelf, state)


def test_a_persona_without_a_token_is_none(editor: Editor, shelf: Scenario) -> None:
    state = editing.delete(editor, shelf.state, "pass", "secret")
    assert assert_survives(editor, shelf, state).personas == ()


def test_json_is_read_too(editor: Editor) -> None:
    text = json.dumps({"records": {"book": {"x": {"title": "\U0001f600", "sequels": ["x"]}}}})
    (book,) = editing.load(editor, text).state.records("book").values()
    assert (book["title"], book["sequels"]) == ("\U0001f600", [book["id"]])


def test_mistakes_in_json_are_told_with_pointers(editor: Editor) -> None:
    text = json.dumps({"records": {"book": {"x": {"titel": "T"}}}})
    assert "/records/book/x/titel" in refused(editing.load, editor, text)


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("records:\n  book:\n    a: {titel: T}\n", "scenario:3", "is not one of its fields"),
        ("records:\n  film: {a: {}}\n", "scenario:2", "there is no resource 'film'"),
        ("a: [\n", "scenario:2", "is not valid YAML"),
        ("{a: 1,\n a: 2}", "scenario:2", "is there twice"),
        ('{"seed": 1,\n "seed": 2}', "scenario:2", "is there twice"),
        ("- a\n", "scenario", "a scenario is a mapping"),
        ("", "scenario", "a scenario is a mapping"),
        ("seed: many\n", "scenario:1", "give a whole number"),
        ("seed: 1\nwrites: -1\n", "scenario:2", "give a whole number"),
        ("serials: {book: x}\n", "scenario:1", "give a whole number"),
        ("serials: {film: 1}\n", "scenario:1", "there is no resource 'film'"),
        ("serials: 7\n", "scenario:1", "serials must be a mapping"),
        ("include: [people.yaml]\n", "scenario:1", "files can be included by"),
        ("a: &x [1]\nb: *x\n", "scenario:2", "aliases are for files only"),
        ("[" * 100_000, "scenario:1", "write it flatter"),
        ("{a: " * (DEEPEST + 1), "scenario:1", "write it flatter"),
        ("make: {x: {resource: book, count: 9999999}}\n", "scenario:1", "smaller parts"),
    ],
)
def test_mistakes_in_a_text_are_told_with_their_line(
    editor: Editor, text: str, place: str, words: str
) -> None:
    told = refused(editing.load, editor, text)
    assert words in told[place]


def test_a_text_has_an_end(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mockserver.sent.LONGEST_TEXT", 10)
    assert "load it in parts" in refused(editing.load, editor, "seed: 20000")[""]
    assert editing.load(editor, "seed: 2000").seed == 2000


def test_a_persona_agrees_with_its_token(editor: Editor) -> None:
    text = """
    personas: {keeper: {token: abc, user: mari}}
    records:
      reader: {mari: {email: a@example.org}, jaan: {email: b@example.org}}
      pass: {first: {code: abc, reader: jaan}}
    """
    assert any("is not the reader of its token" in t for t in refused(
        editing.load, editor, text).values())  # fmt: skip
    (keeper,) = editing.load(editor, text.replace("reader: jaan", "reader: mari")).personas
    assert (keeper.name, keeper.token) == ("keeper", "abc")


def test_a_plan_with_three_hundred_components_is_one_call(default_world: World) -> None:
    api = default_world.api
    editor = editing.Editor.of(api.spec, Sources().fixtures_path, api.pack.faker_providers)
    editor = editor.at(default_world.scenario, default_world.clock())
    many = {"count": 300, "with": {"name": {"label": True}, "type": {"slug": ["name"]}}}
    priced = {"count": 300, "with": {"component": {"match": "huge.components"}}}
    fields = {
        "name": "Huge",
        "components": many,
        "plans": {"gold": {"name": "Gold", "components": priced}},
    }
    before = default_world.scenario.state
    state, key = editing.put(editor, before, "offering", "huge", fields)
    offering = state.records("offering")[key]
    assert offering["category"] in state.records("category")
    assert offering["customer"] in state.records("customer")
    (plan,) = [p for p in state.records("plan").values() if p["offering"] == key]
    rows = [r for r in state.records("plan_component").values() if r["plan"] == plan["uuid"]]
    assert len({row["component"] for row in rows}) == 300
