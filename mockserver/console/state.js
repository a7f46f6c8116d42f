// The world of the session: where it started, what to come back to, and what time it is.

import { call, get, post, send, session } from "./api.js";
import { attempt, button, confirmed, counted, download, h, labelled, say, select } from "./dom.js";
import { changed, on, world } from "./feed.js";

const STEPS = [["+1 h", "PT1H"], ["+1 day", "P1D"], ["+1 month", "P1M"]];
const MODES = { real: "real time", fixed: "stands still", offset: "moved, and running" };

const panel = (title, ...content) => h("section", { class: "panel" }, h("h3", {}, title), content);

/** Do something to the session, then show what became of it. */
const act = (work, text) => attempt(async () => {
  const made = await work();
  say(typeof text === "function" ? text(made) : text);
  await changed();
});

function clock() {
  const now = h("p", { class: "big" });
  const mode = h("p", { class: "quiet" });
  const input = h("input", { required: true, maxlength: 64, placeholder: "2026-01-31T12:00:00Z", autocomplete: "off" });
  const by = h("input", { required: true, maxlength: 64, placeholder: "36h", autocomplete: "off" });
  const set = (text) => act(() => call("PUT", "clock", { body: { clock: text } }), "The clock is set.");
  const advance = (text) => act(() => post("clock/advance", { by: text }), "Time has passed.");
  const submit = (work) => (event) => { event.preventDefault(); work(); };
  const fill = () => attempt(async () => {
    const read = await get("clock");
    now.textContent = read.now.replace("T", " ").replace(/\.\d+/, "");
    mode.textContent = MODES[read.mode] ?? read.mode;
  });
  const element = panel("Clock", now, mode,
    h("div", { class: "bar" }, STEPS.map(([text, duration]) => button(text, () => advance(duration))),
      button("Stop here", async () => set((await get("clock")).now)),
      button("Real time", () => set("real"))),
    h("form", { class: "bar", onsubmit: submit(() => set(input.value.trim())) },
      labelled("Set to", input, "An instant stands still; “from” and an instant runs from there; +3d is ahead of real time."), h("button", {}, "Set")),
    h("form", { class: "bar", onsubmit: submit(() => advance(by.value.trim())) },
      labelled("Advance by", by, "PT36H, P1M, 3d, 90s, 2h"), h("button", {}, "Advance")));
  return { element, fill };
}

function scenarios() {
  const choices = select([], "");
  const seed = h("input", { inputmode: "numeric", pattern: "[0-9]*", placeholder: "as it is" });
  const kept = ["journal", "faults", "clock", "snapshots"].map((name) => [name, h("input", { type: "checkbox", id: `keep-${name}` })]);
  const reset = async (event) => {
    event.preventDefault();
    if (!(await confirmed("Start again?", "All changes of this session are lost, and that cannot be undone.", "Start again"))) return;
    const keep = kept.filter(([, box]) => box.checked).map(([name]) => name);
    const body = { scenario: choices.value, keep };
    if (seed.value.trim()) body.seed = Number(seed.value);
    await act(() => post("reset", body), (made) => `Started from ${made.scenario}.`);
  };
  let shown = "";
  const fill = () => attempt(async () => {
    const { items } = await get("scenarios", { page_size: 1000 });
    const current = items.find((item) => item.is_current)?.name;
    const key = JSON.stringify(items);
    if (key === shown) return;
    shown = key;
    choices.replaceChildren(...items.map(({ name }) => h("option", { value: name }, name === current ? `${name} (current)` : name)));
    choices.value = current ?? items[0]?.name;
  });
  const element = panel("Scenario",
    h("form", { onsubmit: reset },
      h("div", { class: "bar" }, labelled("Start from", choices), labelled("Seed", seed)),
      h("fieldset", {}, h("legend", {}, "Keep"), h("div", { class: "bar" },
        kept.map(([name, box]) => h("label", { class: "check", for: box.id }, box, name)))),
      h("button", { class: "danger" }, "Start again")));
  return { element, fill };
}

