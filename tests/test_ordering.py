from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.compiler import DEFAULTS
from mockserver.errors import SpecError
from mockserver.operation import Order
from mockserver.ordering import compile_order
from mockserver.paths import Paths
from mockserver.store import Store
from tests import small, strategies

RESOURCES = small.resources("""
TeamRecord:
  type: object
  x-resource: {name: team, key: id}
  properties: {id: {type: integer}, title: {type: string}}
PersonRecord:
  type: object
  x-resource: {name: person, key: id, relations: {team: {to: team}}}
  properties:
    id: {type: integer}
    first: {type: string}
    last: {type: [string, "null"]}
    age: {type: [integer, "null"]}
    wage: {type: string, format: decimal}
    since: {type: string, format: date-time}
    team: {type: integer}
""")
WORDS = ("first", "last", "age", "name", "wage", "since", "team", "title")
KEYS = {word: (word,) for word in WORDS} | {"name": ("last", "first"), "title": ("team.title",)}
RULES = DEFAULTS["ordering"]


class _Call:
    def __init__(self, sent):
        self.query = {"o": sent}


class Reader:
    """As much of a scope as sorting needs."""

    def __init__(self, *sent):
        self.call = _Call(sent)
        self.store = Store(RESOURCES).read()
        for key, title in ((1, "Red"), (2, "Blue")):
            self.store.insert("team", {"id": key, "title": title})


def order(*default, nulls="high", is_single=False, wording="query"):
    words = frozenset(WORDS) | {f"-{word}" for word in WORDS}
    return Order("o", KEYS, words, default, nulls, is_single, wording)


def ask(records, *sent, declared=None, default=("id",), rules=None):
    sort = compile_order(
        declared,
        default,
        RESOURCES["person"],
        {**RULES, **(rules or {})},
        Paths(RESOURCES, {}),
        "here",
    )
    sorter = sort(Reader(*sent))
    if isinstance(sorter, list):
        return [(issue.code, issue.params["value"]) for issue in sorter]
    return [record["id"] for record in sorter(records)]


def person(key, **fields):
    return {
        "id": key,
        "first": "Ann",
        "last": "Lee",
        "age": 30,
        "wage": "1",
        "since": "2026-01-01T00:00:00Z",
        "team": None,
        **fields,
    }


def people(field, *values):
    return [person(number, **{field: value}) for number, value in enumerate(values, 1)]


def test_ascending_by_default_and_descending_on_demand():
    found = people("age", 3, 1, 2)

    assert ask(found, "age", declared=order()) == [2, 3, 1]
    assert ask(found, "-age", declared=order()) == [1, 3, 2]


def test_equal_rows_follow_by_their_key_in_both_directions():
    found = list(reversed(people("age", 5, 5, 5)))

    assert ask(found, "age", declared=order()) == [1, 2, 3]
    assert ask(found, "-age", declared=order()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("nulls", "word", "expected"),
    [
        ("high", "age", [3, 2, 1]),
        ("high", "-age", [1, 2, 3]),
        ("low", "age", [1, 3, 2]),
        ("low", "-age", [2, 3, 1]),
    ],
)
def test_nulls_are_above_or_below_everything(nulls, word, expected):
    assert ask(people("age", None, 2, -1), word, declared=order(nulls=nulls)) == expected


def test_a_record_without_the_related_record_counts_as_null():
    found = people("team", None, 1, 2)

    assert ask(found, "title", declared=order()) == [3, 2, 1]
    assert ask(found, "title", declared=order(nulls="low")) == [1, 3, 2]


def test_a_relation_is_ordered_by_its_key():
    assert ask(people("team", 2, 1, None), "team", declared=order()) == [2, 1, 3]


@pytest.mark.parametrize(
    ("collation", "expected"), [("casefold", [3, 2, 1]), ("codepoint", [1, 3, 2])]
)
def test_texts_compare_by_the_collation(collation, expected):
    found = people("first", "Zoe", "bob", "ann")

    assert ask(found, "first", declared=order(), rules={"collation": collation}) == expected


def test_decimals_compare_as_numbers():
    assert ask(people("wage", "10.0", "9.50", "-1"), "wage", declared=order()) == [3, 2, 1]


def test_instants_compare_in_time():
    found = people("since", "2026-01-01T00:00:00.5Z", "2026-01-01T00:00:00Z")

    assert ask(found, "since", declared=order()) == [2, 1]


def test_several_keys_count_from_left_to_right():
    found = [person(1, age=2, first="B"), person(2, age=1, first="A"), person(3, age=2, first="A")]

    assert ask(found, "-age,first", declared=order()) == [3, 1, 2]
    assert ask(found, "first,-age", declared=order()) == [3, 2, 1]


def test_a_word_may_stand_for_several_fields():
    found = [person(1, last="B", first="A"), person(2, last="A", first="B"), person(3, last="A")]

    assert ask(found, "name", declared=order()) == [3, 2, 1]
    assert ask(found, "-name", declared=order()) == [1, 2, 3]


