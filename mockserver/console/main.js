// The frame of the page: which session, which view, and what time it is.

import { addressOf, alone, call, get, post, session } from "./api.js";
import { $, ask, attempt, button, confirmed, counted, h, labelled, later, say, select } from "./dom.js";
import { changed, follow, on, refresh, world } from "./feed.js";
import * as coverage from "./coverage.js";
import * as faults from "./faults.js";
import * as journal from "./journal.js";
import * as people from "./people.js";
import * as records from "./records.js";
import * as state from "./state.js";

const VIEWS = [
  ["journal", "Journal", journal],
  ["records", "Records", records],
  ["state", "World", state],
  ["faults", "Faults", faults],
  ["coverage", "Coverage", coverage],
  ["people", "People", people],
];

// Views

let shown = null;

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function route() {
  const [name, ...args] = location.hash.slice(1).split("/").map(decoded);
  if (name === "main") return;
  const [id, title, view] = VIEWS.find(([each]) => each === name) ?? VIEWS[0];
  if (shown?.id === id) {
    shown.update(args);
    return;
  }
  shown?.leave?.();
  const section = h("section", { id: `view-${id}`, "aria-labelledby": `${id}-title` },
    h("h2", { id: `${id}-title` }, title));
  // The first view keeps the focus where the browser put it.
  const isFirst = shown === null;
  $("#main").replaceChildren(section);
  shown = { id, ...view.show(section) };
  shown.update(args);
  document.title = `${title} – ${session} – Mock server`;
  for (const link of document.querySelectorAll("#views a")) {
    if (link.hash === `#${id}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!isFirst) $("#main").focus({ preventScroll: true });
}

function showViews() {
  const explorer = h("a", { href: `explorer.html?session=${encodeURIComponent(session)}` }, "Explorer");
  $("#views").append(
    ...VIEWS.map(([id, title]) => h("li", {}, h("a", { href: `#${id}` }, title))),
    h("li", {}, explorer));
}

// The session

const NEW = "\u0000new";
const sessions = select([session], session, { onchange: () => choose(sessions.value) });

async function listSessions() {
  const { items } = await get("sessions", { page_size: 1000 });
  const names = new Set([session, ...items.map((item) => item.name)]);
  sessions.replaceChildren(
    ...[...names].sort().map((name) => h("option", { value: name }, name)),
    h("option", { value: NEW }, "New session…"));
  sessions.value = session;
}

async function choose(name) {
  if (name !== NEW) {
    location.assign(addressOf(name, `#${shown.id}`));
    return;
  }
  sessions.value = session;
  const input = h("input", { maxlength: 64, autocomplete: "off", pattern: "[A-Za-z0-9_\\-][A-Za-z0-9._\\-]*" });
  const answer = await ask("New session",
    labelled("Name", input, "Letters, digits, dots, dashes, underscores; empty for any name."),
    [["", "Cancel"], ["yes", "Make it", "primary"]]);
  if (answer !== "yes") return;
  await attempt(async () => {
    const name = input.value.trim();
    const made = await call("POST", "sessions", { body: name ? { name } : {}, anySession: true });
    location.assign(addressOf(made.name, `#${shown.id}`));
  });
}

async function drop() {
  const yes = await confirmed(`Delete the session ${session}?`,
    "Its records, journal, snapshots and tokens are lost.", "Delete");
  if (!yes) return;
  await attempt(async () => {
    await alone(() => call("DELETE", `sessions/${encodeURIComponent(session)}`, { anySession: true }));
    location.assign(addressOf("default", `#${shown.id}`));
  });
}

async function undo() {
  await attempt(async () => {
    const { undone } = await post("undo", { writes: 1 });
    say(undone ? `${counted(undone, "write")} taken back.` : "There is nothing to take back.");
    await changed();
  });
}

const figures = h("span", { class: "figures opt" });
const time = h("time", { class: "figures", title: "What time it is in the session" });
const undoing = button("Undo", undo, { disabled: true });
const live = h("span", { class: "live", role: "status" });

function showFigures() {
  const row = world.figures;
  if (!row) return;
  figures.textContent = `${row.scenario} · ${counted(row.records, "record")}`;
  undoing.disabled = row.undoable === 0;
  undoing.textContent = row.undoable ? `Undo (${row.undoable})` : "Undo";
  undoing.title = row.undoable ? "Take the last write back" : "No write to take back";
  const link = $("#views a[href='#faults']");
  link.textContent = row.faults ? `Faults (${row.faults})` : "Faults";
  read = { at: Date.now(), now: Date.parse(row.now), runs: !/^\d{4}-/.test(row.clock) };
  tick();
}

let read = null;
function tick() {
  if (!read) return;
  const now = new Date(read.now + (read.runs ? Date.now() - read.at : 0));
  const text = now.toISOString().slice(0, 19).replace("T", " ");
  time.dateTime = now.toISOString();
  time.textContent = read.runs ? `${text} UTC` : `${text} UTC (stands still)`;
}

const STATES = { live: "live", polling: "asking again and again", offline: "no connection", connecting: "connecting", refused: "no admin token: reload to give it" };
function showState() {
  live.className = `live ${world.state}`;
  live.textContent = STATES[world.state];
}

function showWorld() {
  sessions.classList.add("session");
  $("#world").append(
    h("div", { class: "bar" }, h("label", { for: "session" }, "Session"), sessions,
      button("Delete", drop, { title: "Delete this session", "aria-label": "Delete this session" }), undoing),
    h("div", { class: "bar" }, figures, time, live));
  sessions.id = "session";
}

// Keys

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select, dialog");
  if (event.key !== "/" || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const search = $("#main input[type=search]");
  if (!search) return;
  event.preventDefault();
  search.focus();
});

showViews();
showWorld();
showState();
on("figures", showFigures);
on("state", showState);
setInterval(tick, 1000);
const listSoon = later(() => listSessions().catch(() => {}), 100);
sessions.addEventListener("focus", listSoon);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
// Others may turn the clock or the scenario; the journal does not tell of that.
setInterval(() => { if (!document.hidden) refresh(); }, 10000);
addEventListener("hashchange", route);
route();
follow();
refresh().then(() => attempt(listSessions));
