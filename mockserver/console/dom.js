// Make elements out of values. Data becomes text nodes only, never markup.

/** Make an element; `on…` members are listeners, `true` and `false` set bare attributes. */
export function h(tag, props, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value") made.value = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return made;
}

export const $ = (selector, root = document) => root.querySelector(selector);

export const button = (text, onclick, props) =>
  h("button", { type: "button", onclick, ...props }, text);

let ids = 0;
/** Return an id that no other element has. */
export const fresh = (stem) => `${stem}-${++ids}`;

/** A control with its label above it; `hint` is read out with it. */
export function labelled(text, control, hint) {
  control.id ||= fresh("control");
  const parts = [h("label", { for: control.id }, text), control];
  if (hint) {
    const note = h("small", { id: `${control.id}-hint` }, hint);
    control.setAttribute("aria-describedby", note.id);
    parts.push(note);
  }
  return h("div", { class: "field" }, parts);
}

/** A select with [value, text] pairs or plain values. */
export function select(options, value, props) {
  const made = h("select", props, options.map((option) => {
    const [id, text] = Array.isArray(option) ? option : [option, option];
    return h("option", { value: id }, text);
  }));
  made.value = value;
  return made;
}

/** Say something in the corner; it is read out, and goes away. */
export function say(text, kind = "info") {
  const line = h("p", { class: kind }, text);
  $("#said").append(line);
  setTimeout(() => line.remove(), kind === "error" ? 12000 : 4000);
}

/** Do something that may fail, and say why when it does. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") say(error.message, "error");
    return undefined;
  }
}

/** Open a dialog of the platform: it keeps the focus, and gives it back. Resolves to what was chosen. */
export function ask(title, content, choices) {
  const heading = h("h2", { id: fresh("dialog") }, title);
  const form = h("form", { method: "dialog" }, heading, content,
    // Enter means the first button that submits, which must not be Cancel.
    h("div", { class: "bar end" }, choices.map(([value, text, kind]) =>
      value ? h("button", { value, class: kind }, text) : button(text, () => dialog.close("")))));
  const dialog = h("dialog", { "aria-labelledby": heading.id }, form);
  document.body.append(dialog);
  const back = document.activeElement;
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (back?.isConnected) back.focus();
      resolve(dialog.returnValue);
    });
    // Escape leaves what was chosen last time, which is nothing.
    dialog.addEventListener("cancel", () => { dialog.returnValue = ""; });
    dialog.showModal();
  });
}

export const confirmed = async (title, text, yes) =>
  (await ask(title, h("p", {}, text), [["", "Cancel"], ["yes", yes, "danger"]])) === "yes";

/** Put a text on the clipboard, also where the page is not served over HTTPS. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = h("textarea", { class: "off" });
    area.value = text;
    // Inside an open dialog, since nothing else can be focused then.
    ($("dialog[open]") ?? document.body).append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  say(`${what} copied.`);
}

/** Hand a file to the browser's downloads. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export const pretty = (value) => typeof value === "string" ? value : JSON.stringify(value, null, 2);

/** "1 record", "2 records". */
export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

/** A page of a list, with buttons for the others. */
export function pager(page, go) {
  const at = (number, text, off) => button(text, () => go(number), { disabled: off });
  return h("nav", { class: "bar", "aria-label": "Pages" },
    at(page.page - 1, "Previous", page.page <= 1),
    h("span", {}, `page ${page.page} of ${page.pages}, ${page.total.toLocaleString("en")} in all`),
    at(page.page + 1, "Next", page.page >= page.pages));
}

/** Call a function once, a while after the last time that it was wanted. */
export function later(work, milliseconds) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, milliseconds);
  };
}
