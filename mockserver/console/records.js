// The records of the session: find, look at, and change them.

import { Problem, call, get, post } from "./api.js";
import { $, attempt, button, confirmed, fresh, h, labelled, later, pager, pretty, say } from "./dom.js";
import { changed, on } from "./feed.js";

const path = (...parts) => parts.map(encodeURIComponent).join("/");
const link = (...parts) => `#records/${path(...parts)}`;
/** Stands for a key, in addresses of this page. */
const NEW = "+new";
const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const short = (value) => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
};

// Controls: each has an element, read() -> value, and write(value)

function choice(options) {
  const element = h("select", {}, options.map((option) =>
    h("option", { value: JSON.stringify(option) }, option === null ? "null" : String(option))));
  return {
    element,
    read: () => element.value === "" ? undefined : JSON.parse(element.value),
    write: (value) => {
      element.value = JSON.stringify(value) ?? "";
      // What is stored may be none of the options.
      if (element.selectedIndex < 0 && value !== undefined) {
        element.append(h("option", { value: JSON.stringify(value) }, short(value)));
        element.value = JSON.stringify(value);
      }
    },
  };
}

function text(isLong) {
  const element = h(isLong ? "textarea" : "input", { autocomplete: "off", spellcheck: "false", rows: isLong ? 4 : undefined });
  return { element, read: () => element.value, write: (value) => { element.value = value; } };
}

function json(isLong) {
  const element = h(isLong ? "textarea" : "input", { autocomplete: "off", spellcheck: "false", class: "code" });
  return {
    element,
    read: () => {
      try {
        return JSON.parse(element.value);
      } catch {
        throw new Error("This is no JSON.");
      }
    },
    write: (value) => {
      const said = value === undefined ? "" : JSON.stringify(value, null, isLong ? 2 : 0);
      element.value = said;
      if (isLong) element.rows = Math.min(12, said.split("\n").length);
    },
  };
}

/** Return the control for a field; texts are texts, anything that could be mistaken is JSON. */
function controlOf(field, value) {
  const types = field.types.filter((type) => type !== "null");
  const isNullable = field.types.includes("null");
  if (field.enum) return choice(isNullable ? [...new Set([...field.enum, null])] : field.enum);
  if (types.length === 1 && types[0] === "boolean") return choice(isNullable ? [true, false, null] : [true, false]);
  const isText = types.length === 1 && types[0] === "string" && !isNullable && (value === undefined || typeof value === "string");
  const isLong = typeof value === "string" ? value.length > 80 || value.includes("\n") : value !== null && typeof value === "object";
  return isText ? text(isLong) : json(isLong || types.some((type) => ["object", "array"].includes(type)));
}

function fieldOf(field, value, onedit) {
  const control = controlOf(field, value);
  const { element } = control;
  element.id = fresh("field");
  const kind = [...field.types, field.format].filter(Boolean).join(" ");
  const error = h("small", { class: "error", id: `${element.id}-error` });
  const leads = h("a", { hidden: true }, `look at the ${field.to}`);
  const box = h("div", { class: "field", "data-field": field.name },
    h("label", { for: element.id }, field.name, h("small", {}, ` ${kind}`)), element, leads, error);
  element.setAttribute("aria-describedby", error.id);
  let before = value;
  const write = (next) => {
    before = next;
    control.write(next);
    const isKey = field.to && (typeof next === "string" || typeof next === "number");
    leads.hidden = !isKey;
    if (isKey) leads.href = link(field.to, String(next));
  };
  write(value);
  let touched = false;
  element.addEventListener("input", () => {
    touched = true;
    complain("");
    onedit();
  });
  function complain(said) {
    error.textContent = said;
    if (said) element.setAttribute("aria-invalid", "true");
    else element.removeAttribute("aria-invalid");
  }
  return {
    name: field.name, box, element, complain,
    isTouched: () => touched,
    read: control.read,
    /** Show another value, unless somebody is at work on the old one. */
    renew: (next) => {
      if (touched || same(before, next)) return;
      write(next);
      box.classList.remove("news");
      requestAnimationFrame(() => box.classList.add("news"));
    },
    release: () => { touched = false; },
  };
}

/**
 * The form for one record. `record` is null for a new one; `like` is what that starts from.
 * Only what was touched is sent, so that two people can work on one record.
 */
