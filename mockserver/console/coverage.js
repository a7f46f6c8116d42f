// How much of the description was exercised.

import { get } from "./api.js";
import { attempt, counted, h, labelled, later } from "./dom.js";
import { on } from "./feed.js";

const PARTS = [["statuses", "Statuses"], ["parameters", "Parameters"], ["body", "Body"]];

const heat = (percent) => percent === null ? "none" : percent === 0 ? "0" : percent < 34 ? "1" : percent < 67 ? "2" : percent < 100 ? "3" : "4";
const figure = (percent) => percent === null ? "–" : `${Math.round(percent)} %`;

/** A cell with the share of what was used, and the names behind it. */
function cell(row, part) {
  const counts = Object.entries(row[part]);
  const used = counts.filter(([, count]) => count > 0).length;
  const stray = Object.entries(row.undocumented[part] ?? {});
  const names = [...counts.map(([name, count]) => [name, count, count ? "used" : "unused"]), ...stray.map(([name, count]) => [name, count, "stray"])];
  const percent = row.percent[part];
  return h("td", { class: `heat heat-${heat(percent)}` },
    names.length ? h("details", {},
      h("summary", {}, percent === null ? "–" : `${used}/${counts.length}`, stray.length ? ` +${stray.length}` : "",
        h("span", { class: "off" }, ` ${part} exercised`)),
      h("ul", {}, names.map(([name, count, kind]) => h("li", { class: kind }, name,
        kind === "unused" ? h("small", {}, " never") : h("small", {}, ` ${count}×${kind === "stray" ? ", not described" : ""}`))))) : "–");
}

/** Show the operations, and what was exercised of each. */
export function show(section) {
  const summary = h("div", { class: "bar summary" });
  const rows = h("tbody");
  const search = h("input", { type: "search", placeholder: "operation or path", oninput: () => sift() });
  const unused = h("input", { type: "checkbox", id: "only-unused", onchange: () => sift() });
  const stray = h("p", { class: "quiet" });
  let drawn = new Map();

  function sift() {
    const wanted = search.value.toLowerCase();
    for (const row of rows.children) {
      row.hidden = !row.dataset.text.includes(wanted) || (unused.checked && row.dataset.calls !== "0");
    }
  }

  function draw(row) {
    const key = JSON.stringify(row);
    const before = drawn.get(row.operation);
    // What is open stays open while figures change elsewhere.
    if (before?.key === key) return before.element;
    const element = h("tr", { "data-text": `${row.operation} ${row.method} ${row.path}`.toLowerCase(), "data-calls": row.calls },
      h("th", { scope: "row" }, row.operation, h("small", {}, `${row.method} ${row.path}`)),
      h("td", { class: `opt heat number heat-${row.calls ? 4 : 0}` }, String(row.calls)),
      PARTS.map(([part]) => cell(row, part)),
      h("td", { class: "opt" }, Object.entries(row.personas).map(([name, count]) => `${name} ${count}×`).join(", ")));
    drawn.set(row.operation, { key, element });
    return element;
  }

  const fill = () => attempt(async () => {
    const found = await get("coverage");
    summary.replaceChildren(...[["operations", "Operations"], ...PARTS].map(([part, title]) => {
      const { exercised, documented, percent } = found.summary[part];
      return h("p", { class: `heat heat-${heat(percent)}` }, h("strong", {}, figure(percent)), ` ${title}`, h("small", {}, ` ${exercised} of ${documented}`));
    }));
    const wanted = found.operations.map(draw);
    wanted.forEach((element, index) => {
      if (rows.children[index] !== element) {
        rows.children[index]?.dataset.text === element.dataset.text ? rows.children[index].replaceWith(element) : rows.append(element);
      }
    });
    while (rows.children.length > wanted.length) rows.lastChild.remove();
    stray.textContent = found.unmatched?.calls ? `${counted(found.unmatched.calls, "request")} met no operation.` : "";
    sift();
  });

  section.append(summary,
    h("div", { class: "bar tools" }, labelled("Search", search), h("label", { class: "check", for: "only-unused" }, unused, "only what was never called")),
    stray,
    h("div", { class: "frame" }, h("table", { class: "coverage" },
      h("caption", { class: "off" }, "Operations, and what was exercised of each"),
      h("thead", {}, h("tr", {}, ["Operation", "Calls", ...PARTS.map(([, title]) => title)].map((text) => h("th", { scope: "col", class: text === "Calls" ? "opt" : null }, text)),
        h("th", { scope: "col", class: "opt" }, "Callers"))), rows)));
  const leave = on("exchanges", later(fill, 300));
  return { leave, update: fill };
}
