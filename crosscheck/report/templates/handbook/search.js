"use strict";

// Finds the rules that hold every word of the search; RULES is the constant of search-index.js.
(() => {
  const field = document.getElementById("q");
  const count = document.getElementById("count");
  const hits = document.getElementById("hits");
  const folded = (text) => text.toLowerCase();

  const rank = (rule, words) => {
    if (words.every((word) => folded(rule.id).includes(word))) return 0;
    return words.every((word) => folded(rule.title).includes(word)) ? 1 : 2;
  };

  const find = (words) =>
    RULES.filter((rule) => words.every((word) => rule.text.includes(word)))
      .map((rule, place) => ({ rule, place, rank: rank(rule, words) }))
      .sort((one, other) => one.rank - other.rank || one.place - other.place)
      .map((found) => found.rule);

  const item = (rule) => {
    const line = document.createElement("li");
    const link = document.createElement("a");
    const about = document.createElement("span");
    link.href = rule.page;
    link.textContent = rule.title;
    about.className = "about";
    about.textContent = `${rule.id} · ${rule.about}`;
    line.append(link, " ", about);
    return line;
  };

  const show = () => {
    const words = folded(field.value).split(/\s+/).filter(Boolean);
    const found = words.length ? find(words) : [];
    hits.replaceChildren(...found.map(item));
    count.textContent = words.length ? `${found.length || "No"} ${found.length === 1 ? "rule" : "rules"} found` : "";
  };

  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(show, 150);
  });

  const asked = new URLSearchParams(location.search).get("q");
  if (asked) {
    field.value = asked;
    show();
    field.focus();
  }
})();
