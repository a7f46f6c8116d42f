"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const tools = document.querySelector(".tools");
  const box = document.getElementById("filter");
  const count = document.getElementById("count");
  const table = document.querySelector(".map");
  const toggles = all(".toggle");
  const rows = table ? all("tbody tr", table) : [];

  const texts = new Map(all("[data-filter]").map((node) => [node, node.dataset.filter.toLowerCase()]));

  function shownOutcomes() {
    return new Set(toggles.filter((t) => t.getAttribute("aria-pressed") === "true").map((t) => t.dataset.outcome));
  }

  function narrow() {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    const outcomes = shownOutcomes();
    const everything = outcomes.size === toggles.length;
    const fits = (node) => everything || (node.dataset.outcomes || "").split(" ").some((o) => outcomes.has(o));
    for (const [node, text] of texts) {
      const listed = words.every((word) => text.includes(word));
      node.hidden = !listed || ("outcomes" in node.dataset && !fits(node));
    }
    for (const section of all("section[data-outcomes]")) {
      const entries = all(".finding, .reason", section);
      section.hidden = !fits(section) || entries.every((entry) => entry.hidden);
    }
    const wanted = (cell) => everything || outcomes.has(cell.classList[0]);
    const columns = new Set();
    for (const row of rows) {
      for (const cell of row.cells) {
        if (cell.className) cell.classList.toggle("off", !wanted(cell));
        if (!row.hidden && wanted(cell)) columns.add(cell.cellIndex);
      }
    }
    for (const cell of table ? all("tr > :nth-child(n + 2)", table) : []) {
      cell.hidden = !columns.has(cell.cellIndex);
    }
    enter();
    const left = rows.filter((row) => !row.hidden).length;
    count.textContent = `${left} of ${rows.length} operations`;
  }

  // One cell, and one that can be seen, is where the Tab key enters the table.
  function enter() {
    const cells = table ? all("td[class]", table) : [];
    const visible = cells.filter((cell) => !cell.classList.contains("off") && !cell.parentNode.hidden);
    const current = visible.find((cell) => cell.tabIndex === 0) || visible[0];
    for (const cell of cells) cell.tabIndex = cell === current ? 0 : -1;
  }

  function everythingAgain() {
    box.value = "";
    for (const toggle of toggles) toggle.setAttribute("aria-pressed", "true");
    narrow();
  }

  tools.hidden = false;
  box.addEventListener("input", narrow);
  for (const toggle of toggles) {
    toggle.addEventListener("click", () => {
      toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
      narrow();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !event.target.matches("input")) {
      event.preventDefault();
      box.focus();
    } else if (event.key === "Escape" && event.target === box) {
      everythingAgain();
    }
  });
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target && target.closest("[hidden]")) {
      everythingAgain();
      target.scrollIntoView();
    }
  });

  if (table) {
    const told = document.getElementById("cell");
    const tell = (cell) => {
      told.textContent = `${cell.parentNode.querySelector("th").textContent} · ${cell.title}`;
    };
    const go = (cell) => {
      for (const other of all("td[tabindex='0']", table)) other.tabIndex = -1;
      cell.tabIndex = 0;
      cell.focus();
    };
    table.addEventListener("mouseover", (event) => {
      const cell = event.target.closest("td[class]");
      if (cell) tell(cell);
    });
    table.addEventListener("focusin", (event) => {
      const cell = event.target.closest("td[class]");
      if (cell) tell(cell);
    });
    table.addEventListener("click", (event) => {
      const cell = event.target.closest("td[class]");
      if (cell && !event.target.closest("a")) go(cell);
    });
    // The next cell in a direction, over gaps and over rows that are filtered out.
    const next = (cell, across, down) => {
      const visible = rows.filter((row) => !row.hidden);
      let row = visible.indexOf(cell.parentNode);
      let column = cell.cellIndex;
      for (;;) {
        row += down;
        column += across;
        const candidate = visible[row] && column > 0 && visible[row].cells[column];
        if (!candidate || (candidate.className && !candidate.classList.contains("off"))) return candidate;
      }
    };
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    table.addEventListener("keydown", (event) => {
      const cell = event.target.closest("td[class]");
      if (!cell) return;
      if (event.key in moves) {
        event.preventDefault();
        const found = next(cell, ...moves[event.key]);
        if (found) go(found);
      } else if (event.key === "Enter" && cell.querySelector("a")) {
        const link = cell.querySelector("a").getAttribute("href");
        location.hash = link;
        const target = document.getElementById(link.slice(1));
        if (target) target.focus();
      }
    });
  }

  async function copy(button) {
    const source = button.parentNode.querySelector("pre");
    let done = true;
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      const selection = getSelection();
      selection.selectAllChildren(source);
      done = document.execCommand("copy");
      if (done) selection.removeAllRanges();
    }
    button.textContent = done ? "Copied" : "Press Ctrl+C";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  }
  for (const button of all(".copy")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = all("details:not([open])");
    for (const part of opened) part.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const part of opened) part.open = false;
  });

  narrow();
})();
