from __future__ import annotations

import base64
import io
from types import SimpleNamespace

import pytest
from PIL import Image

from mockserver import dialects
from mockserver.bodies import Bodies
from mockserver.errors import Invalid, SpecError
from mockserver.links import Links
from mockserver.paths import Paths
from mockserver.store import Store
from mockserver.uploads import Form, Upload
from tests import small

A1, A2, GONE = (digit * 32 for digit in "abc")
SPEC = small.spec("""
AuthorRecord:
  type: object
  x-resource: {name: author, path: "/authors/{uuid}/"}
  properties: {uuid: {type: string, format: uuid}, name: {type: string}}
MediaRecord:
  type: object
  x-resource: {name: media}
  properties: {uuid: {type: string}, content_type: {type: string}, data: {type: string}}
DrawerRecord:
  type: object
  x-resource: {name: drawer}
  properties: {uuid: {type: string}}
BookRecord:
  type: object
  x-resource:
    name: book
    label: Good book
    unique: [[isbn], [title, author]]
    relations:
      author: {to: author}
      editor: {to: author}
      readers: {to: author, many: true}
      drawer: {to: drawer}
  properties:
    uuid: {type: string, format: uuid}
    title: {type: string}
    isbn: {type: string}
    author: {type: string, format: uuid}
    editor: {type: [string, "null"], format: uuid}
    readers: {type: array, items: {type: string}}
    drawer: {type: string}
    cover: {type: [string, "null"]}
Book:
  type: object
  required: [title, pages]
  properties:
    uuid: {type: string, readOnly: true}
    title: {type: string, minLength: 1, maxLength: 5, x-normalize: trim}
    pages: {type: integer, minimum: 1}
    note: {type: [string, "null"]}
    is_new: {type: boolean, default: true}
Linked:
  type: object
  properties:
    author: {type: string, x-from: {link: author}}
    editor: {type: [string, "null"], x-from: {link: editor}}
    readers: {type: array, items: {type: string}, x-from: {link: readers}}
Keyed:
  type: object
  properties:
    author: {type: string, format: uuid}
    readers: {type: array, items: {type: string, format: uuid}}
    watchers: {type: array, items: {type: string, format: uuid}, x-from: readers}
Nested:
  type: object
  properties:
    box:
      type: object
      required: [size]
      properties: {size: {type: integer}, lid: {$ref: "#/components/schemas/Lid"}}
    parts: {type: array, items: {$ref: "#/components/schemas/Lid"}}
    prices: {type: object, additionalProperties: {type: integer, minimum: 0}}
    anything: {type: object}
    words: {type: array, items: {type: string}}
    set: {type: array, uniqueItems: true, items: {type: string}}
Lid:
  type: object
  required: [color]
  properties: {color: {type: string}}
Pictured:
  type: object
  properties:
    cover: {type: [string, "null"], x-from: {media: cover}}
    title: {type: string}
Formed:
  type: object
  required: [title]
  properties:
    title: {type: string, minLength: 1}
    note: {type: string}
    subtitle: {type: [string, "null"], minLength: 1}
    pages: {type: integer}
    rank: {type: [integer, "null"]}
    day: {type: [string, "null"], format: date}
    is_new: {type: boolean}
    words: {type: array, items: {type: string}}
    prices: {type: object, additionalProperties: {type: integer}}
    box: {type: object, required: [size], properties: {size: {type: integer}}}
    editor: {type: [string, "null"], x-from: {link: editor}}
Combined:
  allOf:
    - {$ref: "#/components/schemas/Lid"}
    - {type: object, required: [size], properties: {size: {type: integer}}}
Unique:
  type: object
  properties: {isbn: {type: string}}
Unlinkable:
  type: object
  properties: {drawer: {type: string, x-from: {link: drawer}}}
""")


def compile_(name, *, is_lenient=True, is_partial=False, is_new=False, is_record=False):
    links = Links(SPEC.resources, [SimpleNamespace(path="/authors/")])
    bodies = Bodies(SPEC.document, Paths(SPEC.resources, {}), links, is_lenient=is_lenient)
    schema = SPEC.document["components"]["schemas"][name]
    return bodies.compile(
        schema, SPEC.resources["book"], is_partial=is_partial, is_new=is_new, is_record=is_record
    )


