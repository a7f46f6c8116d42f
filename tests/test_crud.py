from __future__ import annotations

import pytest

from mockserver import crud, dialects
from mockserver.actions import Result
from mockserver.errors import BrokenSpec, Conflict, Forbidden, Invalid, NotFound
from tests import small

A1, A2, S1, S2 = (digit * 32 for digit in "abcd")
SPEC = """
openapi: 3.1.0
info: {title: Library, version: "1"}
x-mock:
  dialect: drf
  paging: {number: page, size: page_size, default: 2, max: 3}
  ordering: {parameter: o}
  fieldset: {parameter: field}
paths:
  /books/:
    get:
      operationId: books_list
      x-action: {verb: list, resource: book, visible: book_is_visible, where: {is_lost: false}}
      parameters:
        - {name: page, in: query, schema: {type: integer}}
        - {name: page_size, in: query, schema: {type: integer}}
        - {name: field, in: query, schema: {type: array, items: {type: string}}}
        - {name: o, in: query, schema: {type: array, items: {enum: [title, -title]}}}
        - {name: title, in: query, x-filter: title, schema: {type: string}}
        - {name: shelf, in: query, x-filter: shelf, schema: {type: string, format: uuid}}
        - {name: owner, in: query, x-filter: shelf.owner, schema: {type: string, format: uuid}}
      responses: &list
        "200":
          description: Books.
          content:
            application/json:
              schema: {type: array, items: {$ref: "#/components/schemas/Book"}}
    post:
      operationId: books_create
      x-action: {verb: create, resource: book}
      x-permission: {needs: book.create, on: shelf.owner}
      x-effect: {creates: [book]}
      requestBody: &body
        content: {application/json: {schema: {$ref: "#/components/schemas/BookRequest"}}}
      responses: &created
        "201":
          description: Made.
          content: &one {application/json: {schema: {$ref: "#/components/schemas/Book"}}}
  /books/{uuid}/:
    parameters: &uuid
      - {name: uuid, in: path, required: true, schema: {type: string, format: uuid}}
    get:
      operationId: books_retrieve
      x-action:
        verb: retrieve
        resource: book
        visible: book_is_visible
        where: {shelf.is_open: true}
      parameters:
        - {name: field, in: query, schema: {type: array, items: {type: string}}}
      responses: {"200": {description: A book., content: *one}}
    put:
      operationId: books_update
      x-action: {verb: update, resource: book}
      x-permission: {needs: book.update, on: [shelf.owner, .]}
      x-effect: {changes: {book: [title, pages]}}
      requestBody: *body
      responses: {"200": {description: A book., content: *one}}
    patch:
      operationId: books_patch
      x-action: {verb: partial_update, resource: book}
      x-effect: {changes: {book: [title, pages]}}
      requestBody: *body
      responses: {"200": {description: A book., content: *one}}
    delete:
      operationId: books_destroy
      x-action: {verb: destroy, resource: book}
      x-permission: {needs: book.destroy}
      x-effect: {removes: [book]}
      responses: {"204": {description: Gone.}}
  /shelves/:
    post:
      operationId: shelves_create
      x-action: {verb: create, resource: shelf}
      x-permission: {needs: shelf.create}
      x-effect: {creates: [shelf]}
      requestBody:
        content:
          application/json:
            schema:
              type: object
              required: [uuid]
              properties: {uuid: {type: string, format: uuid}, owner: {type: string, x-from: owner}}
      responses:
        "201":
          description: Made.
          content: {application/json: {schema: {$ref: "#/components/schemas/ShelfRecord"}}}
  /shelves/{uuid}/:
    parameters: *uuid
    delete:
      operationId: shelves_destroy
      x-action: {verb: destroy, resource: shelf}
      x-effect: {removes: [shelf]}
      responses: {"204": {description: Gone.}}
  /shelves/{shelf_uuid}/books/:
    parameters:
      - name: shelf_uuid
        in: path
        required: true
        x-filter: {parent: shelf, relation: books}
        schema: {type: string, format: uuid}
    get:
      operationId: shelf_books_list
      x-action: {verb: list, resource: book, order: -title}
      x-permission: {needs: shelf.read, on: owner}
      responses: *list
    post:
      operationId: shelf_books_create
      x-action: {verb: create, resource: book}
      x-permission: {needs: book.create, on: shelf.owner}
      x-effect: {creates: [book]}
      requestBody: *body
      responses: *created
  /shelves/{shelf_uuid}/books/{uuid}/:
    parameters:
      - name: shelf_uuid
        in: path
        required: true
        x-filter: {parent: shelf, relation: books}
        schema: {type: string, format: uuid}
      - {name: uuid, in: path, required: true, schema: {type: string, format: uuid}}
    get:
      operationId: shelf_books_retrieve
      x-action: {verb: retrieve, resource: book}
      responses: {"200": {description: A book., content: *one}}
  /users/{user_uuid}/books/:
    parameters:
      - name: user_uuid
        in: path
        required: true
        x-filter: shelf.owner.uuid
        schema: {type: string}
    get:
      operationId: user_books_list
      x-action: {verb: list, resource: book}
      responses: *list
components:
  schemas:
    UserRecord:
      type: object
      x-resource: {name: user}
      properties: {uuid: {type: string, format: uuid}}
    ShelfRecord:
      type: object
      x-resource:
        name: shelf
        label: Book shelf
        relations: {owner: {to: user}, books: {of: book, by: shelf, order: title}}
        on_delete: {book.shelf: restrict}
      properties:
        uuid: {type: string, format: uuid}
        owner: {type: [string, "null"], format: uuid}
        is_open: {type: boolean}
    BookRecord:
      type: object
      x-resource:
        name: book
        order: title
        relations: {shelf: {to: shelf}}
        unique: [[isbn], [title, shelf]]
      properties:
        uuid: {type: string, format: uuid, x-from: server}
        made: {type: string, format: date-time, x-from: server}
        number: {type: integer, x-from: server}
        code: {type: string, x-from: {server: book_code}}
        title: {type: string}
        isbn: {type: [string, "null"]}
        pages: {type: integer, default: 7}
        note: {type: string}
        is_lost: {type: boolean}
        is_secret: {type: boolean}
        shelf: {type: [string, "null"], format: uuid}
    Book:
      type: object
      properties:
        uuid: {type: string, format: uuid}
        title: {type: string}
        pages: {type: integer}
    BookRequest:
      type: object
      required: [title]
      properties:
        title: {type: string, maxLength: 9}
        isbn: {type: [string, "null"]}
        pages: {type: integer}
        note: {type: string, default: none}
        shelf: {type: [string, "null"], format: uuid}
"""
FUNCTIONS = {
    "book_is_visible": lambda record, scope: not record["is_secret"],
    "book_code": lambda call: f"code-{call.new_id()[-1]}",
}


