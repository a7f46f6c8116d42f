"""What is read from `Prefer:` and from a query, and what the answer says of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import preferences
from mockserver.errors import Malformed
from mockserver.exchange import Request, Response
from mockserver.fault import KINDS, Fault
from mockserver.preferences import NAMES, Wishes

ROOT = Path(__file__).parent.parent


def read(prefer: str | None = None, query: str = "") -> Wishes | None:
    headers = {} if prefer is None else {"prefer": prefer}
    return preferences.read(Request("GET", "/books/", query, headers))


@pytest.mark.parametrize("query", ["", "page=2", "a_b=1"])
def test_a_request_without_wishes_has_none(query):
    assert read(query=query) is None
    assert not preferences.are_in(Request("GET", "/books/", query))


@pytest.mark.parametrize("prefer", ["", ",,", "return=minimal", "wait=10, respond-async", '"x"'])
def test_preferences_of_others_are_ignored(prefer):
    assert read(prefer) is None


@pytest.mark.parametrize(
    ("prefer", "wishes"),
    [
        ("code=404", Wishes(code=404)),
        ("CODE=404", Wishes(code=404)),
        ('code="404"', Wishes(code=404)),
        ("code = 404", Wishes(code=404)),
        ("return=minimal, code=404 ,wait=1", Wishes(code=404)),
        ("code=404,delay=250", Wishes(code=404, delay=250)),
        ("code=404, code=500", Wishes(code=404)),
        ("example=typical", Wishes(example="typical")),
        ('example="a, \\"b\\"; c"', Wishes(example='a, "b"; c')),
        ("dynamic", Wishes(dynamic=True)),
        ("dynamic=true", Wishes(dynamic=True)),
        ("dynamic=True", Wishes(dynamic=True)),
        ("dynamic=false", Wishes()),
        ("delay=0", Wishes()),
        ("delay=60000", Wishes(delay=60_000)),
        ("fault=reset", Wishes(fault=Fault("reset"))),
        ("fault=slow;rate=64", Wishes(fault=Fault("slow", rate=64))),
        ('fault=slow ; RATE="64"; ', Wishes(fault=Fault("slow", rate=64))),
        (
            "fault=status;code=500;executed=true",
            Wishes(fault=Fault("status", code=500, executed=True)),
        ),
        ("code=404; color=red", Wishes(code=404)),
    ],
)
def test_what_the_header_says(prefer, wishes):
    assert read(prefer) == wishes


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fault_can_be_wished_for(kind):
    assert read(f"fault={kind}") == read(query=f"__fault={kind}") == Wishes(fault=Fault(kind))


@pytest.mark.parametrize(
    ("query", "wishes"),
    [
        ("__code=404", Wishes(code=404)),
        ("__code=404&page=2", Wishes(code=404, query="page=2")),
        ("o=%2Bname&__delay=5&b=a%20b&&c", Wishes(delay=5, query="o=%2Bname&b=a%20b&&c")),
        ("__code=404&__code=500", Wishes(code=404)),
        ("__example=a+b%26c", Wishes(example="a b&c")),
        ("__dynamic", Wishes(dynamic=True)),
        ("__fault=slow;rate=64", Wishes(fault=Fault("slow", rate=64))),
        ("__fault=slow%3Brate%3D64", Wishes(fault=Fault("slow", rate=64))),
        ("created__gt=3&__code=404", Wishes(code=404, query="created__gt=3")),
    ],
)
def test_what_the_query_says_is_taken_out_of_it(query, wishes):
    assert read(query=query) == wishes


@pytest.mark.parametrize("query", ["created__gt=3", "__other=1", "code=404", "_code=404"])
def test_other_parameters_are_the_apis(query):
    assert read(query=query) is None


def test_the_header_goes_before_the_query():
    assert read("code=404", "__code=500&__delay=7") == Wishes(code=404, delay=7)


@pytest.mark.parametrize(
    ("prefer", "says"),
    [
        ("code", "Prefer: code needs a status"),
        ("code=", "needs a status"),
        ("code=abc", "'abc'"),
        ("code=99", "from 200 to 599"),
        ("code=100", "from 200 to 599"),
        ("code=4040", "from 200 to 599"),
        ("code=\uff14\uff10\uff14", "value of code is not written"),
        ('code="404', "value of code is not written"),
        ("code=4 4", "value of code is not written"),
        ("delay=-1", "from 0 to 60000"),
        ("delay=60001", "from 0 to 60000"),
        ("delay=1e3", "'1e3'"),
        ("delay=" + "9" * 50, "whole milliseconds"),
        ("delay", "whole milliseconds"),
        ("example", "name of an example"),
        ("dynamic=maybe", "true or false"),
        ("fault=explode", "latency, status"),
        ("fault", "latency, status"),
        ("fault=slow;rate=0", "rate"),
        ("fault=slow;speed=1", "speed"),
        ("fault=latency;uniform=3", "uniform"),
        ("fault=rate_limit, code=404", "an answer of its own"),
        ("fault=status, dynamic", "an answer of its own"),
        ("code=404," * 1000, "characters long"),
    ],
)
def test_what_cannot_be_is_refused_with_a_reason(prefer, says):
    with pytest.raises(Malformed, match=says):
        read(prefer)


def test_what_cannot_be_in_a_query_is_refused_by_its_name():
    with pytest.raises(Malformed, match="__delay needs"):
        read(query="__delay=soon")


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_sent_is_read_or_refused(prefer, query):
    try:
        wishes = read(prefer, query)
    except Malformed:
        return
    assert wishes is None or wishes.named


@given(st.text(alphabet='ab=;,"\\ \t', max_size=60).map(lambda text: f"{text},code=404"))
def test_quotes_and_commas_never_take_too_long(prefer):
    wishes = read(prefer)
    assert wishes is None or wishes.code == 404


@given(st.lists(st.sampled_from(["a=1", "b", "c__d=2", "=", "é", "__code=404", "__delay=5"])))
def test_the_api_sees_its_own_query_in_its_own_order(pairs):
    wishes = read(query="&".join(pairs))
    own = [pair for pair in pairs if not pair.startswith("__")]
    assert (wishes is None) is (own == pairs)
    assert wishes is None or wishes.query == "&".join(own)


class TestMark:
    def test_the_answer_says_what_was_granted_in_the_order_sent(self):
        wishes = read('delay=5, wait=3, EXAMPLE="a b", code=404; x=1', "__dynamic=true")
        marked = preferences.mark(Response(404, {"Vary": "Cookie"}, b"x"), wishes)
        assert marked.headers["Preference-Applied"] == (
            'delay=5, example="a b", code=404, dynamic=true'
        )
        assert (marked.status, marked.body) == (404, b"x")

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ({}, {"Vary": "Prefer"}),
            ({"Vary": "Accept, Cookie"}, {"Vary": "Accept, Cookie, Prefer"}),
            ({"vary": "prefer"}, {"vary": "prefer"}),
            ({"Vary": "*"}, {"Vary": "*"}),
        ],
    )
    def test_caches_are_told(self, before, after):
        assert preferences.varied(before) == after
        marked = preferences.mark(Response(200, before), read("delay=5"))
        assert dict(marked.headers) == {**after, "Preference-Applied": "delay=5"}

    def test_an_odd_name_does_not_break_the_header(self):
        wishes = read(query='__example=a%0d%0aX-Evil:%20"1"%C3%A9')
        marked = preferences.mark(Response(200, {}), wishes)
        assert marked.headers["Preference-Applied"] == 'example="aX-Evil: \\"1\\""'


@pytest.mark.parametrize("name", NAMES)
def test_every_wish_is_in_the_reference(name):
    text = (ROOT / "docs" / "reference" / "prefer.md").read_text("utf-8")
    assert f"| `{name}` |" in text
    assert f"`__{name}`" in text