@pytest.fixture
def scope():
    store = Store(SPEC.resources).read()
    for key in (A1, A2):
        store.insert("author", {"uuid": key, "name": key[0]})
    return SimpleNamespace(store=store, call=SimpleNamespace(new_id=lambda: "f" * 32))


def complaints(reader, value, scope):
    with pytest.raises(Invalid) as refusal:
        reader.read(value, scope)
    return dialects.drf(refusal.value)[0]


# JSON


def test_only_what_was_sent_is_read(scope):
    found = compile_("Book").read({"title": " Ant ", "pages": "3", "nonsense": 1}, scope)

    assert found == {"title": "Ant", "pages": 3}


def test_every_field_that_fails_is_named_at_once(scope):
    sent = {"title": "Antelope", "note": 5, "is_new": "maybe"}

    assert complaints(compile_("Book"), sent, scope) == {
        "title": ["Ensure this field has no more than 5 characters."],
        "pages": ["This field is required."],
        "is_new": ["Must be a valid boolean."],
    }


def test_nothing_is_required_of_a_partial_body(scope):
    reader = compile_("Book", is_partial=True)

    assert reader.read({}, scope) == {}
    assert complaints(reader, {"title": " "}, scope) == {"title": ["This field may not be blank."]}


def test_null_needs_a_schema_that_takes_it(scope):
    reader = compile_("Book")
    sent = {"title": None, "pages": 1, "note": None}

    assert complaints(reader, sent, scope) == {"title": ["This field may not be null."]}
    assert reader.read({**sent, "title": "Ant"}, scope)["note"] is None


def test_what_is_read_only_is_ignored(scope):
    assert "uuid" not in compile_("Book").read({"uuid": [], "title": "Ant", "pages": 1}, scope)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "No data provided"),
        ([], "Invalid data. Expected a dictionary, but got list."),
        ("a", "Invalid data. Expected a dictionary, but got str."),
        (5, "Invalid data. Expected a dictionary, but got int."),
    ],
)
def test_a_body_is_an_object(value, text, scope):
    assert complaints(compile_("Book"), value, scope) == {"non_field_errors": [text]}


def test_the_strict_manner_takes_json_types_only(scope):
    sent = {"title": 5, "pages": "3"}

    assert complaints(compile_("Book", is_lenient=False), sent, scope) == {
        "title": ["Not a valid string."],
        "pages": ["A valid integer is required."],
    }


def test_schemas_that_are_combined_require_what_each_requires(scope):
    assert compile_("Combined").read({"color": "red", "size": 1}, scope) == {
        "color": "red",
        "size": 1,
    }
    assert set(complaints(compile_("Combined"), {}, scope)) == {"color", "size"}


# Links and keys


@pytest.mark.parametrize("url", [f"/authors/{A1}/", f"https://elsewhere.example/authors/{A1}/"])
def test_a_hyperlink_is_stored_as_the_key_it_leads_to(url, scope):
    assert compile_("Linked").read({"author": url}, scope) == {"author": A1}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("abc", "Invalid hyperlink - No URL match."),
        (A1, "Invalid hyperlink - No URL match."),
        (f"/authors/{A1}", "Invalid hyperlink - No URL match."),
        ("/authors/", "Invalid hyperlink - Incorrect URL match."),
        (f"/authors/{GONE}/", "Invalid hyperlink - Object does not exist."),
        ("/authors/abc/", "Invalid hyperlink - Object does not exist."),
        (5, "Incorrect type. Expected URL string, received int."),
        ({}, "Incorrect type. Expected URL string, received dict."),
        ("", "This field may not be null."),
        (None, "This field may not be null."),
    ],
)
def test_a_hyperlink_that_leads_nowhere_is_refused(value, text, scope):
    assert complaints(compile_("Linked"), {"author": value}, scope) == {"author": [text]}


@pytest.mark.parametrize("value", [None, ""])
def test_a_hyperlink_may_be_taken_away(value, scope):
    assert compile_("Linked").read({"editor": value}, scope) == {"editor": None}


