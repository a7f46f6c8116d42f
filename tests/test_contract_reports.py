"""Reports say what happened, to people and to machines, whatever the server sent."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import shlex
from base64 import b64decode, b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree as ET

import pytest
from rich.console import Console

from contract_tests.reports import (
    FORMATS,
    UnreadableReport,
    digest,
    json_,
    junit,
    markdown,
    read,
    sarif,
    write,
)
from contract_tests.reports import html as html_report
from contract_tests.reports.terminal import Display, summary
from contract_tests.reports.text import clipped, one_line, shareable, visible, without_secrets
from contract_tests.result import Coverage, Exit, Stage, Verdict
from contract_tests.wire import Received, Sent
from tests import made_up_run as made_up
from tests.made_up_run import CATALOGUE, HOSTILE, SECRET

RUNS = {"ordinary": made_up.result, "hostile": made_up.hostile, "empty": made_up.empty}

#: Nothing of this may reach a reader as it is.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff\ufffe\uffff]")


@pytest.fixture(params=RUNS)
def run(request):
    return RUNS[request.param]()


def printed(result, width=100, **changes) -> str:
    console = Console(file=io.StringIO(), width=width, **changes)
    summary(result, console, CATALOGUE)
    return console.file.getvalue()


# Files


def test_every_format_gets_its_file(run, tmp_path):
    files = write(run, list(FORMATS), tmp_path / "new" / "folder", [made_up.exchange()], CATALOGUE)
    assert {name: file.name for name, file in files.items()} == {
        "junit": "junit.xml",
        "json": "report.json",
        "html": "report.html",
        "har": "exchanges.har",
        "sarif": "report.sarif",
        "markdown": "report.md",
    }
    assert all(file.stat().st_size for file in files.values())


def test_only_what_is_asked_for_is_written(tmp_path):
    write(made_up.empty(), ["json"], tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


def test_an_unknown_format_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match="unknown report pdf; we know junit, json"):
        write(made_up.result(), ["json", "pdf"], tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_replay_command_names_a_file_that_exists(tmp_path):
    result = made_up.result()
    write(result, ["json"], tmp_path)
    for finding in result.findings:
        command = shlex.split(digest.replay(finding, result, str(tmp_path)))
        assert json.loads(Path(command[2]).read_text("utf-8")) == finding.script


def test_the_name_of_a_script_stays_in_its_folder(tmp_path):
    odd = (made_up.finding("../../etc/x"), made_up.finding(".."), made_up.finding("x", script={}))
    write(made_up.result(findings=odd), ["json"], tmp_path)
    assert len(list((tmp_path / "findings").iterdir())) == 2
    assert len(list(tmp_path.rglob("*.json"))) == 3


def test_a_replay_command_can_be_copied():
    result = made_up.result(url="http://127.0.0.1/?a&b")
    command = digest.replay(made_up.finding("../../etc/x y"), result, "my reports")
    assert shlex.split(command) == [
        "contract-tests",
        "replay",
        "my reports/findings/_._.._etc_x_y.json",
        "--url",
        "http://127.0.0.1/?a&b",
    ]


def test_no_secret_is_written(tmp_path):
    write(made_up.hostile(), list(FORMATS), tmp_path, [made_up.exchange()], CATALOGUE)
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == len(FORMATS) + 3
    for file in files:
        assert SECRET not in file.read_text("utf-8"), file.name


# Text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain ünïcode 漢字 🙂", "plain ünïcode 漢字 🙂"),
        ("a\nb\tc", "a\nb\tc"),
        ("\x1b[0m", r"\x1b[0m"),
        ("\u202eabc", r"\u202eabc"),
        ("\ud800", r"\ud800"),
        ("a\u00a0b", r"a\xa0b"),
        ("\r\x00", r"\r\x00"),
        ("\U0001ffff", r"\U0001ffff"),
    ],
)
def test_what_cannot_be_seen_is_spelled_out(text, shown):
    assert visible(text) == shown
    assert not UNSEEN.search(one_line(text))


def test_clipped_text_says_so():
    assert clipped("abcdef", 4) == "abc…"
    assert clipped("abcd", 4) == "abcd"


@pytest.mark.parametrize(
    "text",
    [
        f"curl -H 'Authorization: Token {SECRET}' http://127.0.0.1/",
        f'{{"cookie": "{SECRET}"}}',
        f"Set-Cookie: id={SECRET}; HttpOnly\nnext",
        f"PROXY-AUTHORIZATION: {SECRET}",
        f"http://me:{SECRET}@127.0.0.1/",
        f"authorization: $TOKEN and {SECRET}",
    ],
)
def test_secrets_are_hidden(text):
    assert SECRET not in without_secrets(text)
    assert "[redacted]" in without_secrets(text)


@pytest.mark.parametrize(
    "text",
    [
        'curl -H "Authorization: Token $TOKEN" http://127.0.0.1/',
        "curl -H 'Authorization: Bearer ${TOKEN}'",
        "http://127.0.0.1/?mail=a@b",
        "without authorization the answer is 401",
    ],
)
def test_what_is_no_secret_stays(text):
    assert without_secrets(text) == text


def test_hiding_secrets_changes_nothing_else():
    assert shareable(made_up.result()) == made_up.result()


# JSON


def test_json_comes_back_as_it_went(run, tmp_path):
    file = write(run, ["json"], tmp_path)["json"]
    assert read(file) == shareable(run)


def test_json_says_its_version_and_speaks_numbers():
    document = json.loads(json_.render(made_up.result()))
    assert document["schema_version"] == json_.SCHEMA_VERSION
    assert document["exit"] == 1
    assert document["coverage"]["statuses"]["books_list"] == {"200": 90, "400": 0}
    assert json_.render(made_up.result()) == json_.render(made_up.result())


def test_json_takes_any_mapping(tmp_path):
    result = made_up.result(coverage=Coverage(parameters=MappingProxyType({"a": {"b": 1}})))
    assert read(write(result, ["json"], tmp_path)["json"]) == result


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not a report"),
        ("[]", "not a report of version 1"),
        ('{"schema_version": 2}', "not a report of version 1"),
        ('{"schema_version": 1}', "not a whole report"),
    ],
)
def test_what_is_no_report_is_refused(text, complaint, tmp_path):
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(UnreadableReport, match=complaint):
        read(file)


def test_a_report_that_is_not_there_is_unreadable(tmp_path):
    with pytest.raises(UnreadableReport, match="not a report"):
        read(tmp_path / "none.json")


# JUnit


def cases(result) -> dict[tuple[str, str], ET.Element]:
    root = ET.fromstring(junit.render(result, CATALOGUE))
    return {(case.get("classname"), case.get("name")): case for case in root.iter("testcase")}


def test_junit_has_a_suite_per_operation_and_a_case_per_promise():
    root = ET.fromstring(junit.render(made_up.result(), CATALOGUE))
    assert root.tag == "testsuites"
    names = [suite.get("name") for suite in root]
    assert names == ["books_list", "books_create", "books_retire", "run"]
    (first, *_) = root
    assert [case.get("name") for case in first.iter("testcase")] == [
        "A1 no-5xx",
        "D6 conjunction",
        "D13 order",
    ]
    assert first.get("timestamp") == "2026-03-01T12:30:05"
    properties = {p.get("name"): p.get("value") for p in first.iter("property")}
    assert properties.items() >= {
        ("spec", "spec/openapi.yaml"), ("seed", "1"), ("run", "zq44cb63"), ("version", "0.1.0"),
    }  # fmt: skip


def test_junit_counts_what_it_contains(run):
    root = ET.fromstring(junit.render(run, CATALOGUE))
    for element in (root, *root):
        found = list(element.iter("testcase"))
        assert int(element.get("tests")) == len(found)
        for tag, count in {"failure": "failures", "error": "errors", "skipped": "skipped"}.items():
            assert int(element.get(count)) == sum(case.find(tag) is not None for case in found)


def test_junit_has_a_failure_for_every_finding_that_is_news():
    twice = made_up.finding("D6-other", about="o", claim="another")
    result = made_up.result(findings=(*made_up.result().findings, twice))
    failures = cases(result)["books_list", "D6 conjunction"].findall("failure")
    assert [failure.get("message") for failure in failures] == [
        "genre=crime&in_print=true keeps what both filters keep",
        "another",
    ]
    assert "replay:   contract-tests replay findings/D6-3f9c1a.json" in failures[0].text
    assert "place:    spec/paths/books.yaml:12" in failures[0].text


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        (("books_create", "B3 read-your-create"), "accepted as B3-0a0a0a: known, fixed in the"),
        (("books_retire", "C1 action-effect"), "blocked: B3 failed on books_create"),
        (("books_list", "D13 order"), "unspecified: x-order says nothing of ties"),
        (("books_retire", "D13 order"), "skipped: switched off"),
        (("run", "preflight"), "No second account was given"),
    ],
)
def test_junit_skips_with_a_reason(case, reason):
    found = cases(made_up.result())[case]
    assert found.find("failure") is None
    assert found.find("skipped").get("message").startswith(reason)


def test_junit_does_not_fail_for_what_is_flaky():
    result = made_up.result(findings=(made_up.finding(kind="flaky", confirmed="1/3"),))
    (skipped,) = cases(result)["books_list", "D6 conjunction"]
    assert skipped.get("message") == "flaky, came back 1/3: D6-3f9c1a"


def test_junit_tells_of_a_finding_without_a_verdict():
    result = made_up.result(verdicts=())
    assert cases(result)["books_list", "D6 conjunction"].find("failure") is not None


def test_junit_is_not_green_when_the_run_got_nowhere():
    error = cases(made_up.empty())["run", "the run comes to its end"].find("error")
    assert error.text == "http://127.0.0.1:4010 cannot be reached"
    assert error.get("message") == digest.EXITS[Exit.UNTESTABLE]


def test_junit_has_nothing_to_add_to_a_fine_run():
    result = dataclasses.replace(made_up.empty(), exit=Exit.FINE, message="")
    assert not cases(result)


# SARIF


def log(result):
    return json.loads(sarif.render(result, CATALOGUE))["runs"][0]


def test_sarif_explains_every_property():
    rules = {rule["id"]: rule for rule in log(made_up.result())["tool"]["driver"]["rules"]}
    assert set(rules) == set(CATALOGUE)
    assert rules["C1"]["defaultConfiguration"] == {"level": "warning"}
    assert rules["C1"]["shortDescription"] == {"text": "An action changes what it says."}
    assert "fault code 100" in rules["A1"]["help"]["text"]


def test_sarif_points_into_the_description():
    run = log(made_up.result())
    (new, known, unstable) = run["results"]
    assert new["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "spec/paths/books.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12},
    }
    assert new["partialFingerprints"] == {"contractFinding/v1": "D6-3f9c1a"}
    assert (new["level"], unstable["level"]) == ("error", "note")
    assert known["suppressions"][0]["justification"] == "known, fixed in the next release"
    assert "suppressions" not in new
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]


@pytest.mark.parametrize(
    ("place", "physical"),
    [
        ("", None),
        ("a b/ü.yaml", {"artifactLocation": {"uri": "a%20b/%C3%BC.yaml",
                                             "uriBaseId": "%SRCROOT%"}}),
        ("/srv/x.yaml:3", {"artifactLocation": {"uri": "file:///srv/x.yaml"},
                           "region": {"startLine": 3}}),
    ],
)  # fmt: skip
def test_sarif_takes_any_place(place, physical):
    (found,) = log(made_up.result(findings=(made_up.finding(place=place),)))["results"]
    assert found["locations"][0].get("physicalLocation") == physical
    assert found["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "books_list.genre"


def test_sarif_knows_a_property_that_no_catalogue_has():
    run = json.loads(sarif.render(made_up.result()))["runs"][0]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["D6", "B3"]


def test_sarif_says_when_the_run_got_nowhere():
    (invocation,) = log(made_up.empty())["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["exitCode"] == 3
    assert invocation["toolExecutionNotifications"] == [
        {"level": "error", "message": {"text": "http://127.0.0.1:4010 cannot be reached"}}
    ]


# HTTP archive


def archive(tmp_path, *exchanges, result=None):
    files = write(result or made_up.result(), ["har"], tmp_path, iter(exchanges))
    return json.loads(files["har"].read_text("utf-8"))["log"]


def test_the_archive_holds_whole_exchanges(tmp_path):
    found = archive(tmp_path, made_up.exchange(), made_up.exchange(2))
    first, second = found["entries"]
    assert found["version"] == "1.2"
    assert first["comment"] == "operationId=books_create property=B3 persona=staff number=1"
    assert first["request"]["url"] == "http://127.0.0.1:4010/api/books/?genre=crime+%26+more"
    assert first["request"]["postData"] == {
        "mimeType": "application/json",
        "text": '{"title": "A"}',
    }
    assert first["response"]["content"]["text"] == '{"id": 1}'
    assert first["response"]["statusText"] == "Created"
    assert first["time"] == 250
    assert first["startedDateTime"] == "2026-03-01T12:30:05+00:00"
    assert second["startedDateTime"] == "2026-03-01T12:30:05.250000+00:00"


def test_the_archive_shows_no_credentials(tmp_path):
    (entry,) = archive(tmp_path, made_up.exchange())["entries"]
    headers = {h["name"].lower(): h["value"] for h in entry["request"]["headers"]}
    assert headers == {"authorization": "[redacted]", "content-type": "application/json"}
    assert entry["response"]["headers"][1] == {"name": "set-cookie", "value": "[redacted]"}


def test_the_archive_holds_any_bytes(tmp_path):
    odd = made_up.exchange(
        sent=Sent("PUT", "/x", (("a", "\ud800"),), {}, b"\xff\x00"),
        received=Received(299, {"content-type": HOSTILE}, b"\xfe\xff"),
        purpose=HOSTILE,
    )
    (entry,) = archive(tmp_path, odd, result=made_up.hostile())["entries"]
    content = entry["response"]["content"]
    assert content["encoding"] == "base64"
    assert b64decode(content["text"]) == b"\xfe\xff"
    assert entry["request"]["postData"] == {"mimeType": "", "text": "/wA=", "comment": "base64"}
    assert entry["response"]["statusText"] == ""


def test_an_archive_of_nothing_is_an_archive(tmp_path):
    assert archive(tmp_path)["entries"] == []


# Markdown


def crowded(findings=40):
    names = [f"{number:02}" for number in range(findings)]
    parts = [
        *(made_up.finding(f"new-{name}", claim=f"claim {name}") for name in names),
        *(made_up.finding(f"old-{name}", accepted="known") for name in names),
        *(made_up.finding(f"odd-{name}", kind="flaky") for name in names),
    ]
    verdicts = [
        *(Verdict("D6", f"op_{name}", "blocked", reason=f"because {name}") for name in names),
        *(Verdict("D6", f"op_{name}", "unspecified", reason=f"unsaid {name}") for name in names),
        *(Verdict("B3", f"op_{name}", "failed") for name in names),
    ]
    return made_up.result(
        findings=tuple(parts), verdicts=tuple(verdicts), leftovers=tuple(names),
        blocked=tuple(names), message="stopped",
    )  # fmt: skip


def test_markdown_is_short_however_much_happened():
    lines = markdown.render(crowded(), CATALOGUE).splitlines()
    assert 40 < len(lines) <= 60
    assert "- … and 34 more in the report" in lines


def test_markdown_tells_the_essence():
    text = markdown.render(made_up.result(), CATALOGUE)
    assert text.startswith("# Contract tests: 1 promise is broken\n")
    assert "| 2 | 1 | 1 | 1 | 2 |" in text
    assert "expected `r3, r7`, got `r1, r3, r7`" in text
    assert "`contract-tests replay findings/D6-3f9c1a.json --url http://127.0.0.1:4010/api`" in text


def test_markdown_contains_no_markup_of_others():
    text = markdown.render(made_up.hostile(), CATALOGUE)
    assert not UNSEEN.search(text.replace("\n", ""))
    outside = re.sub(r"(?<![`\\])(`+)(?!`).+?(?<!`)\1(?!`)", "", text)
    assert not re.search(r"(?<!\\)(<|\]\(|\*\*@|@all)", outside)


@pytest.mark.parametrize("text", ["a", "`", "a`b", "``a`", "", " ", "a\nb", "```"])
def test_a_code_span_ends_where_it_should(text):
    span = markdown.code(text)
    fence = re.match("`+", span).group()
    assert span.endswith(fence)
    inner = span[len(fence) : -len(fence)]
    assert inner.strip() == one_line(text).strip()
    assert fence not in re.findall("`+", inner)


# HTML


class Page(HTMLParser):
    """Collects what a browser would make of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], []
        self.handlers = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        known = dict(attrs)
        self.tags.append(tag)
        self.ids += [known["id"]] if "id" in known else []
        self.links += [known[name] for name in ("href", "src") if name in known]
        self.handlers += [name for name in known if name.startswith("on")]

    def handle_data(self, data):
        self.text.append(data)


