"""Files become one document that remembers where everything came from."""

from __future__ import annotations

import json

import pytest

from mockserver import loader
from mockserver.errors import BrokenSpec, SpecError


def read(text: str):
    return loader.read_yaml(text, "a.yaml")


def mistakes(path) -> list[str]:
    with pytest.raises(BrokenSpec) as caught:
        loader.load(path)
    return str(caught.value).splitlines()


class TestLines:
    def test_a_mapping_knows_its_file_and_line(self):
        node = read("# words\n\na:\n  b: 1\n")
        assert loader.where(node) == "a.yaml:3"
        assert loader.where(node["a"]) == "a.yaml:4"

    def test_a_key_has_a_line_of_its_own(self):
        node = read("a: 1\nb: 2\n\nc: {d: 3}\n")
        assert loader.where(node, "b") == "a.yaml:2"
        assert loader.where(node, "c") == "a.yaml:4"
        assert loader.where(node, "absent") == "a.yaml:1"

    def test_a_mapping_inside_a_list_knows_its_line(self):
        node = read("a:\n  - b: 1\n  - c: 2\n")
        assert [loader.where(item) for item in node["a"]] == ["a.yaml:2", "a.yaml:3"]

    def test_what_was_not_read_from_a_file_is_nowhere(self):
        assert loader.where({"a": 1}, "a") == ""

    def test_lines_survive_the_bundling_of_several_files(self, folder):
        folder.write("spec/book.yaml", "# words\nget:\n  operationId: x\n")
        folder.write(
            "spec/openapi.yaml",
            "openapi: 3.1.0\npaths:\n  /a/:\n    $ref: book.yaml\n",
        )
        item = loader.load(folder.spec)["paths"]["/a/"]
        assert loader.where(item) == "spec/book.yaml:2"
        assert loader.where(item["get"]) == "spec/book.yaml:3"

    def test_names_are_relative_to_the_present_folder(self, folder):
        assert loader.display_name(folder.spec) == "spec/openapi.yaml"

    def test_elsewhere_names_are_relative_to_the_root(self, folder, monkeypatch):
        monkeypatch.chdir("/")
        folder.edit("openapi: 3.1.0", "openapi: 3.1.0\nopenapi: 3.1.0")
        found = mistakes(folder.spec)
        assert found[0].partition(": ")[0].endswith("spec/openapi.yaml:2")


class TestWords:
    @pytest.mark.parametrize("word", ["on", "off", "yes", "no", "y", "N", "Yes", "ON"])
    def test_words_that_yaml_1_1_took_for_booleans_are_text(self, word):
        assert read(f"a: {word}") == {"a": word}
        assert read(f"{word}: a") == {word: "a"}

    @pytest.mark.parametrize(
        "word", ["2026-01-31", "2026-01-31T12:00:00Z", "12:30", "1:2:3", "1_000", "0b11", "="]
    )
    def test_dates_and_odd_numbers_are_text(self, word):
        assert read(f"a: {word}") == {"a": word}

    @pytest.mark.parametrize(
        ("word", "value"),
        [
            ("true", True),
            ("False", False),
            ("TRUE", True),
            ("~", None),
            ("null", None),
            ("", None),
            ("12", 12),
            ("-7", -7),
            ("+7", 7),
            ("007", 7),
            ("0o17", 15),
            ("0x1F", 31),
            ("1.5", 1.5),
            (".5", 0.5),
            ("1e3", 1000.0),
            ("-1.5E-1", -0.15),
        ],
    )
    def test_the_core_schema_is_read(self, word, value):
        found = read(f"a: {word}")["a"]
        assert found == value
        assert type(found) is type(value)

    @pytest.mark.parametrize("word", [".inf", "-.inf", ".nan"])
    def test_numbers_that_json_has_no_word_for_stay_text(self, word):
        assert read(f"a: {word}") == {"a": word}

    @pytest.mark.parametrize("text", ['"12"', "'true'", '"null"', '""'])
    def test_what_is_quoted_is_text(self, text):
        assert read(f"a: {text}") == {"a": text[1:-1]}

    def test_status_codes_as_keys_are_text(self):
        assert read("200: a\n404: b") == {"200": "a", "404": "b"}

    def test_an_empty_file_is_null(self):
        assert read("") is None
        assert read("# only words\n") is None

    def test_blocks_and_other_alphabets_are_kept(self):
        text = "a: |\n  põhi\n  🦜\nb: >-\n  one\n  two\n"
        assert read(text) == {"a": "põhi\n🦜\n", "b": "one two"}


