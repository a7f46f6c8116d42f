// Follow the session: its exchanges as they happen, and its figures.

import { events, get, session } from "./api.js";
import { later } from "./dom.js";

/** As many exchanges as the server keeps of a session. */
const KEPT = 1000;

const listeners = { exchanges: new Set(), wrote: new Set(), figures: new Set(), state: new Set() };

/** Be told of `exchanges` (new ones), `wrote`, `figures` or `state` (of the feed); returns how to end that. */
export function on(name, listener) {
  listeners[name].add(listener);
  return () => listeners[name].delete(listener);
}

const tell = (name, value) => listeners[name].forEach((listener) => listener(value));

/** What is known: exchanges, the newest first; the row of the session; live, polling or offline. */
export const world = { exchanges: [], figures: null, state: "connecting" };

let last = 0;
let lastNews = 0;

function setState(state) {
  if (world.state === state) return;
  world.state = state;
  tell("state", state);
}

let waiting = [];
// Many at a time are shown at once.
const flush = () => {
  // Numbers start again when the server does.
  const known = new Set(world.exchanges.map((row) => `${row.number} ${row.at}`));
  const news = [...new Map(waiting.map((row) => [row.number, row])).values()]
    .filter((row) => !known.has(`${row.number} ${row.at}`)).sort((a, b) => b.number - a.number);
  waiting = [];
  if (!news.length) return;
  last = news[0].number;
  lastNews = Date.now();
  world.exchanges = [...news, ...world.exchanges].slice(0, KEPT);
  tell("exchanges", news);
  if (news.some((row) => row.wrote)) tell("wrote");
  refreshSoon();
};

let scheduled = false;
function add(row) {
  waiting.push(row);
  if (scheduled) return;
  scheduled = true;
  setTimeout(() => { scheduled = false; flush(); }, 50);
}

/** Forget the exchanges that are shown. */
export function clear() {
  world.exchanges = [];
  tell("exchanges", null);
}

function startAgain() {
  clear();
  last = 0;
  following.abort();
}

/** Read the figures of the session again. */
export async function refresh() {
  try {
    const before = world.figures;
    world.figures = await get(`sessions/${encodeURIComponent(session)}`);
    tell("figures", world.figures);
    // An undo, a reset or an edit elsewhere: the journal does not tell of these.
    if (before && ["scenario", "records", "undoable"].some((name) => before[name] !== world.figures[name])) tell("wrote");
    // Somebody else emptied the journal, or deleted the session and made it again.
    if (world.state !== "live" || Date.now() - lastNews < 1000) return;
    if (Math.min(world.figures.requests, KEPT) !== world.exchanges.length) {
      startAgain();
    }
  } catch (error) {
    // It was deleted: whoever asks for its journal makes it again. The feed says when the server is away.
    if (error.status === 404 && world.state === "live") startAgain();
  }
}
const refreshSoon = later(refresh, 150);

/** After the page itself has changed the records. */
export function changed() {
  tell("wrote");
  return refresh();
}

async function catchUp() {
  // A server that was away may have begun anew.
  const since = world.state === "offline" ? undefined : last || undefined;
  const page = await get("requests", { page_size: KEPT, since });
  page.items.forEach((row) => waiting.push(row));
  flush();
}

let following = new AbortController();

async function stream() {
  if (world.state === "offline") return;
  following = new AbortController();
  for await (const { event, data } of events("events", { "Last-Event-ID": String(last) }, following.signal)) {
    if (event === "open") setState("live");
    if (event === "exchange") add(data);
  }
}

/** Follow the journal for as long as the page is there. */
export async function follow() {
  let pause = 1000;
  for (;;) {
    try {
      await catchUp();
      if (world.state !== "live") setState("polling");
    } catch (error) {
      if (error.name !== "AbortError") setState(error.status === 401 ? "refused" : "offline");
      if (error.status === 401) return;
    }
    // Whatever becomes of the stream: next time round there is an answer without it.
    await stream().then(() => { pause = 1000; }, () => {
      pause = Math.min(pause * 1.5, 3000);
      if (world.state === "live") setState("polling");
    });
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}
