// Speak with the admin API, about one session.

import { ask, h, labelled } from "./dom.js";

const BASE = new URL("./", import.meta.url);
const TOKEN = "mock-admin-token";

/** The session that this page is about; its URL says so. */
export const session = new URLSearchParams(location.search).get("session") || "default";

/** Return the address of the same page for another session. */
export function addressOf(name, hash = location.hash) {
  const query = new URLSearchParams(location.search);
  query.set("session", name);
  return `${location.pathname}?${query}${hash}`;
}

/** A refusal, as problem details tell it. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail || body.title || `The server answered ${status}.`);
    this.status = status;
    /** [[name of the field, complaint]]; "" is none in particular. */
    this.fields = (body.errors ?? []).map(({ pointer, detail }) => {
      const [name = "", ...inner] = pointer.split("/").slice(1)
        .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
      return [name, inner.length ? `${inner.join(".")}: ${detail}` : detail];
    });
    if (this.fields.length) this.message = this.fields.map((pair) => pair.filter(Boolean).join(": ")).join("; ");
  }
}

/** There is nobody to answer. */
export class Unreachable extends Error {}

// One question for the token, however many requests were refused; none after a No.
let asking = null;
let isDeclined = false;

function askToken(text) {
  const input = h("input", { type: "password", autocomplete: "off", required: true });
  asking ??= ask("Admin token", [h("p", {}, text), labelled("Token", input)],
    [["", "Cancel"], ["yes", "Use it", "primary"]]).then((answer) => {
    asking = null;
    if (answer === "yes") sessionStorage.setItem(TOKEN, input.value.trim());
    else isDeclined = true;
    return answer === "yes";
  });
  return asking;
}

let parting = new AbortController();

/** Do something while nothing else is asked about the session: a request that comes late would make it again. */
export async function alone(act) {
  parting.abort();
  try {
    return await act();
  } catch (error) {
    parting = new AbortController();
    throw error;
  }
}

/** Send a request and return the Response; raises Problem for a refusal, Unreachable without a server. */
export async function send(method, path, { query, body, headers, signal, anySession } = {}) {
  const url = new URL(path, BASE);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== "" && value !== undefined && value !== null) url.searchParams.set(name, value);
  }
  const ends = anySession ? [] : [parting.signal];
  if (signal) ends.push(signal);
  for (;;) {
    const token = sessionStorage.getItem(TOKEN);
    let response;
    try {
      response = await fetch(url, {
        method, signal: AbortSignal.any(ends),
        headers: {
          ...(anySession ? {} : { "X-Mock-Session": session }),
          ...(token ? { "X-Mock-Admin-Token": token } : {}),
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        body: body === undefined || typeof body === "string" ? body : JSON.stringify(body),
      });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Unreachable("The mock server does not answer.");
    }
    if (response.ok) return response;
    const problem = new Problem(response.status, await response.json().catch(() => ({})));
    if (response.status !== 401) throw problem;
    // Somebody may have given it while this request was on its way.
    if (token !== sessionStorage.getItem(TOKEN)) continue;
    if (isDeclined || !(await askToken(problem.message))) throw problem;
  }
}

/** Send a request and return the JSON of the answer; null when it has none. */
export async function call(method, path, options) {
  const response = await send(method, path, options);
  return response.status === 204 ? null : response.json();
}

export const get = (path, query) => call("GET", path, { query });
export const post = (path, body) => call("POST", path, { body });

/** Yield the events of a stream as {event, data}, "open" first; ends when the connection does. */
export async function* events(path, headers, signal) {
  const response = await send("GET", path, {
    query: { session }, signal, headers: { Accept: "text/event-stream", ...headers },
  });
  if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
    throw new Error("There is no stream.");
  }
  yield { event: "open", data: null };
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split(/\r?\n\r?\n/);
    rest = blocks.pop();
    for (const block of blocks) {
      const lines = block.split(/\r?\n/);
      const of = (name) => lines.filter((line) => line.startsWith(`${name}:`))
        .map((line) => line.slice(name.length + 1).replace(/^ /, "")).join("\n");
      // An empty one is how the server shows that it is still there.
      const data = of("data");
      yield { event: of("event"), data: data ? JSON.parse(data) : null };
    }
  }
}

let operations = null;
/** Return the operations of the served API as [{id, method, path}]. */
export function readOperations() {
  operations ??= get("openapi.json").then((document) =>
    Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
      Object.entries(item ?? {}).filter(([, operation]) => operation?.operationId).map(([method, operation]) =>
        ({ id: operation.operationId, method: method.toUpperCase(), path }))));
  operations.catch(() => { operations = null; });
  return operations;
}