function editor(resource, record, like, { done, gone }) {
  const isNew = record === null;
  const values = record?.fields ?? like ?? {};
  const described = new Map(resource.fields.filter((field) => field.is_stored).map((field) => [field.name, field]));
  for (const name of Object.keys(values)) {
    if (!described.has(name)) described.set(name, { name, types: [], to: null });
  }
  if (like) described.delete(resource.key);
  const note = h("p", { class: "error", role: "alert" });
  const saving = h("button", { class: "primary", disabled: !isNew }, isNew ? "Make it" : "Save");
  const dirty = () => { saving.disabled = false; };
  const fields = [...described.values()].map((field) => fieldOf(field, values[field.name], dirty));
  const whole = h("textarea", { class: "code whole", spellcheck: "false", rows: 20, oninput: dirty });
  whole.value = pretty(values);
  const asText = h("div", { hidden: true }, labelled("The whole record as JSON", whole, "Saving replaces the record: what is left out is gone."));
  const asFields = h("div", { class: "fields" }, fields.map((field) => field.box));
  const turning = button("As JSON", () => {
    asText.hidden = !asText.hidden;
    asFields.hidden = !asFields.hidden;
    turning.textContent = asText.hidden ? "As JSON" : "As fields";
    turning.setAttribute("aria-pressed", String(!asText.hidden));
  }, { "aria-pressed": "false" });

  function complain(pairs) {
    const rest = [];
    let first = null;
    for (const [name, said] of pairs) {
      const field = asFields.hidden ? null : fields.find((each) => each.name === name);
      field?.complain(said);
      if (field) first ??= field.element;
      else rest.push(name ? `${name}: ${said}` : said);
    }
    note.textContent = rest.join(" ");
    first?.focus();
  }

  function read() {
    const sent = {};
    const pairs = [];
    for (const field of fields) {
      // A copy sends all that it copies; the rest is for the server to make up.
      if (!field.isTouched() && !(like && field.name in like)) continue;
      try {
        sent[field.name] = field.read();
      } catch (error) {
        pairs.push([field.name, error.message]);
      }
    }
    return pairs.length ? complain(pairs) : sent;
  }

  async function save(event) {
    event.preventDefault();
    note.textContent = "";
    fields.forEach((field) => field.complain(""));
    try {
      let method = isNew ? "POST" : "PATCH";
      let body;
      if (asText.hidden) {
        body = read();
        if (!body) return;
      } else {
        if (!isNew) method = "PUT";
        body = JSON.parse(whole.value);
      }
      const where = isNew ? path("records", resource.name) : path("records", resource.name, record.key);
      const saved = await call(method, where, { body });
      say(isNew ? `Made ${saved.label}.` : `Saved ${saved.label}.`);
      await changed();
      done(saved);
    } catch (error) {
      if (error instanceof SyntaxError) complain([["", `This is no JSON: ${error.message}`]]);
      else complain(error instanceof Problem && error.fields.length ? error.fields : [["", error.message]]);
    }
  }

  async function remove() {
    if (!(await confirmed(`Delete ${record.label}?`, "It can be undone.", "Delete"))) return;
    await attempt(async () => {
      await call("DELETE", path("records", resource.name, record.key));
      say(`Deleted ${record.label}.`);
      await changed();
      gone();
    });
  }

  const element = h("form", { onsubmit: save, novalidate: true, class: "editor" },
    h("div", { class: "bar" },
      h("h3", { tabindex: -1 }, isNew ? `New ${resource.name}` : record.label),
      saving, turning,
      isNew ? null : h("a", { href: link(resource.name, NEW, record.key), class: "button" }, "Duplicate"),
      isNew ? null : button("Delete", remove, { class: "danger" }),
      h("a", { href: link(resource.name), class: "button" }, "Close")),
    record?.url ? h("p", { class: "quiet" }, h("code", {}, record.url)) : null,
    isNew ? h("p", { class: "quiet" }, "What you leave empty is made up.") : null,
    note, asFields, asText);

  return {
    element,
    renew: (next) => {
      fields.forEach((field) => field.renew(next.fields[field.name]));
      if (saving.disabled) whole.value = pretty(next.fields);
    },
    saved: () => {
      fields.forEach((field) => field.release());
      saving.disabled = true;
    },
  };
}

