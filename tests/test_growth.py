"""What is kept while records change is what would be worked out anew."""

from __future__ import annotations

import gc
import pickle
import weakref
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from random import Random
from threading import Thread
from urllib.parse import urlencode

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import memory, trails
from mockserver.app import Application, Options
from mockserver.assembly import Sources, read_world
from mockserver.errors import Conflict
from mockserver.exchange import Request
from mockserver.rows import Rows
from mockserver.state import State
from mockserver.store import Store
from mockserver.trails import EMPTY, Trail, between
from tests import small

_LIB = Path(__file__).resolve().parent.parent / "examples" / "library"
NOW = datetime(2026, 3, 15, 12, 30, tzinfo=UTC)
QUESTIONS, STEPS = 5, 40
KEEPS_NOT = Options(keeps=False)
RESOURCES = small.resources("""
TeamRecord:
  type: object
  x-resource: {name: team, key: id}
  properties: {id: {type: integer}, title: {type: string}}
PersonRecord:
  type: object
  x-resource: {name: person, key: id, relations: {team: {to: team}}}
  properties: {id: {type: integer}, team: {type: integer}, age: {type: integer}}
""")


# Rows


class Item:
    """An item of a sequence; several may have the same rank, never the same name."""

    def __init__(self, rank: int, name: int) -> None:
        self.key = (rank, name)


def rank(item: Item) -> tuple[int, int]:
    return item.key


@given(
    first=st.lists(st.integers(0, 9), max_size=30),
    edits=st.lists(
        st.tuples(st.sampled_from(["plus", "without", "instead"]), st.integers(0, 99)), max_size=60
    ),
    start=st.integers(-3, 50),
    stop=st.integers(-3, 50),
)
def test_rows_are_a_sorted_list(first, edits, start, stop):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mockserver.rows.CHUNK", 4)
        patch.setattr("mockserver.rows._ROOTS", 1)
        model = sorted((Item(each, name) for name, each in enumerate(first)), key=rank)
        rows = Rows.of(model)
        for number, (edit, place) in enumerate(edits):
            before, shown = rows, list(rows)
            if edit == "plus":
                item = Item(place % 10, 1000 + number)
                rows = rows.plus(item, rank)
                model = sorted([*model, item], key=rank)
            elif model and edit == "instead":
                item = model[place % len(model)]
                other = Item(*item.key)
                rows = rows.instead(item, other, rank)
                model = [other if each is item else each for each in model]
            elif model:
                item = model[place % len(model)]
                rows = rows.without(item, rank)
                model = [each for each in model if each is not item]
            assert list(before) == shown
            assert list(rows) == model
        assert len(rows) == len(model)
        assert rows[start:stop] == model[start:stop]
        assert rows[::-2] == model[::-2]
        assert [rows[index] for index in range(-len(model), len(model))] == model + model


def test_rows_end_where_a_list_ends():
    rows = Rows.of([Item(1, 1)])

    with pytest.raises(IndexError):
        rows[1]
    assert rows[10**18 : 2 * 10**18] == []
    assert not Rows.of([])
    assert rows.without(Item(1, 1), rank) is rows
    assert rows.instead(Item(1, 1), Item(1, 1), rank) is rows
    assert rows.instead(Item(2, 1), Item(2, 1), rank) is rows
    assert rows.without(Item(9, 1), rank) is rows


# Trails


@given(
    common=st.lists(st.integers(0, 5), max_size=12),
    back=st.lists(st.integers(0, 5), max_size=12),
    forth=st.lists(st.integers(0, 5), max_size=12),
    length=st.integers(1, 20),
    piece=st.integers(1, 20),
    burst=st.integers(1, 5) | st.just(30),
)
def test_what_differs_is_known_or_said_to_be_unknown(common, back, forth, length, piece, burst):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trails, "LENGTH", length)
        patch.setattr(trails, "_PIECE", piece)
        fork = _written({}, EMPTY, common, burst)
        before, one = _written(*fork, back, burst)
        after, other = _written(*fork, forth, burst)
        changes = between(one, other)

        if changes is None:
            assert len(back) + len(forth) > length
            return
        told = {key: pair for key, pair in changes.items() if pair[0] is not pair[1]}
        assert told == {
            key: (before.get(key), after.get(key))
            for key in range(6)
            if before.get(key) is not after.get(key)
        }