def page(result) -> tuple[str, Page]:
    text = html_report.render(result, CATALOGUE)
    return text, Page(text)


def test_the_page_is_whole_and_alone(run):
    _, seen = page(run)
    assert seen.tags.count("html") == seen.tags.count("main") == seen.tags.count("h1") == 1
    assert len(seen.ids) == len(set(seen.ids))
    assert {link[1:] for link in seen.links} <= set(seen.ids)
    assert all(link.startswith("#") for link in seen.links)


def test_nothing_foreign_runs_on_the_page():
    text, seen = page(made_up.hostile())
    assert seen.tags.count("script") == 1
    assert "img" not in seen.tags
    assert not seen.handlers
    assert not UNSEEN.search(text)
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    allowed = b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in text


def test_the_page_tells_everything():
    text, seen = page(made_up.result())
    told = " ".join(" ".join(seen.text).split())
    for part in (
        "1 promise is broken.",
        "Exit code 1",
        "genre=crime&in_print=true keeps what both filters keep",
        "3: POST /books/${1:/id}/retire/ as owner → 204",
        "contract-tests replay findings/D6-3f9c1a.json --url http://127.0.0.1:4010/api",
        "spec/paths/books.yaml:12",
        "known, fixed in the next release",
        "came back 1/3",
        "D18 books_list.genre",
        "B3 failed on books_create",
        "x-order says nothing of ties",
        "No second account was given",
        "books/r9",
        "x-filter",
        "preflight",
        "A record reads as it was made.",
    ):
        assert part in told
    for outcome in digest.OUTCOMES:
        assert f'<td class="{outcome}' in text
    assert 'title="C1: blocked; B3 failed on books_create"' in text
    assert '<td class="failed known"' in text


