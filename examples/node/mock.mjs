// Start the mock server for tests, and give each test a world of its own.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const GUARD = fileURLToPath(new URL("guard.mjs", import.meta.url));
// With MOCKSERVER_PYTHON the mock is that of a virtual environment which need not be active.
const PYTHON = process.env.MOCKSERVER_PYTHON;
const COMMAND = PYTHON ? [PYTHON, "-m", "mockserver"] : ["mockserver"];

/**
 * Start the mock on a free port, and return it when it listens.
 *
 * `options` are further ones of `mockserver serve`, `keyword` is the word before a token,
 * and `patience` is how many milliseconds the start may take.
 * The server ends with `stop()`, or with this process.
 */
export async function startMock({
  scenario = "default",
  options = [],
  command = COMMAND,
  keyword = "Token",
  patience = 60_000,
} = {}) {
  // The server removes it when it ends.
  const file = join(tmpdir(), `mock-${randomUUID()}.port`);
  const serve = ["serve", "--port", "0", "--port-file", file, "--scenario", scenario];
  const args = [GUARD, ...command, ...serve, "--log-level", "error", ...options];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "ignore", "pipe"] });
  const ended = new Promise((resolve) => child.once("close", resolve));
  let said = "";
  child.stderr.on("data", (piece) => (said = (said + piece).slice(-4000)));
  child.stdin.on("error", () => {});
  // None of these keeps a process alive that has nothing else to do.
  for (const each of [child, child.stdin, child.stderr]) each.unref();

  const stop = async () => {
    child.ref();
    child.stdin.end();
    await ended;
  };
  try {
    const port = await portIn(file, child, performance.now() + patience);
    return new Mock(`http://127.0.0.1:${port}`, keyword, stop);
  } catch (problem) {
    await stop();
    throw new Error(`${problem.message}\n${said}`.trim());
  }
}

async function portIn(file, child, end) {
  while (child.exitCode === null && performance.now() < end) {
    try {
      return Number(await readFile(file, "ascii"));
    } catch (problem) {
      if (problem.code !== "ENOENT") throw problem;
    }
    await pause(20);
  }
  const what = child.exitCode === null ? "takes too long to start" : "ended at once";
  throw new Error(`the mock server ${what}`);
}

/** A running mock server. */
class Mock {
  constructor(url, keyword, stop) {
    Object.assign(this, { url, keyword, stop });
  }

  /** Make a world; `chosen` may have `scenario`, `seed` and `clock`. */
  async session(name = `test-${randomUUID()}`, chosen = {}) {
    await ask(this.url, "POST", "/sessions", { name, ...chosen });
    const session = new Session(this, name);
    const { items } = await session.control("GET", "/personas");
    session.tokens = Object.fromEntries(items.map(({ name, token }) => [name, token]));
    return session;
  }
}

/** One world: its own records, clock, faults and journal. */
class Session {
  constructor(mock, name) {
    this.mock = mock;
    this.name = name;
    // For clients that only know a base URL.
    this.url = `${mock.url}/__mock__/s/${name}`;
    // For clients that keep the base URL of the server.
    this.headers = { "X-Mock-Session": name };
  }

  /** Return the header that signs a persona in. */
  auth(persona = "staff") {
    const token = this.tokens[persona];
    if (!token) throw new Error(`no persona ${persona}; there are ${Object.keys(this.tokens)}`);
    return { Authorization: `${this.mock.keyword} ${token}` };
  }

  /** Ask the API, as `fetch` does; `persona` "" is nobody, and `json` becomes the body. */
  fetch(path, { persona, json, headers, ...init } = {}) {
    const sent = {
      ...(persona === "" ? {} : this.auth(persona)),
      ...(json === undefined ? {} : { "Content-Type": "application/json" }),
      ...headers,
    };
    const body = json === undefined ? init.body : JSON.stringify(json);
    return fetch(this.url + path, { ...init, headers: sent, body });
  }

  /** Ask the admin API about this session. */
  control(method, path, json) {
    return ask(this.mock.url, method, path, json, this.headers);
  }

  reset = (chosen = {}) => this.control("POST", "/reset", chosen);
  undo = (writes = 1) => this.control("POST", "/undo", { writes });
  snapshot = (name) => this.control("PUT", `/snapshots/${name}`);
  restore = (name) => this.control("POST", `/snapshots/${name}/restore`);
  setClock = (clock) => this.control("PUT", "/clock", { clock });
  advance = (by) => this.control("POST", "/clock/advance", { by });
  fail = (rule) => this.control("POST", "/faults", rule);
  recover = () => this.control("DELETE", "/faults");

  /** Return the exchanges that are as described, like `{operation, status, persona}`. */
  async requests(described = {}) {
    return (await this.control("POST", "/requests/find", described)).items;
  }

  /** Forget this world. */
  drop = () => this.control("DELETE", `/sessions/${this.name}`);
}

async function ask(url, method, path, json, headers = {}) {
  const body = json === undefined ? undefined : JSON.stringify(json);
  const type = body === undefined ? {} : { "Content-Type": "application/json" };
  const found = await fetch(`${url}/__mock__${path}`, {
    method,
    headers: { ...headers, ...type },
    body,
  });
  const text = await found.text();
  if (!found.ok) throw new Error(`${method} ${path} answered ${found.status}: ${text}`);
  return text && JSON.parse(text);
}