def _written(records, trail, keys, burst):
    """Write some keys, so many at once."""
    records = dict(records)
    for keys_at_once in batched(keys, burst):
        writes = []
        for key in keys_at_once:
            # Every other write of a key removes it.
            new = None if records.get(key) else {"id": key, "n": object()}
            writes.append((key, records.get(key), new))
            records[key] = new
        trail = trail.after(writes)
    return records, trail


def batched(items, size):
    return [items[start : start + size] for start in range(0, len(items), size)]


def test_a_table_that_was_made_otherwise_is_like_no_other():
    assert between(Trail(), Trail()) is None
    assert between(EMPTY, Trail()) is None
    one = Trail().after([(1, None, {"id": 1})])
    copy = pickle.loads(pickle.dumps(one))
    assert between(one, copy) is None
    assert len(one.steps) == 1


# What is kept


def counted(store: Store, key, make):
    """Return a value kept by a fresh reader, and whether it was made now."""
    made = []

    def noting():
        made.append(1)
        return make(reader)

    reader = store.read()
    return reader.keep(key, noting), bool(made)


def age(reader, place):
    return reader.get("person", place + 1)["age"]


def fits(place, value):
    return True


def ages(reader):
    return sum(person["age"] for person in reader.related("person", "team", 1))


@pytest.fixture
def people():
    store = Store(RESOURCES)
    with store.transaction() as transaction:
        for key in (1, 2):
            transaction.insert("team", {"id": key, "title": f"T{key}"})
        for key in range(1, 5):
            transaction.insert("person", {"id": key, "team": 1 + key % 2, "age": key})
    return store


def change(store, resource, key, **fields):
    with store.transaction() as transaction:
        transaction.replace(resource, transaction.get(resource, key), **fields)


@pytest.mark.parametrize(
    ("write", "again"),
    [
        (("team", 1, {"title": "New"}), False),
        (("person", 1, {"age": 50}), False),
        (("person", 2, {"age": 50}), True),
        (("person", 1, {"team": 1}), True),
        (("person", 2, {"team": 2}), True),
    ],
)
def test_a_value_lasts_until_what_it_was_made_of_changes(people, write, again):
    counted(people, "ages", ages)
    resource, key, fields = write
    change(people, resource, key, **fields)

    value, is_made = counted(people, "ages", ages)
    assert value == ages(people.read())
    assert is_made is again


@pytest.mark.parametrize(
    "read",
    [
        lambda reader: reader.get("person", 9),
        lambda reader: len(reader.all("person")),
        lambda reader: reader.count("person"),
        lambda reader: len(list(reader.every("person"))),
        lambda reader: reader.count_related("person", "team", 1),
        lambda reader: len(list(reader.holding("person", "team", 1))),
        lambda reader: reader.keep("inner", lambda: reader.count("person")),
        lambda reader: reader.memo("inner", lambda: reader.count("person")),
    ],
)
def test_every_way_to_read_is_noted(people, read):
    counted(people, "k", read)
    with people.transaction() as transaction:
        transaction.insert("person", {"id": 9, "team": 1, "age": 9})

    value, is_made = counted(people, "k", read)
    assert is_made
    assert value == read(people.read())


def test_what_is_read_without_note_does_not_end_a_value(people):
    def read(reader):
        with reader.unnoted():
            return reader.count("person")

    counted(people, "k", read)
    change(people, "person", 1, age=5)
    assert counted(people, "k", read)[1] is False


def test_forks_and_earlier_states_share_what_is_kept(people):
    counted(people, "ages", ages)
    before = people.snapshot().bare()
    fork = people.fork()
    change(fork, "person", 2, age=50)
    assert counted(fork, "ages", ages) == (54, True)

    people.restore(before)
    assert counted(people, "ages", ages) == (6, False)
    assert counted(fork, "ages", ages) == (54, False)