def test_the_page_of_an_empty_run_says_so():
    _, seen = page(made_up.empty())
    told = " ".join(" ".join(seen.text).split())
    assert "Nothing can be said about this API." in told
    assert "No promise was checked." in told
    assert "Coverage" not in told


def test_a_cell_shows_the_worst_of_its_verdicts():
    verdicts = (Verdict("D6", "books_list", "failed"), Verdict("D6", "books_list", "held"))
    text, _ = page(made_up.result(verdicts=verdicts, findings=()))
    assert text.count('<td class="failed') == 1
    assert '<td class="held' not in text


# Terminal


def test_the_summary_tells_the_essence():
    text = printed(made_up.result())
    for part in (
        "✗ D6-3f9c1a  high  D6 conjunction · books_list.genre",
        "    expected  r3, r7\n",
        "    actual    r1, r3, r7\n",
        "              … 2 more steps …\n",
        '\ncurl -H "Authorization: Token $TOKEN" "http://127.0.0.1/books/?genre=crime"\n',
        '    script    1: POST /books/ {"title":"${tag} a"} → 201\n',
        "              4: GET /books/?genre=crime&in_print=true → 200\n",
        "    place     spec/paths/books.yaml:12\n",
        "    replay    contract-tests replay findings/D6-3f9c1a.json --url http://127.0.0.1:4010/api",
        "Accepted in the baseline (1)\n    B3-0a0a0a  books_create.title: known",
        "Masked by a finding above (1)\n    by D6-3f9c1a: D18 books_list.genre",
        "Flaky, not counted (1)\n    D6-f1a4e0",
        "Blocked (2)\n    No second account",
        "    1 promise: B3 failed on books_create\n",
        "Unspecified (1)\n    1 promise: x-order says nothing of ties\n",
        "Exit code 1: promises are broken that no baseline accepts.",
    ):
        assert part in text
    assert re.search(r"^3 operations +2 +1 +1 +1 +2$", text, re.MULTILINE)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("text", ["x" * 5000, "漢" * 5000, "word " * 1000, "a\nb" * 900])