class Guard:
    """Allow everything but what a test forbids, and remember the questions."""

    def __init__(self):
        self.forbidden = set()
        self.asked = []

    def __call__(self, scope, needs, record):
        self.asked.append((needs, record and record["uuid"]))
        return needs not in self.forbidden


@pytest.fixture
def guard():
    return Guard()


@pytest.fixture
def world(guard):
    made = small.World(small.build(SPEC, functions=FUNCTIONS, may=guard))
    for key in (A1, A2):
        made.add("user", uuid=key)
    made.add("shelf", uuid=S1, owner=A1, is_open=True)
    made.add("shelf", uuid=S2, owner=None, is_open=False)
    return made


def book(world, number, **fields):
    record = {
        "uuid": f"e{number:031x}",
        "title": f"T{number}",
        "isbn": None,
        "pages": number,
        "note": "",
        "is_lost": False,
        "is_secret": False,
        "shelf": S1,
    }
    return world.add("book", **{**record, **fields})


def titles(result):
    return [row["title"] for row in result.body]


def at(record):
    return {"uuid": record["uuid"]}


def complaints(call, *args, **kwargs):
    with pytest.raises(Invalid) as refusal:
        call(*args, **kwargs)
    return dialects.drf(refusal.value)[0]


# list


def test_a_list_is_cut_after_it_was_counted(world):
    for number in (3, 1, 2):
        book(world, number)
    result = world.call("books_list", query={"page": ["2"]})

    assert titles(result) == ["T3"]
    assert (result.page.number, result.page.size, result.page.total) == (2, 2, 3)


def test_a_list_shows_what_meets_the_conditions_and_is_visible(world):
    book(world, 1)
    book(world, 2, is_lost=True)
    book(world, 3, is_secret=True)

    assert titles(world.call("books_list")) == ["T1"]


def test_a_list_is_filtered_and_ordered_by_its_query(world):
    book(world, 1)
    book(world, 2)
    book(world, 3, shelf=S2)
    query = {"shelf": [S1], "o": ["-title"], "nonsense": ["x"]}

    assert titles(world.call("books_list", query=query)) == ["T2", "T1"]
    assert titles(world.call("books_list", query={**query, "title": ["T2"]})) == ["T2"]
    assert titles(world.call("books_list", query={"owner": [A2]})) == []