def test_a_transaction_that_fails_leaves_nothing_wrong(people):
    def fail():
        with people.transaction() as transaction:
            transaction.replace("person", transaction.get("person", 2), age=50)
            assert transaction.keep("ages", lambda: ages(transaction)) == 54
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert counted(people, "ages", ages)[0] == 6


def test_nothing_is_kept_that_does_not_fit(people):
    reader = people.read()
    for number in range(3):
        assert reader.keep("k", lambda number=number: number, lambda value: value == 9) == number
    assert len(people.state.memory) == 0


def team_ages(store: Store, keys, made):
    """Return the ages of the people in teams, and note in `made` which of them are worked out."""
    reader = store.read()

    def make(place):
        made.append(keys[place])
        return sum(person["age"] for person in reader.related("person", "team", keys[place]))

    return reader.keep_each("teams", keys, make, lambda place, value: value != 0)


def test_values_that_are_asked_for_together_last_one_by_one(people):
    def ask(store, *keys):
        made = []
        values = team_ages(store, keys, made)
        assert values == team_ages(Store(RESOURCES, store.state.bare()), keys, [])
        return made

    assert ask(people, 1, 2) == [1, 2]
    assert ask(people, 2, 1) == []
    change(people, "team", 1, title="New")
    assert ask(people, 1, 2) == []
    change(people, "person", 2, age=50)
    assert ask(people, 1, 2) == [1]
    fork = people.fork()
    change(fork, "person", 2, team=2)
    assert ask(fork, 1, 2) == [1, 2]
    assert ask(people, 1, 2) == []
    # One of them is gone, another comes, and does not fit.
    assert ask(people, 2, 3) == [3]
    assert ask(people, 2, 3) == [3]
    assert ask(people, 1, 2) == [1]
    for years in range(10):
        change(people, "person", 1, age=years)
        assert ask(people, 1, 2) == [2]


def test_those_who_see_other_values_take_none_from_each_other(people):
    def ask(who):
        made = []

        def make(place):
            made.append(place)
            return who, place

        found = people.read().keep_each("k", [1, 2], make, lambda place, value: value[0] == who)
        assert found == [(who, 0), (who, 1)]
        return made

    assert ask("one") == ask("other") == [0, 1]
    for _ in range(3):
        assert ask("one") == ask("other") == []


def test_what_asks_for_several_values_follows_from_each(people):
    def both(reader):
        return reader.keep_each("each", [1, 2], partial(age, reader), fits)

    assert counted(people, "both", both) == ([1, 2], True)
    change(people, "person", 3, age=9)
    assert counted(people, "both", both) == ([1, 2], False)
    change(people, "person", 2, age=9)
    assert counted(people, "both", both) == ([1, 9], True)


def test_another_description_shares_nothing(people):
    counted(people, "ages", ages)
    other = Store(dict(RESOURCES), people.state.bare())
    assert counted(other, "ages", ages)[1] is True


def test_too_much_is_forgotten(people, monkeypatch):
    monkeypatch.setattr(memory, "VALUES", 5)
    for key in range(20):
        counted(people, key, lambda reader: 1)
    assert len(people.state.memory) == 5

    monkeypatch.setattr(memory, "WEIGHT", 100)
    for key in range(20, 40):
        counted(people, key, lambda reader: "x" * 40)
    assert people.state.memory.weight <= 100
    # A value that is too big all by itself is still there for the next question.
    counted(people, "big", lambda reader: "x" * 1000)
    assert len(people.state.memory) == 1


