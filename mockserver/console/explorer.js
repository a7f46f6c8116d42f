// The explorer of the served API: Swagger UI, as a persona, in a session.

import { addressOf, get, session } from "./api.js";
import { $, attempt, h, labelled, say, select } from "./dom.js";

const query = new URLSearchParams(location.search);

/** Return the name of the scheme that callers are known by, and the word before their token. */
function schemeOf(document) {
  const rules = document["x-mock"]?.auth ?? {};
  const schemes = document.components?.securitySchemes ?? {};
  const found = Object.entries(schemes).find(([name]) => name === rules.scheme)
    ?? Object.entries(schemes).find(([, scheme]) => scheme.in === "header" || scheme.scheme === "bearer");
  if (!found) return null;
  const [name, scheme] = found;
  return { name, keyword: scheme.type === "apiKey" && rules.keyword ? `${rules.keyword} ` : "" };
}

/** Let any text be sent for a parameter: Swagger UI wants ids with dashes, and the server judges anyway. */
function relax(node) {
  if (node === null || typeof node !== "object") return;
  if (node.in && node.schema?.format === "uuid") delete node.schema.format;
  Object.values(node).forEach(relax);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const dress = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", dress);
dress();

const personas = select([["", "nobody"]], "");
$("#world").append(h("div", { class: "bar" },
  h("a", { class: "button", href: `./${location.search ? `?session=${encodeURIComponent(session)}` : ""}` }, "Back to the console"),
  h("span", { class: "figures" }, `session ${session}`),
  labelled("Act as", personas)));

attempt(async () => {
  const [description, { items }] = await Promise.all([get("openapi.json"), get("personas", { page_size: 1000 })]);
  const scheme = schemeOf(description);
  relax(description);
  personas.append(...items.map((each) => h("option", { value: each.name }, each.user ? `${each.name} (${each.user})` : each.name)));
  document.title = `${description.info?.title ?? "API"} – Explorer`;

  const ui = window.SwaggerUIBundle({
    spec: description,
    domNode: $("#explorer"),
    deepLinking: true,
    docExpansion: "list",
    tryItOutEnabled: true,
    displayRequestDuration: true,
    filter: true,
    // It would ask a server elsewhere.
    validatorUrl: null,
    requestInterceptor: (request) => {
      request.headers["X-Mock-Session"] = session;
      return request;
    },
    onComplete: () => become(query.get("persona") ?? ""),
  });

  let isSomebody = false;
  function become(name) {
    const persona = items.find((each) => each.name === name);
    personas.value = persona ? name : "";
    if (!scheme) return;
    if (persona) ui.preauthorizeApiKey(scheme.name, scheme.keyword + persona.token);
    // Nobody can be logged out who never was in.
    else if (isSomebody) ui.authActions.logout([scheme.name]);
    isSomebody = Boolean(persona);
    if (persona) query.set("persona", name);
    else query.delete("persona");
    history.replaceState(null, "", addressOf(session).replace(/\?[^#]*/, `?${withSession()}`));
    if (persona) say(`You are ${name} now.`);
  }

  const withSession = () => {
    query.set("session", session);
    return query;
  };

  personas.addEventListener("change", () => become(personas.value));
});