def test_every_complaint_about_a_query_is_made_at_once(world):
    query = {"shelf": ["x"], "owner": ["y"], "o": ["z"]}

    assert complaints(world.call, "books_list", query=query) == {
        "shelf": ["Enter a valid UUID."],
        "owner": ["Enter a valid UUID."],
        "o": ["Select a valid choice. z is not one of the available choices."],
    }


@pytest.mark.parametrize(
    ("asked", "keys"),
    [
        (["title", "uuid"], ["uuid", "title"]),
        (["pages", "nonsense"], ["pages"]),
        (["nonsense"], ["uuid", "title", "pages"]),
        (["uuid,title"], ["uuid", "title", "pages"]),
        ([""], ["uuid", "title", "pages"]),
    ],
)
def test_a_fieldset_keeps_the_known_keys_and_all_when_none_is_known(world, asked, keys):
    record = book(world, 1)

    assert list(world.call("books_list", query={"field": asked}).body[0]) == keys
    assert list(world.call("books_retrieve", path=at(record), query={"field": asked}).body) == keys


def test_a_fieldset_may_have_commas_and_refuse_what_it_does_not_know(guard):
    rules = "fieldset: {parameter: field, style: comma, unknown: reject}"
    text = SPEC.replace("fieldset: {parameter: field}", rules)
    world = small.World(small.build(text, functions=FUNCTIONS, may=guard))
    book(world, 1, shelf=None)

    found = world.call("books_list", query={"field": ["uuid, pages"]})
    refused = complaints(world.call, "books_list", query={"field": ["uuid,nme"]})

    assert list(found.body[0]) == ["uuid", "pages"]
    assert refused == {"field": ["Select a valid choice. nme is not one of the available choices."]}


# Nested lists


def test_a_nested_list_shows_the_records_of_its_parent(world):
    book(world, 1)
    book(world, 2)
    book(world, 3, shelf=S2)
    result = world.call("shelf_books_list", path={"shelf_uuid": S1.upper()})

    assert titles(result) == ["T2", "T1"]
    assert not result.page.is_paged


def test_a_nested_record_is_found_under_its_own_parent_only(world):
    key = book(world, 1, shelf=S1)["uuid"]
    found = world.call("shelf_books_retrieve", path={"shelf_uuid": S1, "uuid": key})

    assert found.body["title"] == "T1"
    with pytest.raises(NotFound) as elsewhere:
        world.call("shelf_books_retrieve", path={"shelf_uuid": S2, "uuid": key})
    assert elsewhere.value.title == "Book"


@pytest.mark.parametrize("key", ["0" * 32, "abc", ""])
def test_a_parent_that_does_not_exist_is_404(world, guard, key):
    with pytest.raises(NotFound) as missing:
        world.call("shelf_books_list", path={"shelf_uuid": key})

    assert missing.value.title == "Shelf"
    assert guard.asked == []


def test_the_permission_of_a_nested_list_is_held_on_the_parent(world, guard):
    world.call("shelf_books_list", path={"shelf_uuid": S1})
    guard.forbidden = {"shelf.read"}

    with pytest.raises(Forbidden):
        world.call("shelf_books_list", path={"shelf_uuid": S1})
    assert guard.asked == [("shelf.read", A1)] * 2


def test_without_anybody_to_ask_permission_is_refused(world, guard):
    with pytest.raises(Forbidden):
        world.call("shelf_books_list", path={"shelf_uuid": S2})

    assert guard.asked == []


def test_a_parent_may_be_several_relations_away(world):
    book(world, 1)
    book(world, 2, shelf=S2)

    assert titles(world.call("user_books_list", path={"user_uuid": A1})) == ["T1"]
    assert titles(world.call("user_books_list", path={"user_uuid": A2})) == []


# retrieve


def test_one_record_is_found_by_its_key(world):
    record = book(world, 1)
    dashed = f"{record['uuid'][:8]}-{record['uuid'][8:]}"

    assert world.call("books_retrieve", path={"uuid": dashed}).body == {
        "uuid": record["uuid"],
        "title": "T1",
        "pages": 1,
    }


@pytest.mark.parametrize("key", ["0" * 32, "abc"])
def test_no_such_record_is_404_by_its_title(world, key):
    with pytest.raises(NotFound) as missing:
        world.call("books_retrieve", path={"uuid": key})

    assert missing.value.title == "Book"


@pytest.mark.parametrize("fields", [{"is_secret": True}, {"shelf": S2}, {"shelf": None}])
def test_a_record_that_is_not_to_be_seen_is_404(world, fields):
    record = book(world, 1, **fields)

    with pytest.raises(NotFound):
        world.call("books_retrieve", path=at(record))


