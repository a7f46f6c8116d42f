from __future__ import annotations

import copy
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from mockserver.errors import Conflict
from mockserver.store import Store
from tests import small

RESOURCES = small.resources("""
TeamRecord:
  type: object
  x-resource: {name: team, key: id, on_delete: {person.team: cascade}}
  properties: {id: {type: integer}, title: {type: string}}
BadgeRecord:
  type: object
  x-resource: {name: badge, key: id, on_delete: {person.badges: clear}}
  properties: {id: {type: integer}}
PersonRecord:
  type: object
  x-resource:
    name: person
    key: id
    relations:
      team: {to: team}
      boss: {to: person}
      badges: {to: badge, many: true}
    on_delete:
      locker.owner: restrict
      person.boss: clear
      note.author: cascade
      note.reader: cascade
  properties:
    id: {type: integer}
    team: {type: integer}
    boss: {type: integer}
    badges: {type: array, items: {type: integer}}
LockerRecord:
  type: object
  x-resource: {name: locker, key: id, relations: {owner: {to: person}}}
  properties: {id: {type: integer}, owner: {type: integer}}
NoteRecord:
  type: object
  x-resource:
    name: note
    key: id
    relations: {author: {to: person}, reader: {to: person}, about: {to: note}}
    on_delete: {note.about: cascade}
  properties:
    id: {type: integer}
    author: {type: integer}
    reader: {type: integer}
    about: {type: integer}
""")
RELATIONS = [
    (name, relation.name)
    for name, resource in RESOURCES.items()
    for relation in resource.relations.values()
]
RULES = [
    (target, other, field, rule)
    for target, resource in RESOURCES.items()
    for (other, field), rule in resource.on_delete.items()
]

keys = st.integers(1, 4)
references = st.none() | keys


@pytest.fixture
def store():
    return Store(RESOURCES)


def add(store, resource, **fields):
    with store.transaction() as transaction:
        return transaction.insert(resource, fields)


def person(store, key, **fields):
    return add(store, "person", id=key, **{"team": None, "boss": None, "badges": [], **fields})


def remove(store, resource, key):
    with store.transaction() as transaction:
        transaction.remove(resource, transaction.get(resource, key))


class Failure(Exception):
    """What makes a transaction fail."""


def fail(store, *steps):
    """Do some steps in one transaction, then fail."""
    with store.transaction() as transaction:
        for step in steps:
            step(transaction)
        raise Failure


def test_what_is_inserted_is_found(store):
    record = add(store, "team", id=1, title="Blue")

    assert store.read().get("team", 1) is record
    assert store.read().get("team", 2) is None
    assert store.read().get("team", None) is None


people = st.fixed_dictionaries(
    {"team": references, "boss": references, "badges": st.lists(keys, max_size=3)}
)


@given(groups=st.lists(st.lists(people, max_size=40), max_size=4))
def test_many_are_inserted_as_one_after_another_would_be(groups):
    """Records, indexes, numbers, writes: all the same."""
    at_once, singly, numbers = Store(RESOURCES), Store(RESOURCES), count(1)
    for group in groups:
        records = [{"id": next(numbers), **fields} for fields in group]
        with at_once.transaction() as one, singly.transaction() as other:
            one.insert_all("person", iter(records))
            for record in records:
                other.insert("person", record)
            assert one.changes == other.changes
        assert at_once.state.version == singly.state.version
        tables = [each.state.tables.get("person") for each in (at_once, singly)]
        # Equal but for their trails, which no two tables share.
        one, other = (each and (each.records, each.indexes, each.serial) for each in tables)
        assert one == other


def test_of_many_that_are_inserted_each_key_is_new(store):
    person(store, 1)
    with store.transaction() as transaction:
        for numbers in ([2, 3, 2], [2, 1]):
            with pytest.raises(ValueError, match="two records of one key"):
                transaction.insert_all("person", [{"id": number} for number in numbers])
        assert transaction.changes == []


def test_records_come_in_the_order_of_their_keys(store):
    for key in (3, 1, 2):
        add(store, "team", id=key)

    assert [record["id"] for record in store.read().all("team")] == [1, 2, 3]


def test_a_resource_without_records_is_empty(store):
    reader = store.read()

    assert reader.all("team") == ()
    assert reader.related("person", "team", 1) == ()
    assert reader.count("team") == 0
    assert reader.next_serial("team") == 1


def test_a_key_is_used_once(store):
    add(store, "team", id=1)

    with pytest.raises(ValueError, match="exists already"):
        add(store, "team", id=1)


def test_replacing_leaves_the_old_record_as_it_was(store):
    old = add(store, "team", id=1, title="Blue")

    with store.transaction() as transaction:
        new = transaction.replace("team", old, title="Red")

    assert old["title"] == "Blue"
    assert new == {"id": 1, "title": "Red"}
    assert store.read().get("team", 1) is new


def test_replacing_nothing_is_no_write(store):
    record = add(store, "team", id=1, title="Blue")
    before = store.snapshot()

    with store.transaction() as transaction:
        assert transaction.replace("team", record, title="Blue") is record

    assert store.snapshot() is before


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (1, 1.0)])
def test_values_of_another_type_differ(store, old, new):
    record = add(store, "team", id=1, title=old)

    with store.transaction() as transaction:
        transaction.replace("team", record, title=new)

    assert type(store.read().get("team", 1)["title"]) is type(new)