def test_stray_separators_do_no_harm():
    assert ask(people("age", 2, 1), ",age,", declared=order()) == [2, 1]


def test_of_a_repeated_parameter_the_last_counts():
    assert ask(people("age", 2, 1), "nonsense", "age", declared=order()) == [2, 1]


@pytest.mark.parametrize("word", ["nme", "AGE", "--age", " age", "-", "+age"])
def test_an_unknown_word_is_refused_as_it_was_sent(word):
    assert ask([], f"first,{word}", declared=order()) == [("query.choice", word)]


def test_an_unknown_word_may_be_ignored():
    found = people("age", 2, 1)

    assert ask(found, "nme,age", declared=order(), rules={"unknown": "ignore"}) == [2, 1]
    assert ask(found, "nme", declared=order("age"), rules={"unknown": "ignore"}) == [2, 1]


def test_a_single_key_is_not_split():
    single = order(is_single=True, wording="body")

    assert ask(people("age", 2, 1), "age", declared=single) == [2, 1]
    assert ask([], "age,first", declared=single) == [("body.choice", "age,first")]


@pytest.mark.parametrize("sent", [(), ("",), (",",)])
def test_nothing_asked_is_the_default(sent):
    found = people("age", 1, 2)

    assert ask(found, *sent, declared=order("-age")) == [2, 1]
    assert ask(found, *sent, declared=order(), default=("-age",)) == [2, 1]


def test_a_default_may_be_a_word_or_a_path():
    found = [person(1, team=1), person(2, team=2)]

    assert ask(found, declared=order("-title")) == [1, 2]
    assert ask(found, declared=order("team.title")) == [2, 1]


def test_a_list_without_the_parameter_has_only_its_default():
    assert ask(people("age", 1, None, 2), "first", default=("-age",)) == [2, 3, 1]
    found = ask(people("age", 1, None, 2), default=("age",), rules={"nulls": "low"})
    assert found == [2, 1, 3]


def test_another_mark_and_separator():
    rules = {"descending": "!", "separator": ";"}
    declared = Order("o", KEYS, frozenset({"age", "!age", "first"}), (), "high", is_single=False)

    assert ask(people("age", 1, 2), "!age;first", declared=declared, rules=rules) == [2, 1]


def test_a_wrong_path_is_an_error_at_start_up():
    with pytest.raises(SpecError, match="no field or relation 'size'"):
        ask([], default=("size",))


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "first": strategies.texts,
            "last": strategies.optional(strategies.texts),
            "age": strategies.optional(strategies.numbers),
            "team": st.sampled_from([1, 2, None]),
        }
    ),
    max_size=8,
).map(lambda drawn: [person(n, **fields) for n, fields in enumerate(drawn)])
ASKED = st.lists(
    st.tuples(st.sampled_from(["", "-"]), st.sampled_from(["first", "age", "name", "title"])),
    max_size=3,
    unique_by=lambda pair: pair[1],
).map(lambda pairs: ",".join(mark + word for mark, word in pairs))


@settings(deadline=None, max_examples=80)
@given(PEOPLE, ASKED, st.sampled_from(["high", "low"]), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_where_the_rows_were(found, asked, nulls, chance):
    """Every row is there once, and shuffling the rows changes nothing."""
    shuffled = list(found)
    chance.shuffle(shuffled)
    expected = ask(found, asked, declared=order(nulls=nulls))

    assert sorted(expected) == [record["id"] for record in found]
    assert ask(shuffled, asked, declared=order(nulls=nulls)) == expected


@settings(deadline=None, max_examples=80)
@given(PEOPLE, st.sampled_from(["high", "low"]))
def test_neighbours_are_in_order(found, nulls):
    """Ages rise, nulls are together at one end, and equal ages follow by key."""
    rows = {record["id"]: record for record in found}
    shown = [rows[key] for key in ask(found, "age", declared=order(nulls=nulls))]
    least, most = float("-inf"), float("inf")
    for one, other in pairwise(shown):
        null = most if nulls == "high" else least
        pair = [null if row["age"] is None else row["age"] for row in (one, other)]

        assert (pair[0], one["id"]) < (pair[1], other["id"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(0, 9), min_size=2, max_size=12), st.sampled_from(["age", "-age"]))
def test_a_long_list_is_ordered_like_a_short_one(ages, asked):
    """Beyond MANY rows the order is kept with the state; nobody can tell."""
    everyone = people("age", *ages)
    sort = compile_order(
        order("id"), ("id",), RESOURCES["person"], RULES, Paths(RESOURCES, {}), "here"
    )
    reader = Reader(asked)
    for one in everyone:
        reader.store.insert("person", one)
    some = everyone[1:]
    short = sort(reader)(some)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mockserver.ordering.MANY", 1)
        assert sort(reader)(some) == short
        changed = reader.store.replace("person", everyone[0], age=99)
        places = [one["id"] for one in sort(reader)([changed, *some])]

    assert places[0 if asked == "-age" else -1] == changed["id"]