# create


def test_the_server_counts_new_records(world):
    made = [world.call("books_create", body={"title": t, "shelf": S1}).created for t in "abc"]

    assert [world.store.read().get("book", key)["number"] for key in made] == [1, 2, 3]


def test_a_new_record_has_what_was_sent_what_is_chosen_and_defaults(world):
    result = world.call("books_create", body={"title": "Ant", "shelf": S1})
    record = world.store.read().get("book", result.created)

    assert record == {
        "uuid": f"{1:032x}",
        "made": "2026-03-15T12:30:00Z",
        "number": 1,
        "code": "code-2",
        "title": "Ant",
        "isbn": None,
        "pages": 7,
        "note": "none",
        "is_lost": False,
        "is_secret": False,
        "shelf": S1,
    }
    assert result.body == {"uuid": record["uuid"], "title": "Ant", "pages": 7}


def test_what_an_action_adds_wins_over_what_was_sent(world):
    body = {"title": "Ant", "pages": 1, "shelf": S1}
    with world.store.transaction() as transaction:
        scope = world.scope("books_create", body=body, store=transaction)
        result = crud.create(scope, pages=99, is_lost=True)

    record = world.store.read().get("book", result.created)
    assert (record["pages"], record["is_lost"]) == (99, True)


def test_a_bad_body_is_refused_before_anybody_asks_for_permission(world, guard):
    guard.forbidden = {"book.create"}

    assert set(complaints(world.call, "books_create", body={"title": "x" * 10})) == {"title"}
    assert guard.asked == []


def test_the_permission_to_create_is_held_on_what_the_new_record_points_to(world, guard):
    guard.forbidden = {"book.create"}

    with pytest.raises(Forbidden):
        world.call("books_create", body={"title": "Ant", "shelf": S1})

    assert guard.asked == [("book.create", A1)]
    assert world.store.read().count("book") == 0


def test_a_permission_without_a_record_is_asked_for_before_the_body_is_read(world, guard):
    guard.forbidden = {"shelf.create"}

    with pytest.raises(Forbidden):
        world.call("shelves_create", body=[])


def test_a_record_made_below_a_parent_points_to_it(world, guard):
    result = world.call("shelf_books_create", path={"shelf_uuid": S1}, body={"title": "Ant"})

    assert world.store.read().get("book", result.created)["shelf"] == S1
    assert guard.asked == [("book.create", A1)]
    with pytest.raises(NotFound):
        world.call("shelf_books_create", path={"shelf_uuid": "abc"}, body={"title": "Bee"})


def test_what_must_be_unique_is(world):
    book(world, 1, isbn="1", title="Ant")

    assert complaints(world.call, "books_create", body={"title": "Bee", "isbn": "1"}) == {
        "isbn": ["Book with this isbn already exists."]
    }
    assert complaints(world.call, "books_create", body={"title": "Ant", "shelf": S1}) == {
        "non_field_errors": ["The fields title, shelf must make a unique set."]
    }


def test_null_is_never_a_double(world, guard):
    book(world, 1, isbn=None, title="Ant")

    world.call("books_create", body={"title": "Bee", "isbn": None, "shelf": S1})

    assert world.store.read().count("book") == 2


def test_a_key_that_a_client_chooses_must_be_new(world):
    assert complaints(world.call, "shelves_create", body={"uuid": S1}) == {
        "uuid": ["Book shelf with this uuid already exists."]
    }
    assert world.call("shelves_create", body={"uuid": "f" * 32}).created == "f" * 32


# update


def test_an_update_writes_the_fields_of_its_effect_only(world):
    record = book(world, 1, note="old")
    body = {"title": "Ant", "pages": 5, "note": "new", "shelf": S2}
    result = world.call("books_update", path=at(record), body=body)

    assert result.body == {"uuid": record["uuid"], "title": "Ant", "pages": 5}
    assert world.store.read().get("book", record["uuid"]) == {**record, "title": "Ant", "pages": 5}


def test_what_is_not_written_is_validated_all_the_same(world):
    record = book(world, 1)
    body = {"title": "Ant", "note": [], "shelf": "f" * 32}

    assert complaints(world.call, "books_update", path=at(record), body=body) == {
        "note": ["Not a valid string."],
        "shelf": [f'Invalid pk "{"f" * 32}" - object does not exist.'],
    }


def test_what_was_not_sent_stays(world):
    record = book(world, 1)
    world.call("books_update", path=at(record), body={"title": "Ant"})
    world.call("books_patch", path=at(record), body={"pages": 3})

    found = world.store.read().get("book", record["uuid"])
    assert (found["title"], found["pages"]) == ("Ant", 3)