def test_the_next_key_is_above_every_key_ever_used(store):
    add(store, "team", id=7)
    remove(store, "team", 7)

    assert store.read().next_serial("team") == 8


def test_every_read_sees_the_writes_before_it(store):
    with store.transaction() as transaction:
        transaction.insert("team", {"id": 1})
        transaction.insert("person", {"id": 1, "team": 1, "boss": None, "badges": []})

        assert [p["id"] for p in transaction.related("person", "team", 1)] == [1]
    assert store.read().count("person") == 1


def test_a_failed_transaction_leaves_nothing(store):
    add(store, "team", id=1, title="Blue")
    before = store.snapshot()

    with pytest.raises(Failure):
        fail(
            store,
            lambda t: t.replace("team", t.get("team", 1), title="Red"),
            lambda t: t.insert("team", {"id": 2}),
        )

    assert store.snapshot() is before
    assert store.read().get("team", 1)["title"] == "Blue"


def test_writes_to_a_reader_are_never_kept(store):
    store.read().insert("team", {"id": 1})

    assert store.read().count("team") == 0


def test_a_commit_counts_the_version_up_and_lists_the_changes(store):
    with store.transaction() as transaction:
        team = transaction.insert("team", {"id": 1})
        transaction.remove("team", team)

    assert transaction.changes == [("team", 1, team), ("team", 1, None)]
    assert store.snapshot().version == 1


def test_delete_restricted_by_another_record(store):
    person(store, 1)
    add(store, "locker", id=1, owner=1)

    with pytest.raises(Conflict, match="Cannot delete Person with existing lockers"):
        remove(store, "person", 1)

    assert store.read().count("person") == 1


def test_delete_cascades_all_the_way_down(store):
    add(store, "team", id=1)
    person(store, 1, team=1)
    add(store, "note", id=1, author=1, reader=None, about=None)

    remove(store, "team", 1)

    assert store.read().count("person") == 0
    assert store.read().count("note") == 0


def test_a_restriction_further_down_stops_the_whole_cascade(store):
    add(store, "team", id=1)
    person(store, 1, team=1)
    person(store, 2, team=1)
    add(store, "locker", id=1, owner=2)

    with pytest.raises(Conflict):
        remove(store, "team", 1)

    assert store.read().count("person") == 2
    assert store.read().count("team") == 1


def test_delete_clears_a_reference_and_takes_a_key_out_of_a_list(store):
    add(store, "badge", id=1)
    add(store, "badge", id=2)
    person(store, 1)
    person(store, 2, boss=1, badges=[1, 2])

    remove(store, "badge", 1)
    remove(store, "person", 1)

    left = store.read().get("person", 2)
    assert left["boss"] is None
    assert left["badges"] == [2]


def test_two_ways_to_the_same_dependant_delete_it_once(store):
    person(store, 1)
    add(store, "note", id=1, author=1, reader=1, about=None)
    add(store, "note", id=2, author=1, reader=1, about=1)

    remove(store, "person", 1)

    assert store.read().count("note") == 0


def test_a_circle_of_cascades_ends(store):
    add(store, "note", id=1, author=None, reader=None, about=2)
    add(store, "note", id=2, author=None, reader=None, about=1)

    remove(store, "note", 1)

    assert store.read().count("note") == 0


def test_a_record_that_points_to_itself_can_go(store):
    person(store, 1, boss=1)
    add(store, "note", id=1, author=None, reader=None, about=1)

    remove(store, "person", 1)
    remove(store, "note", 1)

    assert store.read().count("person") == 0
    assert store.read().count("note") == 0


def test_a_fork_and_its_origin_go_separate_ways(store):
    add(store, "team", id=1, title="Blue")
    fork = store.fork()

    remove(store, "team", 1)
    add(fork, "team", id=2)

    assert store.read().count("team") == 0
    assert [team["id"] for team in fork.read().all("team")] == [1, 2]


def test_what_is_remembered_is_kept_until_the_next_write(store):
    calls = []

    def count():
        calls.append(1)
        return len(calls)

    assert store.read().memo("count", count) == 1
    assert store.read().memo("count", count) == 1
    add(store, "team", id=1)
    assert store.read().memo("count", count) == 2


def test_a_write_that_fails_does_not_disturb_what_is_remembered(store):
    store.read().memo("answer", lambda: 42)

    with pytest.raises(Failure):
        fail(store, lambda t: t.insert("team", {"id": 1}), lambda t: t.memo("answer", lambda: 43))

    assert store.read().memo("answer", lambda: 44) == 42


def test_too_much_to_remember_is_forgotten(store, monkeypatch):
    monkeypatch.setattr("mockserver.state.MEMO_LIMIT", 3)
    reader = store.read()

    for key in range(10):
        reader.memo(key, lambda key=key: key)

    assert len(store.snapshot().memo) <= 3


