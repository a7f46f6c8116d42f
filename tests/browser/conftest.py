"""A real browser, and a console of its own for each test."""

from __future__ import annotations

import json
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from mockserver import assembly, background, server
from mockserver.assembly import Sources, World
from mockserver.background import Background

STAFF = "5f1aa31c0e4b4d0f8a54c1d9f7e2b6a800000001"
#: A plan of the default scenario.
PLAN = "a1b2c3d4e5f67890abcdef1234567890"

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
#: In milliseconds; the machine may be busy.
_PATIENCE = 15_000
_numbers = count(1)
expect.set_options(timeout=_PATIENCE)


@dataclass
class Client:
    """Calls the API and the admin API in one session."""

    url: str
    session: str

    def call(self, method: str, path: str, body: Any = None, token: str = STAFF) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "X-Mock-Session": self.session}
        if not path.startswith("/__mock__/"):
            headers["Authorization"] = f"Token {token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
            return error.code, json.loads(body) if body.startswith((b"{", b"[")) else body

    def done(self, method: str, path: str, body: Any = None) -> Any:
        status, answer = self.call(method, path, body)
        assert status < 300, answer
        return answer


@dataclass
class Console:
    """The page, about a session that nobody else has."""

    page: Page
    client: Client
    #: What the browser may complain of in this test: starts of its messages.
    expected: list[str] = field(default_factory=list)

    def address(self, view: str = "") -> str:
        return f"{self.client.url}/__mock__/?session={self.client.session}{view and '#' + view}"

    def open(self, view: str = "") -> Page:
        self.page.goto(self.address(view))
        return self.page

    def live(self, view: str = "") -> Page:
        """Open a view, and wait until it follows what happens."""
        self.open(view)
        self.page.locator(".live.live").wait_for()
        return self.page


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip(f"there is no Chromium: none of {', '.join(names)}")
    # Of a module, not of all tests: as long as it runs, no other event loop can.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served(world_of: Callable[[str], World]) -> Iterator[Background]:
    hub = assembly.hub(world_of("default"), Sources())
    with background.running(server.Server(hub)) as running:
        yield running


@pytest.fixture
def watched(chromium: Browser) -> Iterator[Callable[..., Console]]:
    """Make consoles, and hold all of them to making no noise and calling nobody else."""
    made: list[Console] = []
    elsewhere: list[str] = []
    complaints: list[tuple[Console, str]] = []

    def make(url: str, session: str = "", **settings: Any) -> Console:
        context = chromium.new_context(**settings)
        context.set_default_timeout(_PATIENCE)
        page = context.new_page()
        console = Console(page, Client(url, session or f"browser-{next(_numbers)}"))

        def hear(message: ConsoleMessage) -> None:
            if message.type in ("error", "warning"):
                complaints.append((console, message.text))

        def see(address: str) -> None:
            if not address.startswith((f"{url}/", "data:", "blob:")):
                elsewhere.append(address)

        page.on("console", hear)
        page.on("pageerror", lambda error: complaints.append((console, str(error))))
        context.on("request", lambda request: see(request.url))
        made.append(console)
        return console

    yield make
    for console in made:
        console.page.context.close()
    unexpected = [text for of, text in complaints if not text.startswith(tuple(of.expected))]
    assert unexpected == []
    assert elsewhere == []


@pytest.fixture
def console(watched: Callable[..., Console], served: Background) -> Console:
    return watched(served.url, viewport={"width": 1400, "height": 900})
