// What was asked and answered, as it happens.

import { call, get, send, session } from "./api.js";
import { $, attempt, button, copy, download, h, labelled, pretty, select } from "./dom.js";
import { clear, on, world } from "./feed.js";

const COLUMNS = [["Time", "opt"], ["Method"], ["Path"], ["Status"], ["Caller", "opt"], ["ms", "opt number"], ["Notes", "opt"]];
const STATUSES = [["", "any status"], ["2", "2xx"], ["3", "3xx"], ["4", "4xx"], ["5", "5xx"], ["!", "with violations"], ["w", "writes"]];

// What is looked for outlives a change of the view.
const wanted = { text: "", status: "", operation: "" };

function matches(row) {
  const { text, status, operation } = wanted;
  if (operation && row.operation !== operation) return false;
  if (status === "!" ? !row.violations.length : status === "w" ? !row.wrote
    : status && !String(row.status).startsWith(status)) return false;
  if (!text) return true;
  const said = `${row.method} ${row.path}?${row.query} ${row.status} ${row.operation} ${row.persona ?? ""} ${row.notes.join(" ")}`;
  return said.toLowerCase().includes(text.toLowerCase());
}

const statusOf = (status) => h("span", { class: `status s${String(status)[0]}` }, String(status));

function rowOf(row) {
  const notes = [...row.notes, ...(row.wrote ? ["wrote"] : []), ...(row.violations.length ? [`${row.violations.length} ⚠`] : [])];
  return h("tr", { "data-number": row.number },
    h("td", { class: "opt" }, h("time", { datetime: row.at }, row.at.slice(11, 19))),
    h("td", { class: "method" }, row.method),
    h("td", { class: "path" }, h("a", { href: `#journal/${row.number}`, title: row.operation || "no operation" },
      row.path + (row.query ? `?${row.query}` : ""))),
    h("td", {}, statusOf(row.status)),
    h("td", { class: "opt" }, row.persona ?? "–"),
    h("td", { class: "opt number" }, row.milliseconds.toFixed(1)),
    h("td", { class: "opt notes", title: row.violations.join("\n") || false }, notes.join(", ")));
}

/** Return a shell command that sends the request again. */
function curl(detail, token) {
  const quoted = (text) => `'${String(text).replaceAll("'", "'\\''")}'`;
  const skipped = /^(host|content-length|connection|accept-encoding|user-agent|sec-.*|origin|referer|cookie)$/i;
  const parts = [`curl -X ${detail.method}`];
  for (const [name, value] of Object.entries(detail.request.headers)) {
    if (skipped.test(name)) continue;
    // The journal does not tell secrets; the personas' tokens are none.
    const said = /^authorization$/i.test(name) && token ? value.replace(/ .*$/, ` ${token}`) : value;
    parts.push(`-H ${quoted(`${name}: ${said}`)}`);
  }
  if (!Object.keys(detail.request.headers).some((name) => name.toLowerCase() === "x-mock-session") && session !== "default") {
    parts.push(`-H ${quoted(`X-Mock-Session: ${session}`)}`);
  }
  const body = detail.request.body;
  if (body !== null && body !== undefined && body !== "") {
    parts.push(`--data-raw ${quoted(typeof body === "string" ? body : JSON.stringify(body))}`);
  }
  parts.push(quoted(`${location.origin}${detail.path}${detail.query ? `?${detail.query}` : ""}`));
  return parts.join(" \\\n  ");
}

async function copyCurl(detail) {
  const { items } = detail.persona ? await get("personas", { page_size: 1000 }) : { items: [] };
  await copy(curl(detail, items.find((each) => each.name === detail.persona)?.token), "The command was");
}