class StoreAgainstDicts(RuleBasedStateMachine):
    """A store does what the same rules do to plain dicts."""

    snapshots = Bundle("snapshots")

    @initialize()
    def start(self):
        self.store = Store(RESOURCES)
        self.model = {name: {} for name in RESOURCES}

    @rule(key=keys)
    def insert_team(self, key):
        self._insert("team", {"id": key, "title": ""})

    @rule(key=keys)
    def insert_badge(self, key):
        self._insert("badge", {"id": key})

    @rule(key=keys, team=references, boss=references, badges=st.lists(keys, max_size=3))
    def insert_person(self, key, team, boss, badges):
        self._insert("person", {"id": key, "team": team, "boss": boss, "badges": badges})

    @rule(key=keys, owner=keys)
    def insert_locker(self, key, owner):
        self._insert("locker", {"id": key, "owner": owner})

    @rule(key=keys, author=references, reader=references, about=references)
    def insert_note(self, key, author, reader, about):
        self._insert("note", {"id": key, "author": author, "reader": reader, "about": about})

    @rule(key=keys, team=references, badges=st.lists(keys, max_size=3))
    def replace_person(self, key, team, badges):
        self._replace("person", key, team=team, badges=badges)

    @rule(key=keys, owner=references)
    def replace_locker(self, key, owner):
        self._replace("locker", key, owner=owner)

    @rule(resource=st.sampled_from(sorted(RESOURCES)), key=keys)
    def remove(self, resource, key):
        if key not in self.model[resource]:
            return
        doomed = self._doomed(resource, key)
        if self._is_restricted(doomed):
            with pytest.raises(Conflict):
                remove(self.store, resource, key)
            return
        remove(self.store, resource, key)
        for name, gone in doomed:
            del self.model[name][gone]
        self._clear(doomed)

    @rule(key=keys)
    def fail_half_way(self, key):
        before = self.store.snapshot()
        with pytest.raises(Failure):
            fail(
                self.store,
                lambda t: [t.remove("locker", record) for record in t.all("locker")],
                lambda t: t.insert("team", {"id": 100 + key}),
            )
        assert self.store.snapshot() is before

    @rule(target=snapshots)
    def snapshot(self):
        return self.store.snapshot(), copy.deepcopy(self.model)

    @rule(kept=snapshots)
    def restore(self, kept):
        state, model = kept
        self.store.restore(state)
        self.model = copy.deepcopy(model)

    @rule(key=keys)
    def go_on_in_a_fork(self, key):
        origin = self.store
        self.store = origin.fork()
        with origin.transaction() as transaction:
            for record in transaction.all("note"):
                transaction.replace("note", record, about=None, author=key)

    @invariant()
    def holds_the_same_records(self):
        reader = self.store.read()
        for name, records in self.model.items():
            assert list(reader.all(name)) == [records[key] for key in sorted(records)]
            assert reader.count(name) == len(records)
            assert all(reader.get(name, key) == record for key, record in records.items())

    @invariant()
    def finds_what_points_where(self):
        reader = self.store.read()
        for name, field in RELATIONS:
            for key in range(1, 5):
                found = [record["id"] for record in reader.related(name, field, key)]
                assert found == self._pointing(name, field, key)

    @invariant()
    def remembers_nothing_stale(self):
        remembered = self.store.read().memo("sizes", self._sizes)
        assert remembered == self._sizes()

    # The model

    def _insert(self, resource, record):
        if record["id"] in self.model[resource]:
            return
        add(self.store, resource, **copy.deepcopy(record))
        self.model[resource][record["id"]] = record

    def _replace(self, resource, key, **changes):
        if key not in self.model[resource]:
            return
        with self.store.transaction() as transaction:
            transaction.replace(resource, transaction.get(resource, key), **changes)
        self.model[resource][key] = {**self.model[resource][key], **changes}

    def _pointing(self, resource, field, key):
        return [
            record["id"]
            for _, record in sorted(self.model[resource].items())
            if key in _held(record[field])
        ]

    def _doomed(self, resource, key):
        found, waiting = set(), [(resource, key)]
        while waiting:
            here = waiting.pop()
            if here in found:
                continue
            found.add(here)
            for target, other, field, rule_ in RULES:
                if target == here[0] and rule_ == "cascade":
                    waiting += [(other, k) for k in self._pointing(other, field, here[1])]
        return found

    def _is_restricted(self, doomed):
        return any(
            self._pointing(other, field, key)
            for name, key in doomed
            for target, other, field, rule_ in RULES
            if target == name and rule_ == "restrict"
        )

    def _clear(self, doomed):
        for target, other, field, rule_ in RULES:
            gone = {key for name, key in doomed if name == target}
            if rule_ != "clear":
                continue
            for record in self.model[other].values():
                held = record[field]
                if isinstance(held, list):
                    record[field] = [key for key in held if key not in gone]
                elif held in gone:
                    record[field] = None

    def _sizes(self):
        return {name: len(self.model[name]) for name in self.model}


def _held(value):
    return value if isinstance(value, list) else [value]


TestStoreAgainstDicts = StoreAgainstDicts.TestCase
TestStoreAgainstDicts.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