def test_what_is_gone_is_forgotten(people, monkeypatch):
    """Whoever comes and goes leaves nothing behind in what is mended or asked for together."""
    monkeypatch.setattr("mockserver.state.MENDS", 20)
    weights = []
    for key in range(100, 1000):
        with people.transaction() as transaction:
            transaction.insert("person", {"id": key, "team": 1, "age": 1})
        reader = people.read()
        mended = reader.mended(
            "persons",
            "person",
            lambda: 1,
            # Whatever a view reads while it is mended.
            lambda old, changes, reader=reader: len([reader.get("team", each) for each in changes]),
            lambda value: True,
        )
        assert mended
        reader.keep_each("ages", [key, 1], lambda place, reader=reader: age(reader, place), fits)
        with people.transaction() as transaction:
            transaction.remove("person", transaction.get("person", key))
        weights.append(people.state.memory.weight)
    assert max(weights[-100:]) <= max(weights[:100])


def test_no_state_is_kept_alive(people):
    counted(people, "ages", ages)
    old = weakref.ref(people.state.tables.get("person").records)
    for _ in range(2):
        change(people, "person", 2, age=people.read().get("person", 2)["age"] + 1)
        counted(people, "ages", ages)
    gc.collect()
    assert old() is None


def test_a_memory_that_is_copied_starts_empty(people):
    counted(people, "ages", ages)
    assert len(pickle.loads(pickle.dumps(people.state.memory))) == 0


