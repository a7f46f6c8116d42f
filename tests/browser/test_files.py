"""The files of the console, without a browser."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from mockserver import assets
from mockserver.exchange import Request, Response

CONSOLE = Path(assets.__file__).parent / "console"
OWN = sorted(path for path in CONSOLE.iterdir() if path.suffix in (".js", ".css", ".html"))


def ask(name: str, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = assets.answer(Request("GET", f"/__mock__/{name}", headers=named), name)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html; charset=utf-8"),
        ("main.js", "text/javascript; charset=utf-8"),
        ("console.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml; charset=utf-8"),
        ("vendor/swagger-ui/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ],
)
def test_a_file_has_its_type_and_the_policy(name: str, kind: str) -> None:
    answer = ask(name)

    assert answer.headers["Content-Type"] == kind
    assert "script-src 'self';" in answer.headers["Content-Security-Policy"]
    assert answer.body


@pytest.mark.parametrize("name", ["../app.py", "nothing.js", "vendor", "vendor/", "%2e%2e/app.py"])
def test_there_is_nothing_else(name: str) -> None:
    assert assets.answer(Request("GET", f"/__mock__/{name}"), name) is None


@pytest.mark.parametrize(
    ("accepted", "is_packed"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("gzip; q=0.05", True),
        ("gzip;q=0", False),
        ("gzip; q=0.00", False),
        ("br", False),
        ("", False),
    ],
)
def test_who_takes_gzip_gets_it(accepted: str, is_packed: bool) -> None:
    plain = ask("main.js")
    answer = ask("main.js", accept_encoding=accepted)

    assert (answer.headers.get("Content-Encoding") == "gzip") == is_packed
    assert (gzip.decompress(answer.body) if is_packed else answer.body) == plain.body
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_what_the_browser_has_is_not_sent_again() -> None:
    first = ask("main.js", accept_encoding="gzip")
    again = ask("main.js", accept_encoding="gzip", if_none_match=first.headers["ETag"])
    unpacked = ask("main.js", if_none_match=first.headers["ETag"])

    assert (again.status, again.body) == (304, b"")
    assert unpacked.status == 200


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.name)
def test_no_file_leads_elsewhere_or_makes_markup_of_data(path: Path) -> None:
    text = path.read_text("utf-8")

    assert re.findall(r"https?://[^\s\"'`]+", text.replace("http://www.w3.org/2000/svg", "")) == []
    assert re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", text) == []


def test_the_pages_stay_small() -> None:
    """As they go over the wire."""
    sizes = [len(ask(path.name, accept_encoding="gzip").body) for path in OWN]

    assert sum(sizes) < 60_000


def test_the_vendored_files_say_whose_they_are() -> None:
    vendored = {path.name for path in (CONSOLE / "vendor" / "swagger-ui").iterdir()}
    pinned = re.search(r"`swagger-ui-dist` (\d+\.\d+\.\d+)", (CONSOLE / "README.md").read_text())
    notices = (CONSOLE / "THIRD_PARTY_NOTICES.txt").read_text("utf-8")

    assert vendored == {"LICENSE", "NOTICE", "swagger-ui-bundle.js", "swagger-ui.css"}
    assert pinned is not None
    assert f"swagger-ui-dist {pinned[1]}" in notices
