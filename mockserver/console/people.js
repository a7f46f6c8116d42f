// Who may call the API in this session.

import { call, get, session } from "./api.js";
import { attempt, button, copy, h, labelled } from "./dom.js";

const explorer = (persona) => `explorer.html?${new URLSearchParams({ session, persona })}`;

/** Show the personas with their tokens. */
export function show(section) {
  const rows = h("tbody");
  const none = h("p", { class: "quiet" });
  const search = h("input", { type: "search", placeholder: "name or description", oninput: () => sift() });

  function sift() {
    const wanted = search.value.toLowerCase();
    for (const row of rows.children) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    const isEmpty = ![...rows.children].some((row) => !row.hidden);
    none.hidden = !isEmpty;
    none.textContent = rows.children.length ? "Nobody matches." : "The scenario has no personas.";
  }

  const bind = (persona) => attempt(async () => {
    const made = await call("POST", `sessions/${encodeURIComponent(session)}/tokens`, { body: { persona: persona.name } });
    await copy(made.token, `A fresh token that leads to ${session} was`);
  });

  const fill = () => attempt(async () => {
    const { items } = await get("personas", { page_size: 1000 });
    rows.replaceChildren(...items.map((persona) => h("tr", {},
      h("th", { scope: "row" }, persona.name, persona.user ? h("small", {}, persona.user) : null),
      h("td", {}, h("div", { class: "person" }, h("div", {}, persona.description, " ", h("code", {}, persona.token)), h("div", { class: "bar" },
        button("Copy token", () => copy(persona.token, "The token was"), { "aria-label": `Copy the token of ${persona.name}` }),
        button("Fresh token", () => bind(persona), { "aria-label": `Copy a fresh token of ${persona.name}`, title: "A token that leads to this session without any header" }),
        h("a", { class: "button", href: explorer(persona.name), "aria-label": `Use ${persona.name} in the explorer` }, "Use in the explorer")))))));
    sift();
  });

  section.append(
    h("div", { class: "bar tools" }, labelled("Search", search)),
    h("div", { class: "frame" }, h("table", { class: "people" }, h("caption", { class: "off" }, "Personas and their tokens"),
      h("thead", {}, h("tr", {}, ["Persona", "Who that is, and the token"].map((text) => h("th", { scope: "col" }, text)))),
      rows), none));
  return { update: fill };
}