def test_servers_in_threads_may_share_a_state(people):
    def play(store):
        for age in range(200):
            change(store, "person", 2, age=age)
            assert counted(store, "ages", ages)[0] == age + 4

    threads = [Thread(target=play, args=(people.fork(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(people.state.memory) == 1


# Whole worlds: every list after random writes, undone, forked and restored, at other times


class Game:
    """An application that keeps what it works out, beside one that knows nothing each time."""

    def __init__(self, sources, keyword, seed):
        world, self.plain = started(sources)
        self.api, self.keyword, self.now, self.dice = world.api, keyword, NOW, Random(seed)
        tokens = [persona.token for persona in world.scenario.personas]
        # Who may see much is asked more often.
        self.tokens = ["", *tokens, *tokens[:1] * 3 * len(tokens)]
        first = State(world.scenario.state.version, world.scenario.state.tables)
        self.stores, self.past, self.made = [Store(self.api.spec.resources, first)], [first], 0
        self.store = self.stores[0]
        lists = [each for each in self.api.operations.values() if each.operation.verb == "list"]
        asked = self.dice.choices(lists, k=QUESTIONS)
        self.questions = [self.question(bound) for bound in asked]
        near = [name for bound in asked for name in self.near(bound.resource)]
        self.tables = [*near, *[bound.resource.name for bound in asked] * 2, *first.tables]

    def near(self, resource):
        """Return the resources that records of one lead to, or are led to by."""
        resources = self.api.spec.resources
        there = [relation.to for relation in resource.relations.values()]
        back = [
            name
            for name, other in resources.items()
            if any(relation.to == resource.name for relation in other.relations.values())
        ]
        return [*there, *back]

    def record(self, resource):
        return self.dice.choice([*self.store.state.records(resource).values()])

    def step(self):
        tables = [name for name in self.tables if self.store.state.records(name)]
        resource = self.dice.choice(tables)
        acts = [self.replace] * 6 + [self.copy, self.remove, self.fail_half_way] * 2
        acts += [self.move, self.undo, self.fork, self.go_elsewhere, self.remember]
        self.dice.choice(acts)(resource, self.record(resource))

    # Writes

    def copy(self, resource, like):
        kind = self.api.spec.resources[resource]
        self.made += 1
        key = self.made + 10**6 if kind.has_integer_key else f"{self.dice.getrandbits(128):032x}"
        with self.store.transaction() as transaction:
            transaction.insert(resource, {**like, kind.key: key})

    def replace(self, resource, record):
        other = self.record(resource)
        key = self.api.spec.resources[resource].key
        name = self.dice.choice(sorted(record.keys() - {key}) or [key])
        changed = {**record, name: other[name], key: record[key]}
        if name == "expiration_time":
            changed[name] = self.now.strftime("%Y-%m-%dT%H:%M:%SZ")
        with self.store.transaction() as transaction:
            transaction.replay([(resource, record[key], changed)])

    def remove(self, resource, record):
        with suppress(Conflict), self.store.transaction() as transaction:
            transaction.remove(resource, record)

    def fail_half_way(self, resource, record):
        before = self.store.state
        with suppress(Conflict, ZeroDivisionError), self.store.transaction() as transaction:
            transaction.remove(resource, record)
            transaction.all(resource)
            assert 1 / 0
        assert self.store.state is before

    # Time, and other worlds

    def move(self, *_):
        self.now += timedelta(minutes=self.dice.choice([-1500, -1, 0, 1, 1500, 50_000]))

    def remember(self, *_):
        self.past.append(self.store.state.bare())

    def undo(self, *_):
        self.store.restore(self.dice.choice(self.past))

    def fork(self, *_):
        self.stores.append(self.store.fork())

    def go_elsewhere(self, *_):
        self.store = self.dice.choice(self.stores)

    # Questions

    def question(self, bound):
        query, order = {}, bound.operation.ordering
        if order is not None and self.dice.random() < 0.6:
            query[order.parameter] = self.dice.choice(sorted(order.words))
        filters = [p for p in bound.operation.parameters if p.place == "query" and p.filter]
        if filters and self.dice.random() < 0.6:
            parameter = self.dice.choice(filters)
            query[parameter.name] = self.value(bound.resource, parameter)
        paging = self.api.conventions["paging"]
        query[paging["size"]] = self.dice.choice(["2", str(min(50, paging["max"]))])
        path = bound.operation.path
        for name in [p.name for p in bound.operation.parameters if p.place == "path"]:
            key = self.record(bound.parent.name)[bound.parent.key]
            path = path.replace(f"{{{name}}}", str(key))
        return path, urlencode(query), self.dice.choice(self.tokens)

    def value(self, resource, parameter):
        """Return a value that some record has where the parameter looks, or any."""
        words = ["true"] if parameter.schema.get("type") == "boolean" else []
        for text in parameter.filter.fields:
            here, (*steps, last) = resource, text.split(".")
            for step in steps:
                here = self.api.spec.resources[here.relations[step].to]
            found = self.record(here.name).get(last) if self.store.state.records(here.name) else ""
            found = found[0] if isinstance(found, list) and found else found
            target = here.relations.get(last)
            before, _, after = (
                self.api.spec.resources[target.to].path if target else "{x}"
            ).partition("{")
            is_link = parameter.filter.lookup == "link"
            words.append(
                f"http://a{before}{found}{after.partition('}')[2]}" if is_link else str(found)
            )
        return self.dice.choice(words or ["a"])

    def check(self):
        unknown = State(self.store.state.version, self.store.state.tables)
        nobody = Store(self.api.spec.resources, unknown)
        for question in self.questions:
            ours = Application(self.api, self.store, lambda: self.now, KEEPS_NOT)
            plain = Application(self.plain, nobody, lambda: self.now, KEEPS_NOT)
            assert self.answer(ours, question) == self.answer(plain, question)

    def answer(self, app, question):
        path, query, token = question
        headers = {"host": "a", **({"authorization": f"{self.keyword} {token}"} if token else {})}
        exchange = app.answer(Request("GET", path, query, headers))
        assert exchange.defect is None
        return exchange.response.status, exchange.response.headers, exchange.response.body


@cache
def started(sources):
    """Return a world, and its API without what lets lists be kept."""
    world = read_world(sources)
    plain = {name: looking_at_all(bound) for name, bound in world.api.operations.items()}
    return world, replace(world.api, operations=plain)


def looking_at_all(bound):
    return replace(bound, rows=lambda scope: list(bound.rows(scope)))


CLOCK = "2026-03-15T12:30:00Z"
SHIPPED = Sources(clock=CLOCK)
LIBRARY = Sources(spec=_LIB / "spec" / "openapi.yaml", pack=f"{_LIB / 'pack.py'}:pack", clock=CLOCK)


@pytest.mark.parametrize(
    ("sources", "keyword"), [(SHIPPED, "Token"), (LIBRARY, "Bearer")], ids=["shipped", "library"]
)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_lists_are_what_they_would_be_if_nothing_were_kept(sources, keyword, seed):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mockserver.views.MANY", 2)
        game = Game(sources, keyword, seed)
        for _ in range(STEPS):
            game.check()
            game.step()
        game.check()


# Callers and time


def plans(store, token, now):
    app = Application(started(SHIPPED)[0].api, store, lambda: now, KEEPS_NOT)
    headers = {"host": "a", "authorization": f"Token {token}"}
    response = app.answer(Request("GET", "/api/marketplace-plans/", "", headers)).response
    return int(response.headers["X-Result-Count"])


@pytest.fixture
def shipped():
    """The shipped world, and the tokens of somebody who sees all plans and of a stranger."""
    world = started(SHIPPED)[0]
    tokens = {persona.name: persona.token for persona in world.scenario.personas}
    store = Store(world.api.spec.resources, State(tables=world.scenario.state.tables))
    return store, tokens["staff"], tokens["stranger"]


def give_role(store, token, expiry):
    """Give who has a token a role on the customer with the most plans."""
    rules = started(SHIPPED)[0].api.conventions["auth"]
    with store.transaction() as transaction:
        user = transaction.get(rules["tokens"], token)[rules["user"]]
        offering = transaction.get("offering", transaction.all("plan")[0]["offering"])
        like = transaction.all("grant")[0]
        scopes = {"project": None, "offering": None, "service_provider": None}
        changed = {"user": user, "customer": offering["customer"], "expiration_time": expiry}
        transaction.insert(
            "grant", {**like, **scopes, **changed, "uuid": "f" * 32, "is_active": True}
        )


def test_everybody_has_a_view_of_his_own(shipped):
    store, staff, stranger = shipped
    for _ in range(2):
        assert plans(store, staff, NOW) > 0
        assert plans(store, stranger, NOW) == 0


def test_a_view_lasts_until_a_role_ends(shipped):
    store, staff, stranger = shipped
    everything = plans(store, staff, NOW)
    assert plans(store, stranger, NOW) == 0
    give_role(store, stranger, "2026-03-15T12:31:00Z")

    seen = plans(store, stranger, NOW)
    assert 0 < seen <= everything
    assert plans(store, stranger, NOW + timedelta(seconds=59)) == seen
    assert plans(store, stranger, NOW + timedelta(seconds=60)) == 0
    assert plans(store, stranger, NOW) == seen
    assert plans(store, staff, NOW) == everything


def test_a_view_follows_its_caller(shipped):
    store, staff, _ = shipped
    rules = started(SHIPPED)[0].api.conventions["auth"]
    everything = plans(store, staff, NOW)
    user = store.read().get(rules["tokens"], staff)[rules["user"]]

    change(store, "user", user, is_staff=False)
    assert plans(store, staff, NOW) < everything


def test_a_write_costs_no_look_at_the_other_records(shipped, monkeypatch):
    store, staff, _ = shipped
    total = plans(store, staff, NOW)
    looks = []
    monkeypatch.setattr(
        "mockserver.views.Wanted.keeps", lambda wanted, record: looks.append(record) or True
    )
    change(store, "plan", store.read().all("plan")[0]["uuid"], name="Renamed")
    assert plans(store, staff, NOW) == total
    assert len(looks) == 1


def test_a_row_is_shown_anew_when_what_it_leads_to_changes():
    world = read_world(Sources())
    store = Store(world.api.spec.resources, world.scenario.state)
    app = Application(world.api, store, lambda: NOW, KEEPS_NOT)
    headers = {"host": "h", "authorization": "Token YOUR_API_TOKEN"}
    request = Request("GET", "/api/marketplace-service-providers/", "page_size=300", headers)

    def names() -> dict[str, str]:
        rows = orjson.loads(app.answer(request).response.body)
        return {row["uuid"]: row["customer_name"] for row in rows}

    before = names()
    first = next(iter(before))
    with store.transaction() as transaction:
        provider = transaction.get("service_provider", first)
        customer = transaction.get("customer", provider["customer"])
        transaction.replace("customer", customer, name="Called otherwise")
    assert names() == before | {first: "Called otherwise"}