class TestMerging:
    def test_merge_keys_add_what_is_missing(self):
        node = read("base: &b {a: 1, b: 2}\nx:\n  <<: *b\n  b: 3\n")
        assert node["x"] == {"a": 1, "b": 3}

    def test_the_first_of_several_sources_wins(self):
        text = "one: &one {a: 1}\ntwo: &two {a: 2, b: 2}\nx:\n  <<: [*one, *two]\n"
        assert read(text)["x"] == {"a": 1, "b": 2}

    def test_a_merge_key_may_stand_last(self):
        assert read("base: &b {a: 1}\nx:\n  a: 2\n  <<: *b\n")["x"] == {"a": 2}

    def test_merges_chain(self):
        text = "a: &a {k: 1}\nb: &b\n  <<: *a\n  l: 2\nc:\n  <<: *b\n"
        assert read(text)["c"] == {"k": 1, "l": 2}

    def test_an_alias_repeats_its_value(self):
        assert read("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


class TestMistakes:
    def test_a_repeated_key_is_refused_with_its_line(self):
        with pytest.raises(SpecError, match=r"^a\.yaml:3: the key 'a' is there twice; remove one$"):
            read("a: 1\nb: 2\na: 3\n")

    def test_a_key_that_is_no_text_is_refused(self):
        with pytest.raises(SpecError, match=r"^a\.yaml:2: a key must be text"):
            read("a: 1\n? [x]\n: 2\n")

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("a: [1, 2\n", 2),
            ("a: 1\n b: 2\n", 2),
            ("a: b: c\n", 1),
            ("a: *nobody\n", 1),
            ("a: \t- x\n  - y: {\n", None),
            ("a: 'open\n", None),
            ("--- a\n--- b\n", 2),
        ],
    )
    def test_broken_yaml_is_refused_with_its_line(self, text, line):
        with pytest.raises(SpecError, match=r"^a\.yaml:\d+: is not valid YAML: \w") as caught:
            read(text)
        assert line is None or caught.value.place == f"a.yaml:{line}"

    @pytest.mark.parametrize("text", ["a: \x00", "a: \x07"])
    def test_control_characters_are_refused(self, text):
        with pytest.raises(SpecError, match=r"^a\.yaml.*is not valid YAML"):
            read(text)

    def test_an_alias_within_itself_is_refused(self):
        with pytest.raises(SpecError, match=r"^a\.yaml: is not valid YAML: an alias"):
            read("a: &x\n  b: *x\n")

    def test_a_merge_of_something_else_than_mappings_is_refused(self):
        with pytest.raises(SpecError, match=r"^a\.yaml:2: "):
            read("a: 1\n<<: 7\n")

    def test_a_missing_root_file_is_named(self, folder):
        found = mistakes(folder.root / "nothing.yaml")
        assert found == ["nothing.yaml: cannot be read (No such file or directory); check the path"]

    def test_a_folder_is_no_file(self, folder):
        (found,) = mistakes(folder.root)
        assert "cannot be read (Is a directory)" in found

    def test_a_file_in_another_encoding_is_named(self, folder):
        folder.spec.write_bytes(b"a: \xff\xfe")
        assert mistakes(folder.spec) == [
            "spec/openapi.yaml: cannot be read (is not UTF-8 text); check the path"
        ]

    @pytest.mark.parametrize("text", ["", "[]", "just words", "7"])
    def test_a_document_that_is_no_object_is_refused(self, folder, text):
        folder.write("spec/openapi.yaml", text)
        (found,) = mistakes(folder.spec)
        assert found.startswith("spec/openapi.yaml: is not an OpenAPI document")

    def test_a_missing_file_is_blamed_on_the_reference(self, folder):
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: new.yaml}")
        place = folder.place("new.yaml")
        assert mistakes(folder.spec) == [
            f"{place}: spec/new.yaml: cannot be read (No such file or directory); check the path"
        ]

    def test_broken_yaml_in_another_file_names_both_places(self, folder):
        folder.write("spec/new.yaml", "a: 1\na: 2\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: new.yaml}")
        (found,) = mistakes(folder.spec)
        assert found.startswith(f"{folder.place('new.yaml')}: spec/new.yaml:2: the key 'a'")

    def test_a_missing_pointer_names_the_missing_step(self, folder):
        folder.write("spec/new.yaml", "Other: {}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: new.yaml#/NewBook}")
        place = folder.place("new.yaml")
        assert mistakes(folder.spec) == [
            f"{place}: $ref 'new.yaml#/NewBook' leads nowhere: there is no 'NewBook'"
        ]

    def test_an_empty_target_is_refused(self, folder):
        folder.write("spec/new.yaml", "")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: new.yaml}")
        (found,) = mistakes(folder.spec)
        assert found.startswith(f"{folder.place('new.yaml')}: $ref 'new.yaml' leads to nothing")

    def test_a_remote_reference_is_refused(self, folder):
        folder.edit('{$ref: "#/components/schemas/NewBook"}', '{$ref: "https://a.example/x.yaml"}')
        (found,) = mistakes(folder.spec)
        assert found.startswith(f"{folder.place('a.example')}: ")
        assert "save it beside the spec" in found

    def test_all_mistakes_are_reported_at_once(self, folder):
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: one.yaml}")
        folder.edit('{$ref: "#/components/schemas/Book"}', "{$ref: two.yaml#/A}")
        folder.edit('{$ref: "#/components/schemas/Book"}', '{$ref: "#/components/schemas/C"}')
        assert len(mistakes(folder.spec)) == 3


