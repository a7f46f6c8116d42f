"""Whether the pages can be read: narrow or wide, light or dark."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from mockserver.background import Background
from tests.browser.conftest import PLAN, Console

pytestmark = pytest.mark.browser

PLANS = "/api/marketplace-plans/"
#: A view, and what is there when it is complete.
VIEWS = {
    "journal": "tbody tr",
    "journal/NUMBER": ".detail pre",
    "records": ".choices a",
    "records/plan": ".records tbody tr",
    f"records/plan/{PLAN}": ".editor",
    "records/plan/+new": ".editor",
    "state": ".big:not(:empty)",
    "faults": "tbody tr",
    "coverage": "tbody tr",
    "people": "tbody tr",
}
#: The texts that are hard to read, by the formula of WCAG 2: 4.5 to 1 is AA.
DIM = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const light = (color) => color.slice(0, 3).map((part) => part / 255)
    .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const behind = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgba(getComputedStyle(each).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const dim = [];
  for (const element of document.querySelectorAll("body *")) {
    const texts = [...element.childNodes].filter((node) => node.nodeType === 3 && node.data.trim());
    const isText = texts.length || element.matches("input, textarea, select");
    const isOff = element.matches(":disabled, option, noscript") || !element.checkVisibility();
    if (!isText || isOff) continue;
    const [one, other] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
    const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (contrast < 4.5) dim.push(`${element.tagName} ${element.className} ${contrast.toFixed(2)}`);
  }
  return [...new Set(dim)];
}"""
SHIFTS = """() => new Promise((resolve) => {
  let sum = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) sum += entry.value;
  }).observe({ type: "layout-shift", buffered: true });
  requestAnimationFrame(() => requestAnimationFrame(() => resolve(sum)));
})"""


def is_within(page: Page) -> bool:
    root = "document.documentElement"
    return page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 360),
        ("dark", 1400),
        pytest.param("light", 800, marks=pytest.mark.slow),
        pytest.param("light", 1400, marks=pytest.mark.slow),
        pytest.param("dark", 360, marks=pytest.mark.slow),
    ],
)
def test_every_view_fits_and_is_legible(
    watched: Callable[..., Console], served: Background, scheme: str, width: int
) -> None:
    console = watched(served.url, color_scheme=scheme, viewport={"width": width, "height": 800})
    client = console.client
    client.call("GET", f"{PLANS}?{'long' * 60}=1")
    client.call("POST", PLANS, {"name": "W" * 300})
    client.done("POST", f"{PLANS}{PLAN}/archive/")
    rule = {"operation": "marketplace_plans_list", "fault": {"kind": "status", "code": 503}}
    client.done("POST", "/__mock__/faults", rule)
    client.call("GET", PLANS)
    client.done("POST", "/__mock__/snapshots", {"name": "n" * 64})
    newest = client.done("GET", "/__mock__/requests")["items"][0]["number"]
    page = console.live()
    wrong = []
    for view, sign in VIEWS.items():
        page.goto(console.address(view.replace("NUMBER", str(newest))))
        expect(page.locator(sign).first).to_be_visible()
        if not is_within(page):
            wrong.append(f"{view} is wider than the window")
        wrong += [f"{view}: {text}" for text in page.evaluate(DIM)]

    assert wrong == []


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_explorer_fits_a_phone(
    watched: Callable[..., Console], served: Background, scheme: str
) -> None:
    console = watched(served.url, color_scheme=scheme, viewport={"width": 360, "height": 800})
    # Its own links have it, too.
    console.expected.append("Deprecated: escaping deep link whitespace")
    page = console.page
    page.goto(
        f"{served.url}/__mock__/explorer.html?session={console.client.session}"
        "#/marketplace_plans/marketplace_plans_list"
    )
    expect(page.get_by_role("button", name="Execute")).to_be_visible()

    assert is_within(page)
    assert page.evaluate("document.documentElement.classList.contains('dark-mode')") == (
        scheme == "dark"
    )


def test_nothing_jumps_while_the_page_is_built(console: Console) -> None:
    console.client.call("GET", PLANS)
    page = console.live("journal")
    expect(page.locator("tbody tr")).to_have_count(1)

    assert page.evaluate(SHIFTS) < 0.05