/** Show the records; the arguments are the resource and the key, or "+new" and perhaps what to copy. */
export function show(section) {
  const resources = h("ul", { class: "choices" });
  const list = h("div", { class: "frame" });
  const detail = h("div", { class: "detail", hidden: true });
  let known = [];
  let at = { resource: "", key: "", search: "", page: 1 };
  let open = null;
  let question = 0;

  const nav = h("nav", { "aria-label": "Resources" }, resources);
  section.append(h("div", { class: "records" }, nav, list, detail));
  const search = h("input", { type: "search", placeholder: "text in any value",
    oninput: later(() => { at.search = search.value; at.page = 1; attempt(fill); }, 200) });
  const tools = h("div", { class: "bar tools" });
  const body = h("div");
  list.append(tools, body);

  const resourceOf = (name) => known.find((each) => each.name === name);

  async function readResources() {
    known = (await get("resources", { page_size: 1000 })).items;
    const links = new Map([...resources.querySelectorAll("a")].map((a) => [a.dataset.name, a]));
    if (links.size !== known.length) {
      resources.replaceChildren(...known.map((each) => h("li", {},
        h("a", { href: link(each.name), "data-name": each.name }, each.name, h("span", { class: "count" }, String(each.count))))));
    } else {
      // In place, so that the focus stays where it is.
      known.forEach((each) => { $(".count", links.get(each.name)).textContent = each.count; });
    }
    mark();
  }

  function mark() {
    for (const a of resources.querySelectorAll("a")) {
      if (a.dataset.name === at.resource) a.setAttribute("aria-current", "true");
      else a.removeAttribute("aria-current");
    }
  }

  function columnsOf(resource, items) {
    const plain = resource.fields.filter((field) => field.is_stored && field.name !== resource.key && !field.to
      && !field.types.some((type) => ["object", "array"].includes(type)));
    return plain.filter((field) => items.some((item) => {
      const value = item.fields[field.name];
      return value !== null && value !== "" && value !== item.label;
    })).slice(0, 4);
  }

  async function fill() {
    const mine = ++question;
    const resource = resourceOf(at.resource);
    if (!resource) {
      body.replaceChildren(h("p", { class: "quiet" }, "Choose a resource."));
      return;
    }
    const page = await get(path("records", resource.name), { search: at.search, page: at.page, page_size: 50 });
    if (mine !== question) return;
    const columns = columnsOf(resource, page.items);
    const focused = body.contains(document.activeElement) ? document.activeElement.getAttribute("href") ?? document.activeElement.textContent : null;
    const go = (number) => { at.page = number; attempt(fill); };
    body.replaceChildren(
      h("table", {},
        h("caption", { class: "off" }, `Records of ${resource.name}`),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Record"),
          columns.map((column) => h("th", { scope: "col", class: "opt" }, column.name)))),
        h("tbody", {}, page.items.map((item) => h("tr", { "aria-selected": item.key === at.key ? "true" : undefined },
          h("td", {}, h("a", { href: link(resource.name, item.key) }, item.label)),
          columns.map((column) => h("td", { class: "opt" }, item.fields[column.name] === undefined ? "" : short(item.fields[column.name]))))))),
      page.items.length ? pager(page, go) : h("p", { class: "quiet" }, at.search ? "Nothing matches." : "There are none."));
    if (focused) {
      [...body.querySelectorAll("a, button")].find((each) => (each.getAttribute("href") ?? each.textContent) === focused)?.focus();
    }
  }

  function close() {
    location.hash = link(at.resource);
  }

  async function openRecord() {
    const { resource: name, key, like } = at;
    const resource = resourceOf(name);
    open = null;
    detail.hidden = !key;
    if (!key || !resource) {
      detail.replaceChildren();
      return;
    }
    const isNew = key === NEW;
    const source = isNew ? like : key;
    const found = source ? await attempt(() => get(path("records", name, source))) : null;
    if (at.key !== key || at.resource !== name) return;
    if (source && !found) {
      detail.replaceChildren(h("p", {}, "There is no such record. "), h("a", { href: link(name), class: "button" }, "Close"));
      return;
    }
    const made = editor(resource, isNew ? null : found, isNew && found ? found.fields : null, {
      done: (saved) => {
        if (isNew || saved.key !== key) location.hash = link(name, saved.key);
        else { made.saved(); made.renew(saved); }
      },
      gone: close,
    });
    open = { ...made, name, key, isNew };
    detail.replaceChildren(made.element);
    $("h3", detail).focus();
  }

  async function renew() {
    await readResources();
    await fill();
    if (!open || open.isNew) return;
    const { name, key } = open;
    try {
      const found = await get(path("records", name, key));
      if (open?.key === key) open.renew(found);
    } catch (error) {
      if (error.status === 404 && open?.key === key) {
        open = null;
        detail.replaceChildren(h("p", {}, "This record is gone. "), h("a", { href: link(name), class: "button" }, "Close"));
      }
    }
  }

  async function update([resource = "", key = "", like = ""]) {
    const isOther = resource !== at.resource;
    at = { ...at, resource, key, like };
    if (isOther) Object.assign(at, { search: "", page: 1 });
    section.classList.toggle("has-detail", Boolean(key));
    section.classList.toggle("has-list", Boolean(resource));
    await attempt(async () => {
      if (!known.length) await readResources();
      mark();
      const found = resourceOf(resource);
      if (isOther || !tools.firstChild) {
        search.value = "";
        tools.replaceChildren(...(found ? [
          h("h3", {}, found.name, h("small", {}, ` by ${found.key}`)),
          labelled("Search", search),
          h("a", { href: link(found.name, NEW), class: "button" }, "New")] : []));
        body.replaceChildren();
      }
      await Promise.all([fill(), openRecord()]);
    });
  }

  const leave = on("wrote", later(() => attempt(renew), 100));
  return { leave, update };
}