class TestBundling:
    def test_a_target_is_named_after_the_end_of_its_pointer(self, folder):
        folder.write("spec/new.yaml", "Fresh: {type: object}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: new.yaml#/Fresh}")
        document = loader.load(folder.spec)
        assert document["components"]["schemas"]["Fresh"] == {"type": "object"}
        body = document["paths"]["/books/"]["post"]["requestBody"]
        schema = body["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Fresh"}

    def test_a_whole_file_is_named_after_the_file(self, folder):
        folder.write("spec/fresh book.yaml", "{type: object}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: fresh book.yaml}")
        assert "fresh_book" in loader.load(folder.spec)["components"]["schemas"]

    def test_two_targets_of_one_name_get_two_names(self, folder):
        folder.write("spec/a.yaml", "Book: {title: other}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.yaml#/Book}")
        schemas = loader.load(folder.spec)["components"]["schemas"]
        assert schemas["Book2"] == {"title": "other"}
        assert "writer" in schemas["Book"]["properties"]

    def test_one_target_is_bundled_once(self, folder):
        folder.write("spec/a.yaml", "Fresh: {type: object}\n")
        for _ in range(2):
            folder.edit('{$ref: "#/components/schemas/Book"}', "{$ref: a.yaml#/Fresh}")
        names = loader.load(folder.spec)["components"]["schemas"]
        assert [name for name in names if name.startswith("Fresh")] == ["Fresh"]

    def test_an_index_entry_gives_its_target_its_name(self, folder):
        folder.write("spec/a.yaml", "Fresh: {type: object}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.yaml#/Fresh}")
        folder.edit("    NewBook:\n", "    Agreed: {$ref: a.yaml#/Fresh}\n    NewBook:\n")
        document = loader.load(folder.spec)
        body = document["paths"]["/books/"]["post"]["requestBody"]
        schema = body["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Agreed"}
        assert "Fresh" not in document["components"]["schemas"]

    def test_where_a_reference_stands_decides_the_section(self, folder):
        folder.write(
            "spec/parts.yaml",
            "Page: {name: p, in: query, schema: {$ref: '#/Number'}}\n"
            "Number: {type: integer}\nGone: {description: It is gone.}\n",
        )
        folder.edit("{description: It is gone.}", "{$ref: parts.yaml#/Gone}")
        folder.edit(
            "        - {name: page, in: query, schema: {type: integer}}",
            "        - {$ref: parts.yaml#/Page}",
        )
        components = loader.load(folder.spec)["components"]
        assert components["responses"]["Gone"] == {"description": "It is gone."}
        assert components["parameters"]["Page"]["schema"] == {"$ref": "#/components/schemas/Number"}
        assert components["schemas"]["Number"] == {"type": "integer"}

    def test_a_schema_may_contain_itself(self, folder):
        folder.write("spec/a.yaml", "Tree: {properties: {parent: {$ref: '#/Tree'}}}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.yaml#/Tree}")
        tree = loader.load(folder.spec)["components"]["schemas"]["Tree"]
        assert tree["properties"]["parent"] == {"$ref": "#/components/schemas/Tree"}

    def test_two_files_may_refer_to_each_other(self, folder):
        folder.write("spec/a.yaml", "A: {properties: {b: {$ref: b.yaml#/B}}}\n")
        folder.write("spec/b.yaml", "B: {properties: {a: {$ref: a.yaml#/A}}}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.yaml#/A}")
        schemas = loader.load(folder.spec)["components"]["schemas"]
        assert schemas["A"]["properties"]["b"] == {"$ref": "#/components/schemas/B"}
        assert schemas["B"]["properties"]["a"] == {"$ref": "#/components/schemas/A"}

    def test_a_reference_that_only_leads_back_to_itself_is_refused(self, folder):
        folder.edit(
            "    NewBook:\n",
            '    A: {$ref: "#/components/schemas/B"}\n    B: {$ref: "#/components/schemas/A"}\n'
            "    NewBook:\n",
        )
        folder.edit('"#/components/schemas/NewBook"', '"#/components/schemas/A"')
        assert any("A" in line for line in folder.mistakes())

    def test_a_property_called_ref_or_example_is_a_property(self, folder):
        folder.write("spec/a.yaml", "A: {type: integer}\n")
        folder.edit(
            "        title: {type: string, maxLength: 20}",
            "        title: {type: string, maxLength: 20}\n        example: {$ref: a.yaml#/A}",
        )
        schema = loader.load(folder.spec)["components"]["schemas"]["NewBook"]
        assert schema["properties"]["example"] == {"$ref": "#/components/schemas/A"}

    def test_examples_are_data(self, folder):
        folder.edit(
            "title: {type: string, maxLength: 20}",
            "title: {type: string, maxLength: 20, example: {$ref: nowhere.yaml}}",
        )
        schema = loader.load(folder.spec)["components"]["schemas"]["NewBook"]
        assert schema["properties"]["title"]["example"] == {"$ref": "nowhere.yaml"}

    def test_siblings_of_a_reference_are_kept(self, folder):
        folder.edit(
            '{$ref: "#/components/schemas/NewBook"}',
            '{$ref: "#/components/schemas/NewBook", description: words}',
        )
        post = loader.load(folder.spec)["paths"]["/books/"]["post"]
        schema = post["requestBody"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/NewBook", "description": "words"}

    def test_escaped_pointers_are_read(self, folder):
        folder.write("spec/a.yaml", "a/b~c: {type: integer}\n")
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.yaml#/a~1b~0c}")
        assert {"type": "integer"} in loader.load(folder.spec)["components"]["schemas"].values()

    def test_the_shipped_spec_refers_to_nothing_outside_itself(self, shipped_api):
        text = json.dumps(shipped_api.spec.document)
        assert text.count('"$ref": "') == text.count('"$ref": "#/components/')


class TestJSON:
    def test_a_json_document_is_read(self, folder):
        document = loader.load(folder.spec)
        path = folder.write("spec/openapi.json", json.dumps(document))
        assert loader.load(path) == document

    def test_places_are_pointers(self, folder):
        document = loader.load(folder.spec)
        path = folder.write("spec/openapi.json", json.dumps(document))
        again = loader.load(path)
        assert loader.where(again) == "spec/openapi.json"
        place = "spec/openapi.json#/paths/~1books~1/get/parameters/0"
        assert loader.where(again["paths"]["/books/"]["get"]["parameters"][0]) == place

    def test_broken_json_is_refused_with_its_line(self, folder):
        path = folder.write("spec/openapi.json", '{\n  "a": 1,\n}')
        (found,) = mistakes(path)
        assert found.startswith("spec/openapi.json:3: is not valid JSON: ")

    def test_a_repeated_key_is_refused(self, folder):
        path = folder.write("spec/openapi.json", '{"openapi": "3.1.0", "openapi": "3.0.0"}')
        (found,) = mistakes(path)
        assert "'openapi' is there twice" in found

    def test_nan_is_no_json(self, folder):
        path = folder.write("spec/openapi.json", '{"openapi": NaN}')
        (found,) = mistakes(path)
        assert "is not valid JSON" in found

    def test_a_json_file_may_be_referred_to(self, folder):
        folder.write("spec/a.json", '{"A": {"type": "integer"}}')
        folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.json#/A}")
        assert loader.load(folder.spec)["components"]["schemas"]["A"] == {"type": "integer"}


def test_a_path_file_that_nothing_refers_to_is_a_mistake(folder):
    folder.write("spec/paths/books/loans.yaml", "get: {operationId: loans}\n")

    (mistake,) = mistakes(folder.spec)
    assert mistake == (
        "spec/paths/books/loans.yaml: nothing refers to this file; "
        "add it to `paths:` of openapi.yaml"
    )


def test_a_path_file_may_be_a_link(folder):
    folder.edit("  /books/:\n", "  /more/: {$ref: paths/more.yaml}\n  /books/:\n")
    target = folder.write("elsewhere.yaml", "get: {operationId: more}\n")
    link = folder.root / "spec" / "paths" / "more.yaml"
    link.parent.mkdir()
    link.symlink_to(target)

    document, files = loader.load_with_files(folder.spec)
    assert document["paths"]["/more/"] == {"get": {"operationId": "more"}}
    assert files == {folder.spec, link}


def test_the_files_of_a_spec_are_told(folder):
    folder.write("spec/a.yaml", "Fresh: {$ref: '../spec/b.yaml'}\n")
    folder.write("spec/b.yaml", "type: object\n")
    folder.edit('{$ref: "#/components/schemas/NewBook"}', "{$ref: a.yaml#/Fresh}")

    _, files = loader.load_with_files(folder.spec)
    assert files == {folder.spec, folder.root / "spec" / "a.yaml", folder.root / "spec" / "b.yaml"}