def test_hyperlinks_come_in_lists_without_doubles(scope):
    urls = [f"/authors/{key}/" for key in (A2, A1, A2)]

    assert compile_("Linked").read({"readers": urls}, scope) == {"readers": [A2, A1]}
    assert compile_("Linked").read({"readers": []}, scope) == {"readers": []}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([f"/authors/{A1}/", "abc", 5], "Invalid hyperlink - No URL match."),
        ([None], "Incorrect type. Expected URL string, received NoneType."),
        ("abc", 'Expected a list of items but got type "str".'),
        (None, "This field may not be null."),
    ],
)
def test_a_list_of_hyperlinks_complains_of_the_first_bad_one(value, text, scope):
    assert complaints(compile_("Linked"), {"readers": value}, scope) == {"readers": [text]}


def test_a_key_that_is_stored_must_be_that_of_a_record(scope):
    reader = compile_("Keyed", is_record=True)
    missing = f'Invalid pk "{GONE}" - object does not exist.'

    assert reader.read({"author": A1.upper(), "readers": [A1]}, scope) == {
        "author": A1,
        "readers": [A1],
    }
    assert complaints(reader, {"author": GONE}, scope) == {"author": [missing]}
    assert complaints(reader, {"readers": [A1, GONE]}, scope) == {"readers": [missing]}
    assert complaints(reader, {"watchers": [GONE]}, scope) == {"watchers": [missing]}


def test_a_key_that_is_not_stored_may_be_any(scope):
    assert compile_("Keyed").read({"author": GONE}, scope) == {"author": GONE}


def test_a_link_to_what_has_no_path_is_an_error_at_start_up():
    with pytest.raises(SpecError, match="its resource has no path"):
        compile_("Unlinkable")


# Nested values


def test_objects_and_lists_nest(scope):
    sent = {
        "box": {"size": "3", "lid": {"color": 7}},
        "parts": [{"color": "red"}],
        "words": ["a", 1],
    }

    assert compile_("Nested").read(sent, scope) == {
        "box": {"size": 3, "lid": {"color": "7"}},
        "parts": [{"color": "red"}],
        "words": ["a", "1"],
    }


def test_complaints_nest_like_the_values_they_are_about(scope):
    sent = {
        "box": {"lid": {"color": True}},
        "parts": [{"color": "red"}, {}, 5],
        "prices": {"cpu": -1, "ram": "x", "ssd": None, "gpu": 1},
        "words": ["a", None, []],
    }

    assert complaints(compile_("Nested"), sent, scope) == {
        "box": {"size": ["This field is required."], "lid": {"color": ["Not a valid string."]}},
        "parts": {
            "1": {"color": ["This field is required."]},
            "2": {"non_field_errors": ["Invalid data. Expected a dictionary, but got int."]},
        },
        "prices": {
            "cpu": ["Ensure this value is greater than or equal to 0."],
            "ram": ["A valid integer is required."],
            "ssd": ["This field may not be null."],
        },
        "words": {"1": ["This field may not be null."], "2": ["Not a valid string."]},
    }


@pytest.mark.parametrize("name", ["prices", "anything"])
def test_a_table_is_an_object(name, scope):
    assert complaints(compile_("Nested"), {name: []}, scope) == {
        name: ['Expected a dictionary of items but got type "list".']
    }
    assert compile_("Nested").read({name: {}}, scope) == {name: {}}


def test_an_object_without_properties_is_kept_as_it_is(scope):
    sent = {"anything": {"deep": [{"down": None}]}}

    assert compile_("Nested").read(sent, scope) == sent


def test_a_list_keeps_its_doubles_unless_the_schema_forbids_them(scope):
    sent = {"words": ["a", "a"], "set": ["a", "a", "b"]}

    assert compile_("Nested").read(sent, scope) == {"words": ["a", "a"], "set": ["a", "b"]}


# Uniqueness


def test_a_value_that_is_taken_is_refused_to_a_new_record(scope):
    scope.store.insert("book", {"uuid": A1, "isbn": "1"})
    taken = {"isbn": ["Good book with this isbn already exists."]}

    assert complaints(compile_("Unique", is_new=True), {"isbn": "1"}, scope) == taken
    assert compile_("Unique", is_new=True).read({"isbn": "2"}, scope) == {"isbn": "2"}
    assert compile_("Unique").read({"isbn": "1"}, scope) == {"isbn": "1"}


