"""The command line, as a person or a script would use it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from mockserver import data
from mockserver.cli import main

PATIENCE = 30.0
#: The cache folder of whoever runs the tests is no business of theirs.
UNKEPT = {"MOCKSERVER_CACHE": "off"}


def run(*arguments: object, **variables: str) -> Result:
    return CliRunner().invoke(main, [str(a) for a in arguments], env={**UNKEPT, **variables})


def until(happened: Callable[[], object], patience: float = PATIENCE) -> object:
    """Wait for something to be true; fail when it takes too long."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = happened()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail("it never happened")


class Process:
    """`mockserver` in a process of its own."""

    def __init__(self, folder: Path, *arguments: object, **variables: str) -> None:
        root = str(data.root())
        known = {name: value for name, value in os.environ.items() if "MOCKSERVER" not in name}
        self.out, self.err = folder / "stdout", folder / "stderr"
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mockserver", *(str(a) for a in arguments)],
                cwd=folder,
                env={**known, **UNKEPT, "PYTHONPATH": root, "COLUMNS": "200", **variables},
                stdout=out,
                stderr=err,
            )

    def port(self, path: Path) -> int:
        def ready() -> int:
            assert self.process.poll() is None, self.err.read_text()
            return int(path.read_text()) if path.exists() else 0

        return int(str(until(ready)))

    def events(self) -> list[dict[str, object]]:
        lines = self.err.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait(self) -> int:
        return self.process.wait(PATIENCE)

    def end(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()


@pytest.fixture
def start(folder) -> Iterator[Callable[..., Process]]:
    """Start `mockserver` in the folder of the small spec."""
    started: list[Process] = []

    def make(*arguments: object, **variables: str) -> Process:
        process = Process(folder.root, *arguments, **variables)
        started.append(process)
        return process

    yield make
    for process in started:
        process.end()


def ask(port: int, method: str, path: str, body: object = None) -> tuple[int, object]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        text = None if body is None else json.dumps(body)
        connection.request(method, path, text, {"Content-Type": "application/json"} if text else {})
        answer = connection.getresponse()
        content = answer.read()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json and content else content
    finally:
        connection.close()


class TestHelp:
    def test_every_command_explains_itself(self):
        for name in ("serve", "lint", "routes", "tokens", "export", "version"):
            found = run(name, "--help")
            assert found.exit_code == 0
            assert len(found.output.splitlines()) > 3

    def test_options_name_their_variables(self):
        found = run("serve", "-h").output
        for name in (
            "MOCKSERVER_PORT",
            "MOCKSERVER_SPEC",
            "MOCKSERVER_SCENARIO",
            "MOCKSERVER_SEED",
        ):
            assert name in found

    @pytest.mark.parametrize(
        "arguments",
        [
            ("nothing",),
            ("serve", "--nothing"),
            ("serve", "--port", "99999"),
            ("serve", "--port", "x"),
        ],
    )
    def test_wrong_usage_is_2(self, arguments):
        assert run(*arguments).exit_code == 2

    def test_one_process_only(self):
        found = run("serve", "--workers", "2")
        assert found.exit_code == 2
        assert "--workers" in found.output


class TestVersion:
    def test_it_says_what_a_bug_report_needs(self, shipped_api):
        found = run("version")
        assert found.exit_code == 0
        assert "mockserver " in found.output
        assert "43 operations, sha256 " in found.output


class TestRoutes:
    def test_all_operations_are_listed(self):
        found = run("routes")
        assert found.exit_code == 0
        assert len(found.output.splitlines()) == 44
        assert "/api/marketplace-plans/{uuid}/archive/" in found.output

    def test_as_json(self):
        rows = json.loads(run("routes", "--json").output)
        assert len(rows) == 43
        (row,) = [r for r in rows if r["operation"] == "marketplace_plans_archive"]
        assert row == {
            "method": "POST",
            "path": "/api/marketplace-plans/{uuid}/archive/",
            "operation": "marketplace_plans_archive",
            "verb": "action",
            "needs": "OFFERING.ARCHIVE_PLAN",
        }

    def test_of_another_spec(self, folder):
        rows = json.loads(run("routes", "--json", "--spec", folder.spec).output)
        assert [row["operation"] for row in rows] == [
            "list_books",
            "create_book",
            "get_book",
            "delete_book",
        ]
        assert {row["needs"] for row in rows} == {"nobody"}


class TestTokens:
    def test_as_a_table(self):
        found = run("tokens", "--scenario", "empty")
        assert found.exit_code == 0
        assert "staff" in found.output
        assert "YOUR_API_TOKEN" in found.output

    def test_as_json(self):
        rows = json.loads(run("tokens", "--json", "--scenario", "empty").output)
        assert {"persona", "token", "who"} == set(rows[0])
        assert "staff" in {row["persona"] for row in rows}

    def test_where_nobody_needs_one(self, folder):
        assert run("tokens", "--spec", folder.spec).output == "none\n"
        assert run("tokens", "--spec", folder.spec, "--json").output == "[]\n"


class TestLint:
    def test_a_correct_spec_is_fine(self, folder):
        found = run("lint", "--spec", folder.spec)
        assert found.exit_code == 0
        assert found.output == "fine: 4 operations, 2 resources, 1 scenarios\n"

    def test_every_mistake_is_printed_with_file_and_line(self, folder):
        folder.edit("x-filter: author.name", "x-filter: author.nam")
        folder.edit("{field: title, lookup", "{field: titel, lookup")
        found = run("lint", "--spec", folder.spec)
        assert found.exit_code == 2
        lines = found.stderr.splitlines()
        assert lines[0].startswith(f"{folder.place('titel')}: ")
        assert lines[1].startswith(f"{folder.place('author.nam}')}: ")
        assert lines[2] == "2 mistakes; nothing is served"

    def test_a_broken_scenario_is_found(self, folder):
        folder.edit("title: Comet", "titel: Comet", "fixtures/scenarios/default.yaml")
        found = run("lint", "--spec", folder.spec)
        assert found.exit_code == 2
        assert found.stderr.startswith("fixtures/scenarios/default.yaml:7: ")

    def test_without_scenarios(self, folder):
        (folder.root / "fixtures" / "scenarios" / "default.yaml").unlink()
        found = run("lint", "--spec", folder.spec)
        assert found.exit_code == 0
        assert "0 scenarios" in found.output


class TestExport:
    def test_openapi_as_json(self):
        found = run("export", "openapi")
        assert found.exit_code == 0
        assert len(json.loads(found.stdout)["paths"]) > 20

    def test_openapi_as_yaml_without_extensions(self):
        document = yaml.safe_load(run("export", "openapi", "--plain", "--format", "yaml").stdout)
        assert "x-mock" not in document
        assert "PlanRecord" not in document["components"]["schemas"]

    def test_openapi_with_an_overlay(self, folder):
        path = folder.write(
            "o.yaml",
            "overlay: 1.0.0\nactions:\n  - {target: $.info, update: {title: Other}}\n",
        )
        found = run("export", "openapi", "--spec", folder.spec, "--overlay", path)
        assert json.loads(found.stdout)["info"]["title"] == "Other"

    def test_state(self, folder):
        shown = yaml.safe_load(run("export", "state", "--spec", folder.spec).stdout)
        assert [len(shown[name]) for name in ("author", "book")] == [1, 3]
        found = run("export", "state", "--spec", folder.spec, "--format", "json")
        assert json.loads(found.stdout) == shown

    def test_to_a_file(self, folder):
        path = folder.root / "out.json"
        found = run("export", "openapi", "--spec", folder.spec, "-o", path)
        assert (found.exit_code, found.output) == (0, "")
        assert json.loads(path.read_text())["info"]["title"] == "Books"

    def test_to_a_file_that_cannot_be_written(self, folder):
        found = run("export", "openapi", "--spec", folder.spec, "-o", folder.root / "no" / "x")
        assert found.exit_code == 2
        assert "choose another --output" in found.stderr


class TestRefusals:
    """`serve` ends before it listens, with 2 and words on stderr."""

    def test_an_unknown_scenario_lists_those_there_are(self):
        found = run("serve", "--scenario", "nonsense")
        assert found.exit_code == 2
        assert "there is no scenario 'nonsense'; there are " in found.stderr
        assert "empty" in found.stderr

    def test_a_broken_spec_prints_every_mistake(self, folder):
        folder.edit("  dialect: drf", "  dialect: soap")
        folder.edit("verb: retrieve", "verb: fetch")
        found = run("serve", "--spec", folder.spec)
        assert found.exit_code == 2
        assert found.stderr.startswith(f"{folder.place('soap')}: ")
        assert f"{folder.place('verb: fetch')}: " in found.stderr
        assert "mistakes; nothing is served" in found.stderr

    def test_a_missing_spec(self, folder):
        found = run("serve", "--spec", folder.root / "none.yaml")
        assert found.exit_code == 2
        assert "none.yaml: cannot be read" in found.stderr

    def test_a_missing_pack(self, folder):
        found = run("serve", "--spec", folder.spec, "--pack", "none.py:pack")
        assert found.exit_code == 2
        assert "pack none.py:pack: cannot be imported" in found.stderr

    def test_a_bad_clock(self, folder):
        found = run("serve", "--spec", folder.spec, "--clock", "noon")
        assert found.exit_code == 2
        assert "'noon' is no clock; it is `real`, an instant like" in found.stderr

    def test_a_port_in_use_names_the_option(self, folder):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            found = run("serve", "--spec", folder.spec, "--port", port)
        assert found.exit_code == 2
        assert f"port {port} is in use on 127.0.0.1" in found.stderr
        assert "--port 0" in found.stderr

    def test_an_address_that_is_not_ours_names_the_option(self, folder):
        found = run("serve", "--spec", folder.spec, "--port", 0, "--host", "192.0.2.1")
        assert found.exit_code == 2
        assert "--host" in found.stderr

    def test_a_host_that_does_not_exist(self, folder):
        found = run("serve", "--spec", folder.spec, "--port", 0, "--host", "no.such.invalid")
        assert found.exit_code == 2
        assert "cannot listen on no.such.invalid:0" in found.stderr

    def test_a_port_file_that_cannot_be_written(self, folder):
        path = folder.root / "no" / "port"
        found = run("serve", "--spec", folder.spec, "--port", 0, "--port-file", path)
        assert found.exit_code == 2
        assert "--port-file" in found.stderr


class TestServing:
    def test_a_free_port_is_told_in_a_file_and_on_stdout(self, start, folder):
        path = folder.root / "port"
        process = start("serve", "--spec", folder.spec, "-p", 0, "--port-file", path)
        port = process.port(path)
        assert ask(port, "GET", "/__mock__/health") == (200, {"status": "ok"})
        status, books = ask(port, "GET", "/books/?o=-title")
        assert (status, [book["title"] for book in books]) == (200, ["Winter", "Memoirs"])
        until(lambda: f"listening on http://127.0.0.1:{port}\n" in process.out.read_text())

    @pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
    def test_a_signal_stops_it_cleanly(self, start, folder, name):
        path = folder.root / "port"
        process = start("serve", "--spec", folder.spec, "-p", 0, "--port-file", path)
        port = process.port(path)
        # A connection that is kept open must not hold it up.
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        connection.request("GET", "/books/")
        connection.getresponse().read()
        process.process.send_signal(getattr(signal, name))
        assert process.wait() == 0
        connection.close()
        assert not path.exists()
        assert "Traceback" not in process.err.read_text()

    def test_every_option_may_be_a_variable(self, start, folder):
        path = folder.root / "port"
        folder.write("fixtures/scenarios/other.yaml", "records:\n  author:\n    ann: {name: Ann}\n")
        process = start(
            "serve",
            MOCKSERVER_SPEC=str(folder.spec),
            MOCKSERVER_PORT="0",
            MOCKSERVER_PORT_FILE=str(path),
            MOCKSERVER_SCENARIO="other",
            MOCKSERVER_LOG_LEVEL="error",
        )
        assert ask(process.port(path), "GET", "/books/") == (200, [])
        assert process.events() == []

    def test_an_option_wins_over_its_variable(self, folder):
        found = run(
            "serve",
            "--scenario",
            "one",
            MOCKSERVER_SCENARIO="two",
            MOCKSERVER_SPEC=str(folder.spec),
        )
        assert "there is no scenario 'one'" in found.stderr

    def test_without_cors(self, start, folder):
        path = folder.root / "port"
        process = start("serve", "--spec", folder.spec, "-p", 0, "--port-file", path, "--no-cors")
        connection = http.client.HTTPConnection("127.0.0.1", process.port(path), timeout=PATIENCE)
        connection.request("GET", "/books/", headers={"Origin": "http://a.example"})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert not [name for name in answer.headers if name.startswith("Access-Control-")]

    def test_the_spec_is_read_again_and_the_data_stay(self, start, folder):
        path = folder.root / "port"
        process = start("serve", "--spec", folder.spec, "-p", 0, "--port-file", path, "--watch")
        port = process.port(path)
        assert ask(port, "POST", "/books/", {"title": "Moominvalley"})[0] == 201

        def keys() -> set[str]:
            status, books = ask(port, "GET", "/books/?title=moominvalley")
            assert status == 200, books
            assert isinstance(books, list)
            return set(books[0]) if books else set()

        shown = '        writer: {type: [string, "null"], x-from: author.name}\n'
        renamed = shown.replace("writer", "by")
        until(lambda: any(e["event"] == "watching" for e in process.events()))
        folder.edit(shown, renamed)
        until(lambda: keys() == {"id", "title"} or "by" in keys())
        assert ask(port, "GET", "/books/?title=moominvalley")[1][0]["by"] is None

        folder.edit(renamed, renamed.replace("author.name", "author.nam"))
        refused = until(lambda: [e for e in process.events() if e["event"] == "reload refused"])
        assert "author.nam" in str(refused)
        assert "by" in keys()

        folder.write("spec/openapi.yaml", "openapi: [")
        until(lambda: len([e for e in process.events() if e["event"] == "reload refused"]) > 1)
        assert "by" in keys()
        process.process.terminate()
        assert process.wait() == 0