def test_a_finding_takes_twenty_lines_at_most(width, text):
    long = made_up.finding(claim=text, expected=text, actual=text, place=text, confirmed=text,
                           curl=("curl " + text,), script={"steps": [text] * 30})  # fmt: skip
    head, _, rest = printed(made_up.result(findings=(long,), leftovers=()), width).partition("\n✗ ")
    body = rest.partition("\n\n")[0]
    assert head
    assert len(body.splitlines()) <= 20


def test_the_summary_is_short_however_much_happened():
    text = printed(crowded(), width=120)
    assert "… and 20 more findings in the reports" in text
    assert len(text.splitlines()) < 200


def test_the_summary_of_an_empty_run_says_why():
    text = printed(made_up.empty())
    assert "Nothing can be said about this API." in text
    assert "http://127.0.0.1:4010 cannot be reached" in text
    assert "Exit code 3" in text


@pytest.mark.parametrize("is_terminal", [False, True])
def test_the_terminal_obeys_nobody_else(is_terminal):
    text = printed(made_up.hostile(), force_terminal=is_terminal, color_system=None)
    assert not UNSEEN.search(text.replace("\n", ""))
    assert SECRET not in text
    assert "[bold]" in text


def test_the_summary_fits_a_terminal_that_knows_only_ascii():
    file = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    summary(made_up.hostile(), Console(file=file, width=80), CATALOGUE)
    file.flush()
    assert b"x failed" in file.buffer.getvalue()