# Forms


def form(**fields):
    return Form(
        {name: value if isinstance(value, list) else [value] for name, value in fields.items()}
    )


def read_form(scope, *, is_partial=False, **fields):
    sent = form(**{"title": "Ant", "is_new": "on", **fields})
    found = compile_("Formed", is_partial=is_partial).read(sent, scope)
    return {
        name: value for name, value in found.items() if name not in ("title", "is_new", "prices")
    }


def test_the_last_value_of_a_form_field_counts(scope):
    assert read_form(scope, pages=["1", "2"]) == {"pages": 2}


def test_a_list_is_every_value_of_its_field(scope):
    assert read_form(scope, words=["a", "b"]) == {"words": ["a", "b"]}
    assert read_form(scope, words="a") == {"words": ["a"]}


def test_an_empty_text_of_a_form_is_an_empty_text(scope):
    assert read_form(scope, note="") == {"note": ""}


def test_an_empty_hyperlink_of_a_form_is_null(scope):
    assert read_form(scope, editor="") == {"editor": None}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("subtitle", "This field may not be blank."),
        ("pages", "A valid integer is required."),
        ("rank", "A valid integer is required."),
        ("is_new", "Must be a valid boolean."),
    ],
)
def test_an_empty_form_field_of_another_kind_is_refused(name, text, scope):
    assert complaints(compile_("Formed"), form(**{"title": "Ant", name: ""}), scope) == {
        name: [text]
    }


def test_a_required_form_field_may_not_be_left_empty(scope):
    assert complaints(compile_("Formed"), form(title=""), scope) == {
        "title": ["This field may not be blank."]
    }
    assert complaints(compile_("Formed"), form(), scope) == {"title": ["This field is required."]}


def test_a_box_that_is_not_ticked_is_false(scope):
    full = compile_("Formed").read(form(title="Ant"), scope)
    partial = compile_("Formed", is_partial=True).read(form(title="Ant"), scope)

    assert full["is_new"] is False
    assert "is_new" not in partial


def test_a_table_of_a_form_has_dotted_names(scope):
    reader = compile_("Formed")
    sent = Form({"title": ["Ant"], "prices.cpu": ["1"], "prices.a.b": ["2"], "box.size": ["3"]})
    found = reader.read(sent, scope)

    assert found["prices"] == {"cpu": 1, "a.b": 2}
    assert found["box"] == {"size": 3}


def test_a_form_without_dotted_names_has_an_empty_table_and_no_object(scope):
    found = compile_("Formed").read(form(title="Ant"), scope)

    assert found["prices"] == {}
    assert "box" not in found


# Files


def picture():
    file = io.BytesIO()
    Image.new("RGB", (1, 1)).save(file, "PNG")
    return file.getvalue()


def test_an_uploaded_picture_is_stored_and_named_by_its_key(scope):
    content = picture()
    sent = Form({"cover": [Upload("a.png", "image/png", content)], "title": ["Ant"]})

    assert compile_("Pictured").read(sent, scope) == {"cover": "f" * 32, "title": "Ant"}
    assert scope.store.get("media", "f" * 32) == {
        "uuid": "f" * 32,
        "content_type": "image/png",
        "data": base64.b64encode(content).decode(),
    }


@pytest.mark.parametrize("value", ["", None])
def test_a_picture_may_be_taken_away(value, scope):
    sent = {"cover": None} if value is None else Form({"cover": [value]})

    assert compile_("Pictured", is_partial=True).read(sent, scope) == {"cover": None}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a.png", "The submitted data was not a file. Check the encoding type on the form."),
        (Upload("a.png", "image/png", b""), "The submitted file is empty."),
        (
            Upload("a.png", "image/png", b"not a picture"),
            dialects.TEXTS["body.not_an_image"],
        ),
    ],
)
def test_only_a_picture_is_a_picture(value, text, scope):
    assert complaints(compile_("Pictured"), Form({"cover": [value]}), scope) == {"cover": [text]}
    assert scope.store.count("media") == 0


def test_a_file_is_no_text(scope):
    sent = Form({"title": [Upload("a.txt", "text/plain", b"Ant")]})

    assert complaints(compile_("Pictured"), sent, scope) == {"title": ["Not a valid string."]}