function snapshots() {
  const name = h("input", { required: true, maxlength: 64, pattern: "[A-Za-z0-9_\\-][A-Za-z0-9._\\-]*", title: "Letters, digits, dots, dashes, underscores", autocomplete: "off" });
  const rows = h("tbody");
  const none = h("p", { class: "quiet" }, "None yet.");
  const one = (row) => `snapshots/${encodeURIComponent(row.name)}`;
  const restore = (row) => act(() => post(`${one(row)}/restore`), `Back at ${row.name}.`);
  const forget = async (row) => {
    if (await confirmed(`Delete the snapshot ${row.name}?`, "The session stays as it is.", "Delete")) {
      await act(() => call("DELETE", one(row)), `Deleted ${row.name}.`);
    }
  };
  const fill = () => attempt(async () => {
    const { items } = await get("snapshots", { page_size: 1000 });
    const key = JSON.stringify(items);
    if (key === shown) return;
    shown = key;
    none.hidden = items.length > 0;
    rows.parentElement.hidden = !items.length;
    rows.replaceChildren(...items.map((row) => h("tr", {},
      h("th", { scope: "row" }, row.name),
      h("td", { class: "opt" }, row.at.slice(0, 19).replace("T", " ")),
      h("td", { class: "number" }, counted(row.records, "record")),
      h("td", { class: "bar end" },
        button("Restore", () => restore(row), { "aria-label": `Restore ${row.name}` }),
        button("Delete", () => forget(row), { "aria-label": `Delete ${row.name}` })))));
  });
  let shown = "";
  const take = async (event) => {
    event.preventDefault();
    await act(() => post("snapshots", { name: name.value.trim() }), (made) => `Took ${made.name}.`);
    name.value = "";
  };
  const element = panel("Snapshots",
    h("form", { class: "bar", onsubmit: take }, labelled("Name", name), h("button", {}, "Take a snapshot")),
    h("table", {}, h("caption", { class: "off" }, "Snapshots"), rows), none);
  return { element, fill };
}

function history() {
  const writes = h("input", { type: "number", min: 1, max: 1000, value: "1", required: true });
  const left = h("p", { class: "quiet" });
  const undo = async (event) => {
    event.preventDefault();
    await act(() => post("undo", { writes: writes.valueAsNumber }), ({ undone }) => `${counted(undone, "write")} taken back.`);
  };
  const fill = async () => {
    const undoable = world.figures?.undoable ?? 0;
    left.textContent = undoable ? `${counted(undoable, "write")} can be taken back.` : "No write to take back.";
  };
  const element = panel("Undo", left,
    h("form", { class: "bar", onsubmit: undo }, labelled("How many writes", writes), h("button", {}, "Take back")));
  return { element, fill };
}

function file() {
  const input = h("input", { type: "file", accept: ".yaml,.yml,.json" });
  const note = h("p", { class: "error", role: "alert" });
  const save = () => attempt(async () => {
    const response = await send("GET", "state", { headers: { Accept: "application/yaml" } });
    download(await response.blob(), `${session}.yaml`);
  });
  const load = async (event) => {
    event.preventDefault();
    const [chosen] = input.files;
    note.textContent = "";
    if (!chosen) {
      note.textContent = "Choose a file first.";
      return;
    }
    try {
      const type = chosen.name.endsWith(".json") ? "application/json" : "application/yaml";
      await call("PUT", "state", { body: await chosen.text(), headers: { "Content-Type": type } });
      say("The state is that of the file.");
      await changed();
    } catch (error) {
      note.textContent = error.message;
    }
  };
  return { element: panel("As a file",
    h("p", {}, "All records as a scenario file, to keep or to share."),
    button("Save as YAML", save),
    h("form", { class: "bar", onsubmit: load }, labelled("Scenario file", input), h("button", {}, "Load")), note), fill: () => {} };
}

/** Show the world of the session. */
export function show(section) {
  const panels = [clock(), scenarios(), snapshots(), history(), file()];
  section.append(h("div", { class: "panels" }, panels.map((each) => each.element)));
  const fill = () => panels.forEach((each) => each.fill());
  const leave = on("figures", fill);
  return { leave, update: fill };
}