function message(title, { headers, body, encoding, is_cut: isCut }) {
  const note = [encoding && encoding !== "json" ? encoding : "", isCut ? "only the start was kept" : ""].filter(Boolean);
  const has = body !== null && body !== undefined && body !== "";
  return [
    h("h4", {}, title, note.length ? h("small", {}, ` (${note.join(", ")})`) : null),
    h("dl", { class: "headers" }, Object.entries(headers).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    has ? h("pre", { tabindex: 0, "aria-label": `${title}: body` }, pretty(body)) : h("p", { class: "quiet" }, "No body."),
  ];
}

function detailOf(detail, close) {
  const facts = [detail.operation || "no operation", detail.persona ?? "nobody known",
    `${detail.milliseconds.toFixed(1)} ms`, new Date(detail.at).toLocaleTimeString(), ...detail.notes, detail.wrote ? "wrote" : ""];
  return [
    h("div", { class: "bar" },
      h("h3", { tabindex: -1 }, `${detail.method} ${detail.path}${detail.query ? `?${detail.query}` : ""} `, statusOf(detail.status)),
      button("Copy as curl", () => attempt(() => copyCurl(detail))),
      button("Close", close)),
    h("p", { class: "quiet" }, facts.filter(Boolean).join(" · ")),
    detail.violations.length
      ? h("div", { class: "warning" }, h("h4", {}, "What is not as described"), h("ul", {}, detail.violations.map((text) => h("li", {}, text))))
      : null,
    ...message("Request", detail.request),
    ...message("Response", detail.response),
  ].filter(Boolean);
}

/** Show the journal; the argument is the number of the exchange to look at. */
export function show(section) {
  const rows = h("tbody");
  const detail = h("aside", { class: "detail", "aria-label": "The exchange", hidden: true });
  const count = h("span", { class: "quiet", role: "status" });
  const operations = h("select", { onchange: (event) => { wanted.operation = event.target.value; sift(); } });
  let paused = false;
  let held = [];
  let chosen = "";

  const search = h("input", { type: "search", value: wanted.text, placeholder: "path, status, caller …",
    oninput: (event) => { wanted.text = event.target.value; sift(); } });
  const statuses = select(STATUSES, wanted.status, { onchange: (event) => { wanted.status = event.target.value; sift(); } });
  const pausing = button("Pause", () => {
    paused = !paused;
    pausing.setAttribute("aria-pressed", String(paused));
    pausing.textContent = paused ? "Resume" : "Pause";
    if (!paused) { add(held); held = []; }
    tell();
  }, { "aria-pressed": "false" });

  const byNumber = new Map();

  function tell() {
    const visible = rows.querySelectorAll("tr:not([hidden])").length;
    const waiting = held.length ? `, ${held.length} held back` : "";
    count.textContent = `${visible} of ${rows.children.length}${waiting}`;
    empty.hidden = visible > 0;
    empty.textContent = rows.children.length ? "Nothing here matches." : "Nothing was asked yet. Call the API, and it shows here.";
  }

  function sift() {
    for (const element of rows.children) element.hidden = !matches(byNumber.get(element.dataset.number));
    tell();
  }

  function offer() {
    const names = [...new Set(world.exchanges.map((row) => row.operation).filter(Boolean))].sort();
    if (operations.length !== names.length + 1) {
      operations.replaceChildren(h("option", { value: "" }, "any operation"), ...names.map((name) => h("option", {}, name)));
    }
    operations.value = wanted.operation;
  }

  /** Add rows, the newest first. */
  function add(news) {
    if (!news.length) return;
    const made = news.map((row) => {
      byNumber.set(String(row.number), row);
      const element = rowOf(row);
      element.hidden = !matches(row);
      if (String(row.number) === chosen) element.setAttribute("aria-selected", "true");
      return element;
    });
    rows.prepend(...made);
    while (rows.children.length > 1000) {
      byNumber.delete(rows.lastChild.dataset.number);
      rows.lastChild.remove();
    }
    offer();
    tell();
  }

  async function wipe() {
    await attempt(async () => {
      await call("DELETE", "requests");
      clear();
    });
  }

  async function save() {
    await attempt(async () => {
      const response = await send("GET", "requests.har");
      download(await response.blob(), `${session}.har`);
    });
  }

  // Arrows walk through the lines, so that Tab needs not.
  rows.addEventListener("keydown", (event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    let line = step && event.target.closest("tr")?.[step];
    while (line?.hidden) line = line[step];
    if (!line) return;
    event.preventDefault();
    line.querySelector("a").focus();
  });

  function close() {
    const line = rows.querySelector(`[data-number="${chosen}"] a`);
    location.hash = "#journal";
    (line ?? search).focus();
  }

  const empty = h("p", { class: "quiet" });
  section.append(
    h("div", { class: "bar tools" },
      labelled("Search", search), labelled("Status", statuses), labelled("Operation", operations),
      h("div", { class: "bar" }, pausing, button("Clear", wipe), button("Save as HAR", save)), count),
    h("div", { class: "split" },
      h("div", { class: "frame" },
        h("table", { class: "journal" },
          h("caption", { class: "off" }, "Exchanges, the newest first"),
          h("thead", {}, h("tr", {}, COLUMNS.map(([title, kind]) => h("th", { scope: "col", class: kind }, title)))),
          rows),
        empty),
      detail));
  offer();
  add(world.exchanges);
  tell();
  const leave = on("exchanges", (news) => {
    if (news === null) {
      rows.replaceChildren();
      byNumber.clear();
      held = [];
      tell();
    } else if (paused) {
      held = [...news, ...held].slice(0, 1000);
      tell();
    } else add(news);
  });

  async function update([number = ""]) {
    $("[aria-selected]", rows)?.removeAttribute("aria-selected");
    chosen = number;
    detail.hidden = !number;
    section.classList.toggle("has-detail", Boolean(number));
    if (!number) return;
    $(`[data-number="${CSS.escape(number)}"]`, rows)?.setAttribute("aria-selected", "true");
    const found = await attempt(() => get(`requests/${encodeURIComponent(number)}`));
    if (chosen !== number) return;
    if (!found) {
      detail.replaceChildren(h("p", {}, "The journal no longer has this exchange. "), button("Close", close));
      return;
    }
    detail.replaceChildren(...detailOf(found, close));
    $("h3", detail).focus();
  }

  return { leave, update };
}
