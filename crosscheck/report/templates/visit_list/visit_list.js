"use strict";

// One part of the list at a time, with search, filters and sorting. Without this script the page shows every part.
(() => {
  const sections = [...document.querySelectorAll("main > section[id]")];
  const tabs = [...document.querySelectorAll(".tabs a")];
  const form = document.querySelector(".controls");
  const shown = document.getElementById("shown");
  const fields = { visit: null, band: null, type: null, region: null };
  for (const name of Object.keys(fields)) fields[name] = document.getElementById(name);
  const search = document.getElementById("search");
  const texts = new WeakMap();

  const chosen = () => sections.find((section) => `#${section.id}` === location.hash) || sections[0];
  const rowsOf = (section) => [...section.querySelectorAll("tbody tr")];

  const textOf = (row) => {
    if (!texts.has(row)) texts.set(row, row.textContent.toLowerCase());
    return texts.get(row);
  };

  const holds = (row, words) =>
    words.every((word) => textOf(row).includes(word)) &&
    Object.entries(fields).every(([name, field]) => {
      const here = row.dataset[name];
      if (!field.value || here === undefined) return true;
      return field.value === "planned" ? here !== "none" : here === field.value;
    });

  const show = () => {
    const section = chosen();
    for (const each of sections) each.hidden = each !== section;
    for (const tab of tabs) {
      if (tab.hash === `#${section.id}`) tab.setAttribute("aria-current", "true");
      else tab.removeAttribute("aria-current");
    }
    for (const part of form.querySelectorAll("[data-only]")) part.hidden = part.dataset.only !== section.id;
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = rowsOf(section);
    let left = 0;
    for (const row of rows) {
      row.hidden = !holds(row, words);
      if (!row.hidden) left += 1;
    }
    shown.textContent = `${left} of ${rows.length} shown`;
  };

  const valueOf = (row, place, by) => {
    const cell = row.cells[place];
    const value = cell.dataset.sort ?? cell.textContent.trim();
    return by === "number" ? Number(value) : value.toLowerCase();
  };

  const sortBy = (heading, place) => {
    const body = heading.closest("table").tBodies[0];
    const falls = heading.getAttribute("aria-sort") === "ascending";
    for (const each of heading.parentElement.cells) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", falls ? "descending" : "ascending");
    const keyed = [...body.rows].map((row) => [valueOf(row, place, heading.dataset.by), row]);
    const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
    keyed.sort(([one], [other]) => (falls ? compare(other, one) : compare(one, other)));
    body.append(...keyed.map(([, row]) => row));
  };

  for (const heading of document.querySelectorAll("th[data-by]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    const place = heading.cellIndex;
    button.addEventListener("click", () => sortBy(heading, place));
    heading.replaceChildren(button);
  }
  const filters = form.closest("details");
  filters.hidden = false;
  filters.open = matchMedia("(min-width: 48.0625rem)").matches;
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show));
  window.addEventListener("hashchange", () => {
    show();
    scrollTo(0, 0);
  });
  show();
})();