def watched(console) -> None:
    moments = iter([10.0, 11.5, 20.0, 20.25, 30.0, 30.5])
    with Display(console, clock=lambda: next(moments)) as display:
        display.stage("preflight")
        display.stage("probes", 20)
        display.advance(5, f"books_list {HOSTILE}")
        display.finding(made_up.finding())
        display.advance(7)
        display.stage("clean-up", None)


def test_a_log_gets_a_line_per_event():
    console = Console(file=io.StringIO(), width=100)
    watched(console)
    found = "✗ D6-3f9c1a  high  D6 · books_list.genre  genre=crime&in_print=true keeps what both"
    assert console.file.getvalue().splitlines() == [
        "preflight: begins",
        "preflight: 0 findings, 1.5 s",
        "probes: begins, 20 requests planned",
        f"{found} filters keep",
        "probes: 12 requests, 1 finding, 250 ms",
        "clean-up: begins",
        "clean-up: 0 findings, 500 ms",
    ]


def test_a_terminal_is_given_back():
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    watched(console)
    text = console.file.getvalue()
    assert "probes: 12 requests, 1 finding, 250 ms" in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1
    assert "\x1b[31m" not in text


def test_a_display_may_be_closed_before_it_begins_and_twice():
    display = Display(Console(file=io.StringIO(), force_terminal=True))
    display.close()
    display.stage("probes")
    display.close()
    display.close()


