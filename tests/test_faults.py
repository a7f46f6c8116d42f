"""Faults: how rules are read, which fire, and what they come to."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import faults
from mockserver.delivery import WHOLE, Delivery
from mockserver.errors import Invalid
from mockserver.fault import KINDS, SPREADS, Fault, Spread
from mockserver.faults import MAX_RULES, Faults, Rule
from mockserver.preferences import Wishes

ROOT = Path(__file__).parent.parent
RESET = Fault("reset")
LATE = Fault("latency", milliseconds=200)
DOWN = Fault("status", code=503)

milliseconds = st.integers(0, 60_000)
spreads = st.one_of(
    st.tuples(milliseconds, milliseconds).map(lambda pair: Spread("uniform", *sorted(pair))),
    st.builds(Spread, st.just("normal"), milliseconds, st.integers(0, 1000)),
    st.builds(Spread, st.just("lognormal"), milliseconds, st.floats(0, 5)),
)
any_fault = st.one_of(
    st.sampled_from(["empty", "reset", "truncated", "malformed"]).map(Fault),
    milliseconds.map(lambda ms: Fault("latency", milliseconds=ms)),
    spreads.map(lambda spread: Fault("latency", spread=spread)),
    st.builds(Fault, st.just("status"), code=st.integers(200, 599), executed=st.booleans()),
    st.builds(Fault, st.just("slow"), rate=st.integers(1, 10_000)),
    st.builds(Fault, st.just("rate_limit"), retry_after=st.integers(0, 86_400)),
)
any_rule = st.builds(
    Rule,
    id=st.sampled_from(["", "a", "b.c", "rule-1"]),
    operation=st.sampled_from(["", "list_books", "get_book"]),
    method=st.sampled_from(["", "GET", "POST"]),
    path=st.sampled_from(["", "/books/*", "/books/?/", "*"]),
    persona=st.sampled_from(["", "mari"]),
    probability=st.floats(0.01, 1.0),
    times=st.none() | st.integers(1, 5),
    fault=any_fault,
)


def ask(held: Faults, *, path="/books/", persona="", seed=1) -> tuple[Rule, ...]:
    return held.choose("GET", path, "list_books", persona, seed)


def holding(*rules: Rule) -> Faults:
    held = Faults()
    for rule in rules:
        held.put(rule)
    return held


class TestReading:
    @given(any_fault)
    def test_what_a_fault_shows_reads_as_the_same_fault(self, fault):
        assert Fault.read(json.loads(json.dumps(fault.shown()))) == fault

    @given(any_rule)
    def test_what_a_rule_shows_reads_as_the_same_rule(self, rule):
        assert Rule.read(json.loads(json.dumps(rule.shown()))) == rule

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_kind_alone_is_a_fault(self, kind):
        assert Fault.read(kind) == Fault.read({"kind": kind}) == Fault(kind)
        assert Rule.read({"fault": kind}).fault == Fault(kind)

    @pytest.mark.parametrize("shape", SPREADS)
    def test_latency_may_vary(self, shape):
        names = SPREADS[shape][0]
        read = Fault.read({"kind": "latency", shape: {names[0]: 2, names[1]: 3}})
        assert read.spread == Spread(shape, 2.0, 3.0)

    @pytest.mark.parametrize(
        ("member", "value"),
        [
            ("operation", "list_boks"),
            ("operation", 7),
            ("method", "get"),
            ("method", "BREW"),
            ("path", "books"),
            ("path", "/" * 501),
            ("persona", "nobody"),
            ("probability", 0),
            ("probability", 1.5),
            ("probability", float("nan")),
            ("probability", "often"),
            ("probability", True),
            ("times", 0),
            ("times", 1.5),
            ("times", "once"),
            ("id", "../x"),
            ("id", "x" * 65),
            ("colour", "red"),
            ("fault", None),
            ("fault", "explode"),
            ("fault", 3),
            ("fault", []),
            ("fault", {"kind": ["reset"]}),
        ],
    )
    def test_a_bad_member_is_named(self, member, value):
        raw = {"fault": {"kind": "reset"}, member: value}
        with pytest.raises(Invalid) as caught:
            Rule.read(raw, {"list_books", "get_book"}, {"mari"})
        assert list(caught.value.issues) == [member]

    @pytest.mark.parametrize(
        ("fault", "member"),
        [
            ({"kind": "latency", "milliseconds": -1}, "milliseconds"),
            ({"kind": "latency", "milliseconds": 60_001}, "milliseconds"),
            ({"kind": "latency", "milliseconds": float("inf")}, "milliseconds"),
            ({"kind": "latency", "uniform": {"min": 5, "max": 2}}, "uniform"),
            ({"kind": "latency", "uniform": {"min": 5}}, "uniform"),
            ({"kind": "latency", "uniform": [1, 2]}, "uniform"),
            ({"kind": "latency", "normal": {"median": 5, "sigma": "x"}}, "normal"),
            ({"kind": "latency", "lognormal": {"median": 5, "sigma": 6}}, "lognormal"),
            ({"kind": "latency", "lognormal": {"median": 5, "sigma": 1, "x": 1}}, "lognormal"),
            ({"kind": "latency", "milliseconds": 1, "uniform": {"min": 1, "max": 2}}, "uniform"),
            ({"kind": "status", "code": 199}, "code"),
            ({"kind": "status", "code": 600}, "code"),
            ({"kind": "status", "code": "404"}, "code"),
            ({"kind": "status", "executed": "yes"}, "executed"),
            ({"kind": "slow", "rate": 0}, "rate"),
            ({"kind": "rate_limit", "retry_after": -1}, "retry_after"),
            ({"kind": "reset", "rate": 3}, "rate"),
        ],
    )
    def test_a_bad_member_of_a_fault_is_named_inside(self, fault, member):
        with pytest.raises(Invalid) as caught:
            Rule.read({"fault": fault})
        inner = caught.value.issues["fault"]
        assert isinstance(inner, dict)
        assert list(inner) == [member]

    def test_everything_wrong_is_said_at_once(self):
        with pytest.raises(Invalid) as caught:
            Rule.read({"method": "BREW", "times": 0, "fault": {"kind": "slow", "rate": 0}})
        assert set(caught.value.issues) == {"method", "times", "fault"}

    @pytest.mark.parametrize("raw", [None, [], "reset", 3])
    def test_a_rule_is_an_object(self, raw):
        with pytest.raises(Invalid) as caught:
            Rule.read(raw)
        assert list(caught.value.issues) == ["non_field_errors"]

    @given(
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.text() | st.integers(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        )
        | st.fixed_dictionaries(
            {"fault": st.fixed_dictionaries({"kind": st.sampled_from(sorted(KINDS))})},
            optional={
                name: st.none() | st.floats() | st.integers() | st.text()
                for name in ("id", "operation", "method", "path", "probability", "times")
            },
        )
    )
    def test_whatever_is_sent_is_read_or_refused(self, raw):
        try:
            read = Rule.read(raw)
        except Invalid:
            return
        assert Rule.read(read.shown()) == read


class TestMatching:
    @pytest.mark.parametrize(
        ("rule", "matches"),
        [
            (Rule(fault=RESET), True),
            (Rule(operation="list_books", fault=RESET), True),
            (Rule(operation="get_book", fault=RESET), False),
            (Rule(method="GET", fault=RESET), True),
            (Rule(method="POST", fault=RESET), False),
            (Rule(path="/books/", fault=RESET), True),
            (Rule(path="/book*/", fault=RESET), True),
            (Rule(path="/books", fault=RESET), False),
            (Rule(path="/BOOKS/", fault=RESET), False),
            (Rule(persona="mari", fault=RESET), True),
            (Rule(persona="jaan", fault=RESET), False),
            (Rule(method="GET", persona="jaan", fault=RESET), False),
        ],
    )
    def test_a_rule_is_about_what_it_names(self, rule, matches):
        assert bool(ask(holding(rule), persona="mari")) is matches

    def test_a_star_goes_over_slashes(self):
        held = holding(Rule(path="/books/*", fault=RESET))
        assert ask(held, path="/books/7/loan/")


class TestChoosing:
    def test_without_rules_nothing_is_held(self):
        held = Faults()
        assert (held.rules, held._counts) == ((), None)
        assert ask(held) == ()
        assert held._counts is None

    def test_a_rule_without_an_id_gets_one(self):
        held = holding(Rule(fault=RESET), Rule(id="2", fault=RESET))
        assert held.put(Rule(fault=LATE)).id == "3"
        assert held.remove("1")
        assert held.put(Rule(fault=LATE)).id == "1"
        assert len({rule.id for rule in held.rules}) == 3

    def test_a_rule_of_the_same_id_takes_the_place(self):
        held = holding(Rule(id="a", fault=RESET), Rule(id="b", fault=LATE))
        ask(held)
        held.put(Rule(id="a", fault=DOWN))
        assert [rule.fault for rule in held.rules] == [DOWN, LATE]
        assert held.counted("a") == (0, 0)
        assert held.counted("b") == (1, 1)

    def test_rules_are_taken_away(self):
        held = holding(Rule(id="a", fault=RESET), Rule(id="b", fault=LATE))
        assert held.remove("a")
        assert not held.remove("a")
        assert held.get("a") is None
        held.clear()
        assert (held.rules, held._counts, held.counted("b")) == ((), None, (0, 0))

    def test_there_is_an_end_to_rules(self):
        held = holding(*(Rule(id=f"r{n}", fault=RESET) for n in range(MAX_RULES)))
        with pytest.raises(Invalid, match=str(MAX_RULES)):
            held.put(Rule(id="more", fault=RESET))
        held.put(Rule(id="r0", fault=LATE))
        assert held.rules[0].fault == LATE

    def test_a_rule_fires_so_many_times(self):
        held = holding(Rule(id="a", times=2, fault=RESET))
        assert [bool(ask(held)) for _ in range(4)] == [True, True, False, False]
        assert held.counted("a") == (4, 2)

    def test_answers_come_one_after_the_other(self):
        held = holding(
            Rule(times=1, fault=DOWN),
            Rule(times=2, fault=Fault("rate_limit")),
            Rule(fault=LATE),
        )
        fired = [[rule.fault.kind for rule in ask(held)] for _ in range(4)]
        assert fired == [
            ["status", "latency"],
            ["rate_limit", "latency"],
            ["rate_limit", "latency"],
            ["latency"],
        ]

    @given(any_rule, st.integers(0, 10**6))
    def test_the_same_seed_and_requests_meet_the_same_faults(self, rule, seed):
        rule = replace(rule, id="a", operation="", method="", path="", persona="")
        one, other = holding(rule), holding(rule)
        assert [ask(one, seed=seed) for _ in range(8)] == [ask(other, seed=seed) for _ in range(8)]

    def test_another_rule_does_not_change_when_one_fires(self):
        rule = Rule(id="a", probability=0.5, fault=LATE)
        alone, beside = holding(rule), holding(Rule(id="b", probability=0.5, fault=LATE), rule)
        for _ in range(30):
            fired = [found for found in ask(beside) if found.id == "a"]
            assert fired == list(ask(alone))

    def test_probability_is_about_how_often(self):
        held = holding(Rule(id="a", probability=0.25, fault=RESET))
        for _ in range(2000):
            ask(held)
        assert 400 < held.counted("a")[1] < 600

    def test_requests_that_a_rule_is_not_about_do_not_move_its_chance(self):
        rule = Rule(id="a", path="/books/", probability=0.5, fault=RESET)
        one, other = holding(rule), holding(rule)
        for _ in range(30):
            ask(other, path="/elsewhere/")
            assert ask(one) == ask(other)

    @given(spreads, st.integers())
    def test_a_latency_is_settled_within_bounds(self, spread, seed):
        held = holding(Rule(id="a", fault=Fault("latency", spread=spread)))
        (fired,) = ask(held, seed=seed)
        assert fired.fault.spread is None
        low, high = (spread.first, spread.second) if spread.shape == "uniform" else (0, 60_000)
        assert low <= fired.fault.milliseconds <= high

    def test_a_latency_varies(self):
        held = holding(Rule(fault=Fault("latency", spread=Spread("lognormal", 100, 0.5))))
        drawn = sorted(ask(held)[0].fault.milliseconds for _ in range(501))
        assert len(set(drawn)) > 400
        assert 85 < drawn[250] < 118


class TestPlanning:
    def test_nothing_is_planned_for_nothing(self):
        assert faults.delivery_of(()) is WHOLE
        assert faults.replacing(()) is None

    def test_delays_add_up(self):
        rules = [Rule(fault=LATE), Rule(fault=LATE)]
        assert faults.delivery_of(rules, Wishes(delay=50)) == Delivery(delay=0.45)
        assert faults.delivery_of(rules, Wishes(fault=Fault("latency"))).delay == 1.4

    def test_delays_have_an_end(self):
        rules = [Rule(fault=Fault("latency", milliseconds=50_000))] * 3
        assert faults.delivery_of(rules).delay == 60.0

    def test_a_wish_goes_before_rules(self):
        rules = [Rule(fault=Fault("slow", rate=5)), Rule(fault=DOWN)]
        assert faults.delivery_of(rules) == Delivery(manner="slow", rate=5)
        assert faults.delivery_of(rules, Wishes(fault=RESET)) == Delivery(manner="reset")
        limited = Fault("rate_limit")
        assert faults.replacing(rules) == DOWN
        assert faults.replacing(rules, Wishes(fault=limited)) == limited

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_fault_replaces_the_answer_or_how_it_is_sent(self, kind):
        fault = Fault(kind)
        delivery = faults.delivery_of([Rule(fault=fault)])
        assert (faults.replacing([Rule(fault=fault)]) is not None) is fault.replaces
        assert (delivery == Delivery()) is fault.replaces
        assert fault.executes is not fault.replaces

    def test_a_status_may_come_after_the_deed(self):
        assert Fault("status", executed=True).executes
        assert Fault("rate_limit").status == 429


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_in_the_reference(kind):
    text = (ROOT / "docs" / "reference" / "faults.md").read_text("utf-8")
    assert f"| `{kind}` |" in text
    assert all(f"`{member}`" in text for member in KINDS[kind])
