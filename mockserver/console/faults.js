// What goes wrong on purpose.

import { Problem, call, get, post, readOperations } from "./api.js";
import { $, attempt, button, fresh, h, labelled, say, select } from "./dom.js";
import { on, refresh } from "./feed.js";

/** The kinds, and the numbers each takes: [name, label, what it is without one]. */
const KINDS = {
  status: [["code", "Status", 503]],
  latency: [["milliseconds", "Milliseconds", 1000]],
  rate_limit: [["retry_after", "Retry after, in seconds", 1]],
  slow: [["rate", "Bytes per second", 1024]],
  empty: [], reset: [], truncated: [], malformed: [],
};
const SAID = {
  status: "answers with a status", latency: "answers late", rate_limit: "answers 429", slow: "answers in drops",
  empty: "closes without an answer", reset: "resets the connection", truncated: "stops in the middle", malformed: "sends garbage",
};
const METHODS = ["", "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

const whereOf = (rule) => [rule.operation, rule.method, rule.path, rule.persona && `by ${rule.persona}`].filter(Boolean).join(" · ") || "every request";
const whatOf = ({ kind, ...numbers }) => [kind, ...Object.entries(numbers)
  .filter(([, value]) => value !== false).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`)].join(", ");
const oftenOf = (rule) => [rule.times ? `${rule.times}×` : "always", rule.probability < 1 ? `with ${Math.round(rule.probability * 100)} %` : ""].filter(Boolean).join(", ");

/** Show the rules, and a form for another. */
export function show(section) {
  const rows = h("tbody");
  const none = h("p", { class: "quiet" }, "No rules: everything works.");
  const table = h("table", {}, h("caption", { class: "off" }, "Fault rules, in the order in which they are tried"),
    h("thead", {}, h("tr", {}, ["Rule", "What", "Hits", ""].map((text) =>
      h("th", { scope: "col" }, text || h("span", { class: "off" }, "Actions"))))), rows);

  let shown = "";
  const fill = () => attempt(async () => {
    const { items } = await get("faults", { page_size: 1000 });
    // The focus stays where nothing has changed.
    const key = JSON.stringify(items);
    if (key === shown) return;
    shown = key;
    none.hidden = items.length > 0;
    table.hidden = clearing.hidden = !items.length;
    rows.replaceChildren(...items.map((rule) => h("tr", {},
      h("th", { scope: "row" }, rule.id), h("td", {}, whatOf(rule.fault), h("small", {}, `${whereOf(rule)}, ${oftenOf(rule)}`)),
      h("td", { class: "hits" }, `${rule.fired} of ${rule.matched}`),
      h("td", { class: "number" }, button("Remove", () => remove(rule.id), { "aria-label": `Remove rule ${rule.id}` })))));
  });

  const clearing = button("Remove all", () => remove(""));
  const remove = (id) => attempt(async () => {
    await call("DELETE", id ? `faults/${encodeURIComponent(id)}` : "faults");
    await Promise.all([fill(), refresh()]);
    $("#main").focus({ preventScroll: true });
  });

  // The form

  const operations = h("datalist", { id: fresh("operations") });
  const personas = h("datalist", { id: fresh("personas") });
  const kind = select(Object.entries(SAID).map(([name, said]) => [name, `${name}: ${said}`]), "status", { onchange: offer });
  const numbers = h("div", { class: "bar tools" });
  const plain = {
    operation: h("input", { list: operations.id, autocomplete: "off", placeholder: "any" }),
    method: select(METHODS.map((name) => [name, name || "any"]), ""),
    path: h("input", { placeholder: "any, or /api/things/*", autocomplete: "off" }),
    persona: h("input", { list: personas.id, autocomplete: "off", placeholder: "anybody" }),
    times: h("input", { type: "number", min: 1, placeholder: "always" }),
    probability: h("input", { type: "number", min: 1, max: 100, step: "any", placeholder: "100" }),
  };
  const note = h("p", { class: "error", role: "alert" });
  const executed = h("input", { type: "checkbox", id: fresh("executed") });
  let inputs = {};

  function offer() {
    inputs = Object.fromEntries(KINDS[kind.value].map(([name, label, value]) =>
      [name, [label, h("input", { type: "number", min: 0, step: "any", value: String(value) })]]));
    numbers.replaceChildren(...Object.values(inputs).map(([label, input]) => labelled(label, input)),
      ...(kind.value === "status" ? [h("label", { class: "check", for: executed.id }, executed, "carry the request out first")] : []));
  }

  function read() {
    const fault = { kind: kind.value };
    for (const [name, [, input]] of Object.entries(inputs)) {
      if (input.value !== "") fault[name] = input.valueAsNumber;
    }
    if (kind.value === "status" && executed.checked) fault.executed = true;
    const rule = { fault };
    for (const name of ["operation", "method", "path", "persona"]) {
      if (plain[name].value.trim()) rule[name] = plain[name].value.trim();
    }
    if (plain.times.value) rule.times = plain.times.valueAsNumber;
    if (plain.probability.value) rule.probability = plain.probability.valueAsNumber / 100;
    return rule;
  }

  function complain(pairs) {
    const all = { ...plain, ...Object.fromEntries(Object.entries(inputs).map(([name, [, input]]) => [name, input])) };
    Object.values(all).forEach((input) => input.removeAttribute("aria-invalid"));
    // What is wrong with the fault is told of the whole of it.
    const culprits = pairs.map(([name, said]) => all[name] ?? all[said.split(":")[0]]).filter(Boolean);
    culprits.forEach((input) => input.setAttribute("aria-invalid", "true"));
    note.textContent = pairs.map((pair) => pair.filter(Boolean).join(": ")).join("; ");
    culprits[0]?.focus();
  }

  async function submit(event) {
    event.preventDefault();
    complain([]);
    try {
      const rule = await post("faults", read());
      say(`Added the rule ${rule.id}.`);
      await Promise.all([fill(), refresh()]);
    } catch (error) {
      complain(error instanceof Problem && error.fields.length ? error.fields : [["", error.message]]);
    }
  }

  section.append(
    h("div", { class: "frame" }, table, none),
    h("div", { class: "bar" }, clearing),
    h("form", { class: "panel wide", onsubmit: submit, "aria-label": "New rule" },
      h("h3", {}, "New rule"),
      h("div", { class: "grid" }, labelled("What", kind), labelled("Operation", plain.operation), labelled("Method", plain.method),
        labelled("Path", plain.path), labelled("Caller", plain.persona), labelled("At most so often", plain.times),
        labelled("Chance, in percent", plain.probability)),
      numbers, note, h("button", { class: "primary" }, "Add the rule"), operations, personas));
  offer();
  attempt(async () => {
    const found = await readOperations();
    operations.replaceChildren(...found.map((each) => h("option", { value: each.id }, `${each.method} ${each.path}`)));
  });
  attempt(async () => {
    const { items } = await get("personas", { page_size: 1000 });
    personas.replaceChildren(...items.map((each) => h("option", { value: each.name })));
  });
  // Hits count up while requests come in.
  const leave = on("figures", fill);
  return { leave, update: fill };
}
