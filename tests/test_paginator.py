from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import paginator
from mockserver.compiler import DEFAULTS
from mockserver.errors import Invalid, NotFound
from mockserver.paginator import cut, paginate, whole

RULES = {**DEFAULTS["paging"], "default": 10, "max": 300, "last": "last"}


def ask(items, rules=None, **query):
    return cut(items, {name: [text] for name, text in query.items()}, {**RULES, **(rules or {})})


def test_a_page_past_the_end_is_empty():
    page = paginate(range(25), number=4, size=10)

    assert list(page.items) == []
    assert page.total == 25


@given(st.lists(st.integers(), max_size=50), st.integers(1, 12))
def test_pages_laid_end_to_end_are_the_list(items, size):
    """Whatever the size, nothing is lost, repeated or moved."""
    last = paginate(items, number=1, size=size).last
    pages = [paginate(items, number=number, size=size) for number in range(1, last + 1)]

    assert [item for page in pages for item in page.items] == items
    assert all(0 < len(page.items) <= size for page in pages if items)
    assert [page.has_next for page in pages] == [True] * (last - 1) + [False]
    assert [page.has_previous for page in pages] == [False] + [True] * (last - 1)


@given(st.integers(0, 100), st.text(max_size=4), st.text(max_size=4))
def test_any_query_gives_a_page_within_bounds_or_404(total, number, size):
    """No text makes a page that is too long or out of range."""
    try:
        page = ask(range(total), page=number, page_size=size)
    except NotFound:
        return

    assert 1 <= page.number <= page.last
    assert 1 <= page.size <= 300
    assert len(page.items) <= page.size


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 60))
def test_the_links_of_a_page_lead_to_pages_that_exist(number, size, total):
    """Also from a page past the end."""
    page = paginate(range(total), number=number, size=size)
    found = paginator.numbers(page)

    assert all(1 <= other <= page.last for other in found.values())
    assert found["first"] == 1
    assert found["last"] == page.last
    assert ("prev" in found) == (number > 1)
    assert ("next" in found) == (number < page.last)


def test_the_whole_list_is_one_page():
    page = whole([1, 2, 3])

    assert (page.items, page.total, page.last, page.is_paged) == ([1, 2, 3], 3, 1, False)
    assert whole([]).last == 1


def test_nothing_asked_is_the_first_page_of_the_default_size():
    page = ask(range(25))

    assert list(page.items) == list(range(10))
    assert page.number == 1


@pytest.mark.parametrize("text", ["0", "-1", "abc", "1.5", "1e0", "4", "9" * 30, "²", "٣"])
def test_a_page_that_is_not_there_is_404(text):
    with pytest.raises(NotFound, match="Invalid page"):
        ask(range(25), page=text)


@pytest.mark.parametrize(
    ("text", "number"), [("2", 2), (" 2 ", 2), ("+2", 2), ("", 1), (" ", 1), ("last", 3), ("02", 2)]
)
def test_a_page_may_be_written_in_several_ways(text, number):
    assert ask(range(25), page=text).number == number


def test_an_empty_list_has_a_first_page_and_no_second():
    assert ask([]).total == 0
    assert ask([], page="last").number == 1
    with pytest.raises(NotFound):
        ask([], page="2")


def test_the_last_page_has_no_name_unless_the_rules_give_it_one():
    with pytest.raises(NotFound):
        ask(range(25), {"last": None}, page="last")


@pytest.mark.parametrize("text", ["0", "-1", "abc", "1.5", ""])
def test_a_bad_size_counts_as_none(text):
    assert ask(range(25), page_size=text).size == 10


@pytest.mark.parametrize(("text", "size"), [("1", 1), ("300", 300), ("301", 300), ("9" * 30, 300)])
def test_a_size_has_a_limit(text, size):
    assert ask(range(25), page_size=text).size == size


def test_the_last_value_of_a_repeated_parameter_counts():
    page = cut(range(25), {"page": ["x", "2"], "page_size": ["0", "5"]}, RULES)

    assert list(page.items) == [5, 6, 7, 8, 9]


def test_rules_may_refuse_a_size():
    with pytest.raises(Invalid) as bad:
        ask(range(25), {"bad_size": "reject"}, page_size="abc")
    with pytest.raises(Invalid) as large:
        ask(range(25), {"oversize": "reject"}, page_size="301")

    assert bad.value.issues["page_size"][0].code == "query.integer"
    assert large.value.issues["page_size"][0].params == {"limit": 300}
    assert ask(range(25), {"bad_size": "reject"}, page_size="").size == 10


def test_rules_may_show_an_empty_page_past_the_end():
    page = ask(range(25), {"out_of_range": "empty"}, page="7")

    assert list(page.items) == []
    assert paginator.numbers(page) == {"first": 1, "prev": 3, "last": 3}
    with pytest.raises(NotFound):
        ask(range(25), {"out_of_range": "empty"}, page="0")