# Words


@pytest.mark.parametrize("exit_code", Exit)
def test_every_ending_has_words(exit_code):
    result = dataclasses.replace(made_up.empty(), exit=exit_code)
    assert digest.headline(result).endswith(".")
    assert digest.EXITS[exit_code] in printed(result)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 ms"), (0.25, "250 ms"), (4.21, "4.2 s"), (200, "3 min 20 s")]
)
def test_durations_can_be_read(seconds, text):
    assert digest.duration(seconds) == text


def test_a_script_in_another_shape_is_still_shown():
    assert digest.steps(made_up.finding(script={"curl": [1]})) == ('{"curl":[1]}',)
    assert digest.steps(made_up.finding(script={})) == ()
    assert digest.steps(made_up.finding(script={"steps": ["x", 1]})) == ('"x"', "1")
    odd = {"method": "GET", "query": 5}
    assert digest.steps(made_up.finding(script={"steps": [odd]})) == ('{"method":"GET","query":5}',)


def test_stages_without_time_have_no_length():
    text, _ = page(made_up.result(stages=(Stage("preflight", 0, 0.0),)))
    assert "width:0.0%" in text


def test_a_long_name_keeps_its_end():
    verdicts = (Verdict("A1", "a_very_long_prefix_of_everything_books_list", "blocked"),)
    assert re.search(
        r"^…\w*books_list +0 +1", printed(made_up.result(verdicts=verdicts), 80), re.MULTILINE
    )
