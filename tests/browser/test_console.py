"""The console and the explorer, as somebody with a browser has them."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from mockserver import assembly, background, server
from mockserver.assembly import Sources, World
from mockserver.background import Background
from mockserver.guard import Guard
from mockserver.hub import Settings
from tests.browser.conftest import PLAN, STAFF, Console

pytestmark = pytest.mark.browser

PLANS = "/api/marketplace-plans/"
HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
REFUSED = "Failed to load resource: the server responded with a status of "
LINE = "tbody tr:not([hidden])"


def field(page: Page, name: str):
    return page.locator(f'[data-field="{name}"]').locator("input, select, textarea")


def test_the_story_of_a_front_end(console: Console, tmp_path: Path) -> None:
    page = console.live("people")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Use staff in the explorer").click(modifiers=["Control"])
    explorer = opened.value
    expect(explorer.get_by_label("Act as")).to_have_value("staff")

    page.goto(console.address(f"records/plan/{PLAN}"))
    expect(field(page, "archived")).to_have_value("false")
    explorer.locator("#operations-marketplace_plans-marketplace_plans_archive").click()
    explorer.get_by_placeholder("uuid").fill(PLAN)
    explorer.get_by_role("button", name="Execute").click()
    expect(explorer.locator(".live-responses-table tbody .response-col_status")).to_have_text(
        re.compile("200")
    )
    expect(field(page, "archived")).to_have_value("true")

    page.get_by_role("button", name="Undo (1)").click()
    expect(field(page, "archived")).to_have_value("false")

    page.get_by_role("link", name="Faults").click()
    page.get_by_label("Operation").fill("marketplace_plans_list")
    page.get_by_label("At most so often").fill("1")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_role("button", name="Remove rule 1")).to_be_visible()
    assert console.client.call("GET", PLANS)[0] == 503
    assert console.client.call("GET", PLANS)[0] == 200
    expect(page.locator(".hits")).to_have_text("1 of 2")

    page.get_by_role("link", name="Journal").click()
    lines = page.locator(LINE)
    expect(lines).to_have_count(3)
    expect(lines.nth(1)).to_contain_text("503")
    expect(lines.nth(1)).to_contain_text("fault 1: status")
    expect(lines.nth(2)).to_contain_text(f"{PLANS}{PLAN}/archive/")
    expect(lines.nth(2)).to_contain_text("staff")
    expect(lines.nth(2)).to_contain_text("wrote")

    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as HAR").click()
    assert saved.value.suggested_filename == f"{console.client.session}.har"
    saved.value.save_as(tmp_path / "saved.har")
    archive = json.loads((tmp_path / "saved.har").read_text("utf-8"))
    assert len(archive["log"]["entries"]) == 3
    assert STAFF not in json.dumps(archive)


def test_hostile_text_is_a_text(console: Console) -> None:
    made = console.client.done(
        "POST", PLANS, {"name": HOSTILE, "offering": f"/api/marketplace-provider-offerings/{PLAN}/"}
    )
    console.client.call("GET", f"{PLANS}?{HOSTILE.replace(' ', '%20')}=1")
    rows = console.client.done("GET", "/__mock__/requests")["items"]
    page = console.live(f"journal/{rows[1]['number']}")
    expect(page.locator("pre").first).to_contain_text("onerror")
    page.goto(console.address("coverage"))
    page.locator("summary").nth(1).click()
    expect(page.locator(".stray").first).to_contain_text("<img")
    page.goto(console.address(f"records/plan/{made['uuid']}"))
    expect(page.locator(".editor h3")).to_have_text(HOSTILE)
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text(HOSTILE)

    assert page.locator("img").count() == 0
    assert "owned" not in page.title()


def test_the_keyboard_is_enough(console: Console) -> None:
    console.client.call("GET", PLANS)
    console.client.call("GET", f"{PLANS}{PLAN}/")
    page = console.live("journal")
    keys = page.keyboard
    expect(page.locator(LINE)).to_have_count(2)

    keys.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    keys.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    keys.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    keys.type("plans/")
    links = page.locator("tbody a")
    for _ in range(20):
        keys.press("Tab")
        if links.first.evaluate("link => link === document.activeElement"):
            break
    expect(links.first).to_be_focused()
    keys.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    keys.press("Enter")
    expect(page.locator(".detail h3")).to_be_focused()
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Enter")
    expect(links.nth(1)).to_be_focused()

    sessions = page.get_by_label("Session", exact=True)
    sessions.focus()
    keys.press("Tab")
    delete = page.get_by_role("button", name="Delete this session")
    expect(delete).to_be_focused()
    keys.press("Enter")
    dialog = page.get_by_role("dialog", name=f"Delete the session {console.client.session}?")
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Escape")
    expect(delete).to_be_focused()


def test_a_record_is_changed_and_what_is_wrong_is_told_beside_it(console: Console) -> None:
    page = console.live(f"records/plan/{PLAN}")
    console.expected.append(f"{REFUSED}400")

    field(page, "max_amount").fill("many")
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-field="max_amount"] .error')).to_have_text("This is no JSON.")
    expect(field(page, "max_amount")).to_be_focused()

    field(page, "max_amount").fill('"many"')
    page.get_by_role("button", name="Save").click()
    expect(page.locator('[data-field="max_amount"] .error')).not_to_be_empty()
    expect(field(page, "max_amount")).to_have_attribute("aria-invalid", "true")

    field(page, "max_amount").fill("7")
    field(page, "name").fill("Renamed")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Renamed")).to_be_visible()
    assert console.client.done("GET", f"{PLANS}{PLAN}/")["max_amount"] == 7


def test_what_somebody_types_outlives_what_others_write(console: Console) -> None:
    page = console.live(f"records/plan/{PLAN}")
    field(page, "name").fill("Mine")
    console.client.done("POST", f"{PLANS}{PLAN}/archive/")

    expect(field(page, "archived")).to_have_value("true")
    expect(field(page, "name")).to_have_value("Mine")


def test_what_is_undone_elsewhere_shows(console: Console) -> None:
    console.client.done("POST", f"{PLANS}{PLAN}/archive/")
    page = console.live(f"records/plan/{PLAN}")
    expect(field(page, "archived")).to_have_value("true")
    console.client.done("POST", "/__mock__/undo", {"writes": 1})
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    expect(field(page, "archived")).to_have_value("false")


def test_a_record_is_copied_made_and_deleted(console: Console) -> None:
    page = console.live(f"records/plan/{PLAN}")
    before = page.locator('[data-name="plan"] .count').inner_text()
    page.get_by_role("link", name="Duplicate").click()
    expect(page.locator(".editor h3")).to_have_text("New plan")
    field(page, "name").fill("Second")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".editor h3")).to_have_text("Second")
    expect(field(page, "article_code")).to_have_value("PG-START")
    expect(page.locator('[data-name="plan"] .count')).to_have_text(str(int(before) + 1))

    page.get_by_role("button", name="As JSON").click()
    whole = page.get_by_label("The whole record as JSON")
    whole.fill(json.dumps({**json.loads(whole.input_value()), "name": "Third"}))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Third")).to_be_visible()

    page.get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator('[data-name="plan"] .count')).to_have_text(before)
    expect(page.locator(".editor")).to_have_count(0)

    page.goto(console.address("records/organization_group/+new"))
    field(page, "name").fill("Fresh")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".editor h3")).to_have_text("Fresh")


def test_the_world_goes_back_and_forth(console: Console) -> None:
    page = console.live("state")
    page.get_by_label("Name").fill("before")
    page.get_by_role("button", name="Take a snapshot").click()
    expect(page.get_by_role("button", name="Restore before")).to_be_visible()
    for name in ("archive", "archive"):
        console.client.call("POST", f"{PLANS}{PLAN}/{name}/")
    expect(page.get_by_text("1 write can be taken back.")).to_be_visible()
    page.get_by_role("button", name="Take back").click()
    expect(page.get_by_text("No write to take back.")).to_be_visible()
    assert console.client.done("GET", f"{PLANS}{PLAN}/")["archived"] is False

    console.client.done("POST", f"{PLANS}{PLAN}/archive/")
    page.get_by_role("button", name="Restore before").click()
    expect(page.get_by_text("Back at before.")).to_be_visible()
    assert console.client.done("GET", f"{PLANS}{PLAN}/")["archived"] is False
    page.get_by_role("button", name="Delete before").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("None yet.")).to_be_visible()

    page.get_by_label("Start from").select_option("empty")
    page.get_by_role("button", name="Start again").click()
    page.get_by_role("dialog").get_by_role("button", name="Start again").click()
    expect(page.get_by_text("Started from empty.")).to_be_visible()
    assert console.client.call("GET", f"{PLANS}{PLAN}/")[0] == 404


def test_time_is_set_and_passes(console: Console) -> None:
    page = console.live("state")
    page.get_by_label("Set to").fill("2026-01-31T12:00:00Z")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator(".big")).to_have_text("2026-01-31 12:00:00Z")
    page.get_by_role("button", name="+1 month").click()
    expect(page.locator(".big")).to_have_text("2026-02-28 12:00:00Z")
    page.get_by_label("Advance by").fill("36h")
    page.get_by_role("button", name="Advance").click()
    expect(page.locator(".big")).to_have_text("2026-03-02 00:00:00Z")
    expect(page.locator("header time")).to_have_text("2026-03-02 00:00:00 UTC (stands still)")

    console.expected.append(f"{REFUSED}400")
    page.get_by_label("Set to").fill("teatime")
    page.get_by_role("button", name="Set", exact=True).click()
    expect(page.locator("#said .error")).to_contain_text("teatime")


@pytest.mark.slow
def test_the_state_is_saved_and_loaded(console: Console, tmp_path: Path) -> None:
    page = console.live("state")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as YAML").click()
    path = tmp_path / "state.yaml"
    saved.value.save_as(path)
    console.client.done("POST", f"{PLANS}{PLAN}/archive/")
    page.get_by_label("Scenario file").set_input_files(path)
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_text("The state is that of the file.")).to_be_visible()
    assert console.client.done("GET", f"{PLANS}{PLAN}/")["archived"] is False

    console.expected.append(f"{REFUSED}400")
    path.write_text("records: [", encoding="utf-8")
    page.get_by_label("Scenario file").set_input_files(path)
    page.get_by_role("button", name="Load").click()
    expect(page.get_by_role("alert").filter(has_text=re.compile("line|2"))).to_be_visible()


@pytest.mark.slow
def test_sessions_are_made_chosen_and_deleted(console: Console) -> None:
    page = console.live("faults")
    name = f"{console.client.session}-other"
    page.get_by_label("Session", exact=True).select_option("New session…")
    page.get_by_role("dialog").get_by_label("Name").fill(name)
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url(re.compile(f"session={name}#faults"))
    page.get_by_role("button", name="Add the rule").click()
    expect(page.get_by_role("link", name="Faults (1)")).to_be_visible()

    page.get_by_label("Session", exact=True).select_option(console.client.session)
    page.wait_for_url(console.address("faults"))
    expect(page.get_by_text("No rules: everything works.")).to_be_visible()

    page.goto(console.address("faults").replace(console.client.session, name))
    page.get_by_role("button", name="Delete this session").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.wait_for_url(re.compile("session=default"))
    found = console.client.done("GET", "/__mock__/sessions?page_size=1000")["items"]
    assert name not in [each["name"] for each in found]


def test_the_journal_is_sifted_held_and_cleared(console: Console) -> None:
    console.client.call("GET", PLANS)
    console.client.call("GET", f"{PLANS}?bogus=1")
    console.client.call("GET", "/nowhere/")
    page = console.live("journal")
    lines = page.locator(LINE)
    expect(lines).to_have_count(3)
    page.get_by_label("Status").select_option("4xx")
    expect(lines).to_have_count(1)
    page.get_by_label("Status").select_option("any status")
    page.get_by_label("Operation").select_option("marketplace_plans_list")
    expect(lines).to_have_count(2)
    page.get_by_label("Search").fill("BOGUS")
    expect(lines).to_have_count(1)
    page.get_by_label("Search").fill("")
    page.get_by_label("Operation").select_option("any operation")

    page.get_by_role("button", name="Pause").click()
    console.client.call("GET", PLANS)
    expect(page.get_by_text("3 of 3, 1 held back")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(lines).to_have_count(4)
    page.get_by_role("button", name="Clear").click()
    expect(lines).to_have_count(0)
    assert console.client.done("GET", "/__mock__/requests")["total"] == 0


def test_what_others_do_to_the_session_shows(console: Console) -> None:
    console.client.call("GET", PLANS)
    page = console.live("journal")
    lines = page.locator(LINE)
    expect(lines).to_have_count(1)
    look = "document.dispatchEvent(new Event('visibilitychange'))"
    page.wait_for_function("() => performance.now() > 1500")
    # The page may ask while there is none.
    console.expected.append(f"{REFUSED}404")
    console.client.call("DELETE", f"/__mock__/sessions/{console.client.session}")
    console.client.call("GET", f"{PLANS}?page_size=1")
    console.client.call("GET", f"{PLANS}?page_size=2")
    page.evaluate(look)

    expect(lines).to_have_count(2)
    page.locator(".live.live").wait_for()
    console.client.call("GET", f"{PLANS}?page_size=3")
    expect(lines).to_have_count(3)


def test_a_request_is_copied_as_a_command(console: Console) -> None:
    console.client.done("POST", f"{PLANS}{PLAN}/archive/")
    console.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    number = console.client.done("GET", "/__mock__/requests")["items"][0]["number"]
    page = console.live(f"journal/{number}")
    page.get_by_role("button", name="Copy as curl").click()
    expect(page.get_by_text("The command was copied.")).to_be_visible()

    command = page.evaluate("navigator.clipboard.readText()")
    assert command.startswith("curl -X POST")
    assert f"authorization: Token {STAFF}".lower() in command.lower()
    assert f"{PLANS}{PLAN}/archive/" in command


def test_coverage_is_a_table_with_figures(console: Console) -> None:
    page = console.live("coverage")
    row = page.get_by_role("row", name=re.compile("^marketplace_plans_list "))
    expect(row.locator(".heat").first).to_have_text("0")
    console.client.call("GET", f"{PLANS}?page_size=1")
    expect(row.locator(".heat").first).to_have_text("1")
    row.locator("summary").nth(1).click()
    expect(row.locator(".used")).to_contain_text(["200", "page_size"])
    page.get_by_label("only what was never called").check()
    expect(row).to_be_hidden()


@pytest.mark.slow
def test_the_journal_holds_a_thousand_lines(console: Console) -> None:
    page = console.live("journal")
    address = urlsplit(console.client.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port)
    for number in range(1_050):
        connection.request("GET", f"/{number}/", headers={"X-Mock-Session": console.client.session})
        connection.getresponse().read()
    connection.close()

    expect(page.locator("tbody tr").first).to_contain_text("/1049/")
    expect(page.locator("tbody tr")).to_have_count(1_000)
    page.get_by_label("Search").fill("/777/")
    expect(page.locator(LINE)).to_have_count(1)


@pytest.mark.slow
def test_ten_thousand_records_come_in_pages(console: Console) -> None:
    console.client.done("POST", "/__mock__/reset", {"scenario": "busy"})
    page = console.live("records/plan")
    expect(page.get_by_text(re.compile(r"page 1 of 2\d\d, 10,\d\d\d in all"))).to_be_visible()
    expect(page.locator(".records tbody tr")).to_have_count(50)
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_text(re.compile("page 2 of"))).to_be_visible()
    expect(page.get_by_role("button", name="Next")).to_be_focused()


@pytest.mark.slow
def test_it_asks_when_it_may_not_stream(console: Console) -> None:
    console.expected.append("Failed to load resource: net::ERR_FAILED")
    console.page.route("**/events?*", lambda route: route.abort())
    page = console.open("journal")
    expect(page.get_by_text("asking again and again")).to_be_visible()
    console.client.call("GET", PLANS)
    expect(page.locator(LINE)).to_have_count(1)


def test_it_asks_for_the_admin_token(
    watched: Callable[..., Console], world_of: Callable[[str], World]
) -> None:
    settings = Settings(guard=Guard(token="open sesame"))
    hub = assembly.hub(world_of("default"), Sources(), settings)
    with background.running(server.Server(hub)) as running:
        # Somebody from elsewhere, as a proxy tells.
        console = watched(running.url, extra_http_headers={"X-Forwarded-For": "192.0.2.7"})
        console.expected.append(f"{REFUSED}401")
        page = console.open("people")
        dialog = page.get_by_role("dialog", name="Admin token")
        dialog.get_by_label("Token").fill("wrong")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("wrong")
        dialog.get_by_label("Token").fill("open sesame")
        dialog.get_by_role("button", name="Use it").click()
        expect(page.get_by_role("link", name="Use staff in the explorer")).to_be_visible()
        page.locator(".live.live").wait_for()
        page.reload()
        page.locator(".live.live").wait_for()
        expect(dialog).to_have_count(0)
        page.evaluate("sessionStorage.clear()")
        page.reload()
        dialog.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("no admin token")).to_be_visible()
        with page.expect_response("**/sessions/*"):
            page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        page.evaluate("new Promise((resolve) => setTimeout(resolve, 100))")
        expect(dialog).to_have_count(0)
        page.context.close()


@pytest.mark.slow
def test_a_server_that_goes_away_is_told_of(
    watched: Callable[..., Console], world_of: Callable[[str], World]
) -> None:
    hub = assembly.hub(world_of("default"), Sources())
    with background.running(server.Server(hub)) as running:
        console = watched(running.url)
        console.expected.append("Failed to load resource: net::")
        page = console.live("journal")
    expect(page.get_by_text("no connection")).to_be_visible()


@pytest.mark.slow
def test_the_explorer_speaks_as_whoever_is_chosen(console: Console, served: Background) -> None:
    page = console.page
    page.goto(f"{served.url}/__mock__/explorer.html?session={console.client.session}")
    page.get_by_label("Act as").select_option("owner")
    expect(page).to_have_url(re.compile("persona=owner"))
    page.locator("#operations-marketplace_plans-marketplace_plans_list").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table").first).to_be_visible()
    page.get_by_label("Act as").select_option("nobody")
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status").first).to_have_text(
        re.compile("401")
    )
    console.expected.append(f"{REFUSED}401")
    rows = console.client.done("GET", "/__mock__/requests?order=number")["items"]

    assert [(row["persona"], row["status"]) for row in rows] == [("owner", 200), (None, 401)]
