/* What is put into a text instead of typed: chosen from a list below the box, or from one of its own, to be searched. A
   placeholder that is left open is marked, and stops an answer. All that is put in, Ctrl+Z takes back. */
"use strict";
(() => {
  const OFFERED = 8, SLASH = /(?:^|\s)\/(?!\s)([^\n/]{0,40})$/;
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const fold = (text) => text.normalize("NFKD").replace(/[\p{M}ـ]/gu, "").replace(/[یى]/g, "ي").replace(/ک/g, "ك").toUpperCase().toLowerCase();
  const made = (tag, textContent) => Object.assign(document.createElement(tag), { textContent, dir: "auto" });
  const wordsOf = (typed) => fold(typed).split(/\s+/).filter(Boolean);

  /* In place of what stands from `start` to the cursor, so that the browser's own undo knows of it. */
  function put(text, words, start = text.selectionStart) {
    text.focus();
    text.setSelectionRange(start, text.selectionEnd);
    if (document.execCommand("insertText", false, words)) return;
    text.setRangeText(words, start, text.selectionEnd, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /* Those that begin so stand before those of which a word does, and these before those that only contain it. */
  function matching(entries, typed) {
    const words = wordsOf(typed), whole = words.join(" ");
    const rank = ({ name, told }) => [fold(name) === whole, fold(name).startsWith(whole), ` ${told}`.includes(` ${whole}`), true].indexOf(true);
    const found = entries.map((entry) => ({ ...entry, told: fold(`${entry.name} ${entry.words || ""}`) }));
    return found.filter(({ told }) => words.every((word) => told.includes(word)))
      .sort((one, other) => rank(one) - rank(other)).slice(0, OFFERED);
  }

  /* A sign in a text offers `entries`: name, words to be found by, what is put in. `pattern`: what follows the sign. The focus
     stays in the box; the list says through it which of its lines is chosen. */
  window.wbOffer = (text, list, pattern, entries, after = () => {}) => {
    const told = document.getElementById(`${list.id}-found`);
    let start = -1, done = -1, offered = []; // where the sign stands; where one was chosen or declined

    async function offer() {
      const known = await entries();
      const isHere = document.activeElement === text; // the answer may come late, and a draft come back by itself
      const typed = isHere && text.value.slice(0, text.selectionStart).match(pattern);
      start = typed ? text.selectionStart - typed[1].length - 1 : -1;
      if (start !== done) done = -1;
      offered = typed && start !== done ? matching(known, typed[1]) : [];
      if (!offered.length) return close();
      list.replaceChildren(...offered.map(({ name, kind, more }, place) => {
        const line = document.createElement("li");
        line.append(made("bdi", name));
        if (more) line.append(" ", made("small", kind), made("span", more));
        line.id = `${list.id}-${place}`;
        line.setAttribute("role", "option");
        return line;
      }));
      const isNew = list.hidden;
      list.hidden = false;
      if (isNew) list.scrollIntoView({ block: "nearest" });
      choose(0);
      told.textContent = told.dataset.text.replace("{count}", offered.length);
    }

    function choose(place) {
      [...list.children].forEach((line, at) => line.setAttribute("aria-selected", String(at === place)));
      text.setAttribute("aria-activedescendant", list.children[place].id);
      list.children[place].scrollIntoView({ block: "nearest" });
    }

    function close() {
      if (list.hidden) return;
      list.hidden = true;
      told.textContent = "";
      text.removeAttribute("aria-activedescendant");
    }

    function insert(place) {
      done = start;
      put(text, offered[place].put, start);
      close();
      after(text, start);
    }

    function steer(event) {
      if (list.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      const lines = [...list.children], place = lines.findIndex((line) => line.getAttribute("aria-selected") === "true");
      if (event.key === "ArrowDown") choose((place + 1) % lines.length);
      else if (event.key === "ArrowUp") choose((place + lines.length - 1) % lines.length);
      else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) insert(place);
      else if (event.key === "Escape") {
        done = start;
        close();
      } else {
        if (["ArrowLeft", "ArrowRight", "Home", "End"].includes(event.key)) close();
        return;
      }
      event.preventDefault();
      event.stopPropagation(); // Escape would leave the box
    }

    text.addEventListener("input", offer);
    text.addEventListener("keydown", steer);
    text.addEventListener("click", close);
    text.addEventListener("blur", close);
    list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the box
    list.addEventListener("click", (event) => {
      const place = [...list.children].indexOf(event.target.closest("[role=option]"));
      if (place >= 0) insert(place);
    });
  };

  /* ---- Placeholders ---- */
  const fault = () => find("[data-unfilled]");
  const openIn = (words) => [...words.matchAll(new RegExp(`\\{(?:${fault()?.dataset.unfilled || "$^"})(?:\\|[^{}\\n]*)?\\}`, "g"))];

  /* The first that is open, from `start` on, is what is typed next. */
  function selectOpen(text, start = 0) {
    const [open] = openIn(text.value.slice(start));
    if (open) text.setSelectionRange(start + open.index, start + open.index + open[0].length);
  }

  function markOpen(text) {
    const names = [...new Set(openIn(text.value).map(([name]) => name))].join(", "), line = fault();
    line.hidden = !names;
    if (line.dataset.names !== names) line.textContent = line.dataset.text.replace("{names}", () => names);
    line.dataset.names = names;
  }

  function watchPlaceholders(form) {
    const text = find("textarea", form);
    text.addEventListener("input", () => markOpen(text));
    markOpen(text);
    form.addEventListener("submit", (event) => {
      if (!openIn(text.value).length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      text.focus();
      selectOpen(text);
    });
  }

  /* ---- Lists to be searched: canned replies, macros ---- */
  const textOf = (line) => fold(`${line.textContent} ${find("[data-canned]", line)?.dataset.canned || ""} ${line.closest("section")?.dataset.folder || ""}`);

  function narrow(box) {
    const words = wordsOf(box.value);
    for (const line of all("li", box.closest("[data-searched]"))) line.hidden = !words.every((word) => textOf(line).includes(word));
  }

  function walk(event) {
    const list = event.target.closest("[data-searched]");
    if (!list) return;
    const shown = all("li:not([hidden]) :is(a, button)", list), at = shown.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) shown[at < 0 && step < 0 ? shown.length - 1 : (at + step + shown.length) % shown.length].focus();
    else if (event.key === "Enter" && event.target.matches("[data-narrow]")) shown[0]?.click();
    else if (event.key === "Escape" && list.matches("details")) closeList(list);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function closeList(list) {
    list.open = false;
    find("summary", list).focus();
  }

  function insertCanned(button) {
    const text = find("[data-pane]:not([hidden]) textarea"), start = text.selectionStart;
    button.closest("details").open = false;
    put(text, button.dataset.canned);
    selectOpen(text, start);
  }

  /* A digit opens the macro that has it. */
  function openMacro(event) {
    const [, digit] = event.code.match(/^(?:Digit|Numpad)([1-9])$/) || [], link = digit && find("[data-macros]");
    if (!link || event.key.length > 1 || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]") || find("dialog[open]")) return;
    const { href } = link;
    link.href += `?key=${digit}`;
    link.click();
    link.href = href;
  }

  document.addEventListener("DOMContentLoaded", () => {
    const reply = find("#wb-reply"), canned = find(".wb-canned");
    if (reply) watchPlaceholders(reply);
    const texts = all("[data-canned]").map((button) => ({
      name: `/${button.dataset.shortcut}`, kind: button.dataset.kind, more: button.dataset.more, put: button.dataset.canned,
      words: `${button.dataset.shortcut} ${textOf(button.closest("li"))}`,
    }));
    for (const text of all("[data-texts]")) {
      const list = document.getElementById(text.dataset.texts);
      window.wbOffer(text, list, SLASH, () => texts, selectOpen);
      text.addEventListener("keydown", (event) => {
        if (!(event.ctrlKey || event.metaKey) || event.code !== "Slash") return;
        event.preventDefault();
        put(text, /(?:^|\s)$/.test(text.value.slice(0, text.selectionStart)) ? "/" : " /");
      });
    }
    canned?.addEventListener("toggle", () => canned.open && find("[data-narrow]", canned).focus());
    document.addEventListener("click", ({ target }) => {
      const button = target.closest("[data-canned]");
      if (button) insertCanned(button);
      else if (canned && !canned.contains(target)) canned.open = false;
    });
    document.addEventListener("input", ({ target }) => target.matches("[data-narrow]") && narrow(target));
    document.addEventListener("keydown", walk);
    document.addEventListener("keydown", openMacro);
  });
})();
