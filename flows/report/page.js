"use strict";
// Searches, filters and sorts the rows that stand on the page. It makes no requests and keeps nothing.
(() => {
  const table = document.getElementById("rows-table");
  if (!table) return;
  const tools = document.getElementById("rows-tools");
  const said = document.getElementById("rows-said");
  const search = document.getElementById("rows-search");
  const none = document.getElementById("rows-none");
  const paper = document.getElementById("rows-paper");
  const choices = ["outcome", "code", "column", "state"].map((name) => document.getElementById("rows-" + name));
  let rows = Array.from(table.tBodies).filter((body) => body !== none).map((body) => ({ body, text: null, parts: Array.from(body.rows, (line) => line.dataset) }));

  const of = (row, name) => (name in row.body.dataset ? [row.body.dataset[name]] : row.parts.map((part) => part[name]));

  for (const choice of choices) {
    const name = choice.dataset.name;
    const counts = new Map();
    for (const row of rows) for (const value of new Set(of(row, name))) counts.set(value, (counts.get(value) || 0) + 1);
    const found = Array.from(counts).filter(([value]) => value).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
    for (const [value, count] of found) choice.append(new Option(value + " (" + count + ")", value));
    choice.parentElement.hidden = found.length === 0;
  }

  const chosen = (name) => choices.find((choice) => choice.dataset.name === name).value;

  const holds = (row, words) => {
    const outcome = chosen("outcome"), state = chosen("state"), code = chosen("code"), column = chosen("column");
    if (outcome && row.body.dataset.outcome !== outcome) return false;
    if (state && row.body.dataset.state !== state) return false;
    if (!row.parts.some((part) => (!code || part.code === code) && (!column || part.column === column))) return false;
    if (words.length && row.text === null) row.text = row.body.textContent.toLowerCase();
    return words.every((word) => row.text.includes(word));
  };

  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const row of rows) {
      const shown = holds(row, words);
      row.body.hidden = !shown;
      count += shown ? 1 : 0;
      row.body.classList.toggle("late", count > 100);
    }
    paper.hidden = count <= 100;
    none.hidden = count > 0;
    const number = (n) => n.toLocaleString("en");
    said.textContent = count === rows.length ? "All " + number(count) + " rows here are shown." : number(count) + " of " + number(rows.length) + " rows are shown.";
  };

  const clear = () => {
    search.value = "";
    for (const choice of choices) choice.value = "";
    show();
  };

  // what a column is sorted by: numbers as numbers, texts as people read them
  const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
  const key = {
    row: (row) => Number(row.body.dataset.row),
    key: (row) => row.body.dataset.key,
    outcome: (row) => row.body.dataset.outcome,
    problem: (row) => row.parts[0].code + " " + row.parts[0].column,
    value: (row) => { const cell = row.body.querySelector(".held"); return cell ? cell.textContent : ""; },
  };

  const sort = (heading) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    const by = key[heading.dataset.sort];
    const keyed = rows.map((row) => [by(row), Number(row.body.dataset.row), row]);
    const order = (a, b) => (typeof a[0] === "number" ? a[0] - b[0] : compare(a[0], b[0]));
    keyed.sort((a, b) => (down ? order(b, a) : order(a, b)) || a[1] - b[1]);
    for (const one of table.tHead.querySelectorAll("th[aria-sort]")) one.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const sorted = document.createDocumentFragment();
    rows = keyed.map((one) => one[2]);
    for (const row of rows) sorted.append(row.body);
    table.insertBefore(sorted, none);
    show();
  };

  for (const heading of table.tHead.querySelectorAll("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    heading.append(button);
    button.addEventListener("click", () => sort(heading));
  }
  table.tHead.querySelector('th[data-sort="row"]').setAttribute("aria-sort", "ascending");

  search.addEventListener("input", show);
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { search.value = ""; show(); }
  });
  for (const choice of choices) choice.addEventListener("change", show);
  document.getElementById("rows-clear").addEventListener("click", () => { clear(); search.focus(); });

  // from a kind of problem to its rows
  for (const link of document.querySelectorAll("a[data-see]")) {
    link.addEventListener("click", () => {
      clear();
      for (const choice of choices) {
        const value = link.dataset[choice.dataset.name] || "";
        if (Array.from(choice.options).some((option) => option.value === value)) choice.value = value;
      }
      show();
    });
  }

  // a slash goes to the search, as in many places, unless somebody is typing
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement.tagName)) return;
    event.preventDefault();
    search.focus();
  });

  tools.hidden = false;
  show();
})();