def test_only_a_partial_update_may_say_nothing(world):
    record = book(world, 1)
    before = world.store.snapshot()

    assert world.call("books_patch", path=at(record), body={}).body["title"] == "T1"
    assert complaints(world.call, "books_update", path=at(record), body={}) == {
        "title": ["This field is required."]
    }
    assert world.store.snapshot() is before


def test_a_record_is_no_double_of_itself_but_may_be_of_another(world):
    record = book(world, 1)
    book(world, 2)
    world.call("books_patch", path=at(record), body={"title": "T1"})

    assert complaints(world.call, "books_patch", path=at(record), body={"title": "T2"}) == {
        "non_field_errors": ["The fields title, shelf must make a unique set."]
    }


def test_any_of_several_owners_may_permit(world, guard):
    record = book(world, 1)
    world.call("books_update", path=at(record), body={"title": "Ant"})
    guard.forbidden = {"book.update"}

    with pytest.raises(Forbidden):
        world.call("books_update", path=at(record), body={"title": "Bee"})
    assert guard.asked == [("book.update", A1)] * 2 + [("book.update", record["uuid"])]


def test_refusals_come_in_the_order_404_403_400(world, guard):
    record = book(world, 1)
    guard.forbidden = {"book.update"}

    with pytest.raises(NotFound):
        world.call("books_update", path={"uuid": "0" * 32}, body=[])
    with pytest.raises(Forbidden):
        world.call("books_update", path=at(record), body=[])


# destroy


def test_a_destroyed_record_is_gone(world):
    record = book(world, 1)

    assert world.call("books_destroy", path=at(record)).body is None
    with pytest.raises(NotFound):
        world.call("books_destroy", path=at(record))


def test_a_record_that_others_need_stays(world):
    book(world, 1)

    with pytest.raises(Conflict, match="Cannot delete Shelf with existing books"):
        world.call("shelves_destroy", path={"uuid": S1})
    world.call("shelves_destroy", path={"uuid": S2})

    assert [shelf["uuid"] for shelf in world.store.read().all("shelf")] == [S1]


def test_a_permission_without_a_record_is_asked_for_before_the_lookup(world, guard):
    guard.forbidden = {"book.destroy"}

    with pytest.raises(Forbidden):
        world.call("books_destroy", path={"uuid": "0" * 32})
    assert guard.asked == [("book.destroy", None)]


def test_an_action_may_ask_for_the_permission_itself(world, guard):
    record = book(world, 1)
    scope = world.scope("books_create", body={})

    crud.authorize(scope, record)
    guard.forbidden = {"book.create"}

    with pytest.raises(Forbidden):
        crud.authorize(scope, record)


def test_an_operation_that_does_nothing_is_an_error_at_start_up():
    text = SPEC.replace("{verb: destroy, resource: shelf}", "{verb: action, resource: shelf}")

    with pytest.raises(BrokenSpec, match="shelves_destroy does nothing"):
        small.build(text, functions=FUNCTIONS)


def lending(answer):
    """Return a world where DELETE of a shelf is an action that shows it."""
    text = SPEC.replace("{verb: destroy, resource: shelf}", "{verb: action, resource: shelf}")
    text = text.replace(
        'responses: {"204": {description: Gone.}}\n  /shelves/{shelf_uuid}',
        f'responses: {{"200": {{description: Shown., content: {{application/json: {{schema: '
        f"{answer}}}}}}}}}\n  /shelves/{{shelf_uuid}}",
    )
    shown = {"shelves_destroy": lambda scope: Result(crud.show(scope, crud.target(scope)))}
    world = small.World(small.build(text, functions=FUNCTIONS, operations=shown))
    world.add("shelf", uuid=S1, owner=None, is_open=True)
    return world


def test_an_action_can_show_its_record():
    world = lending("{type: object, properties: {uuid: {type: string}}}")

    assert world.call("shelves_destroy", path={"uuid": S1}).body == {"uuid": S1}


def test_an_action_whose_answer_is_no_record_cannot_show_one():
    world = lending("{type: object, properties: {detail: {type: string}}}")

    with pytest.raises(LookupError, match="shelves_destroy: its answer is no view of shelf"):
        world.call("shelves_destroy", path={"uuid": S1})


def test_a_list_whose_answer_has_no_rows_is_an_error_at_start_up():
    text = SPEC.replace(
        'schema: {type: array, items: {$ref: "#/components/schemas/Book"}}', "schema: {}"
    )

    with pytest.raises(BrokenSpec, match="lists, but its answer describes no array of records"):
        small.build(text, functions=FUNCTIONS)
