/* What is put into a text instead of typed: chosen from a list below the box, or from one of its own, to be searched. A
   placeholder that is left open is marked, and stops an answer. All that is put in, Ctrl+Z takes back. */
import { all, find, isControl, isDialogOpen, isModified, isTyping, jsonOf, make, noteChange, on, POLL } from "./page.js";

const OFFERED = 8, SLASH = /(?:^|\s)\/(?!\s)([^\n/]{0,40})$/;
const MENTION = /(?:^|[^\p{L}\p{N}._+-])@(?!\s)([^@\n]*)$/u; // behind a letter it is an e-mail address
const fold = (text) => text.normalize("NFKD").replace(/[\p{M}ـ]/gu, "").replace(/[یى]/g, "ي").replace(/ک/g, "ك").toUpperCase().toLowerCase();
const said = (tag, textContent) => make(tag, { textContent, dir: "auto" });
const wordsOf = (typed) => fold(typed).match(/\S+/g) || [];

/* In place of what stands from `start` to the cursor, so that the browser's own undo knows of it. */
function put(text, words, start = text.selectionStart) {
  text.focus();
  text.setSelectionRange(start, text.selectionEnd);
  if (document.execCommand("insertText", false, words)) return;
  text.setRangeText(words, start, text.selectionEnd, "end");
  noteChange(text);
}

/* First what begins so, then what has a word that does, then what only contains it. */
function matching(entries, typed) {
  const words = wordsOf(typed), whole = words.join(" ");
  const rank = ({ name, told }) => [fold(name) === whole, fold(name).startsWith(whole), ` ${told}`.includes(` ${whole}`), true].indexOf(true);
  const found = entries.map((entry) => ({ ...entry, told: fold(`${entry.name} ${entry.words || ""}`) }));
  return found.filter(({ told }) => words.every((word) => told.includes(word)))
    .sort((one, other) => rank(one) - rank(other)).slice(0, OFFERED);
}

/* A sign in a text offers `entries`: name, words to be found by, what is put in. `pattern`: what follows the sign. The focus
   stays in the box; the list says through it which of its lines is chosen. */
function offerIn(text, list, pattern, entries, after) {
  const told = find(`#${list.id}-found`);
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
      const line = make("li", { id: `${list.id}-${place}`, role: "option" });
      line.append(said("bdi", name));
      if (more) line.append(" ", said("small", kind), said("span", more));
      return line;
    }));
    const isNew = list.hidden;
    list.hidden = false;
    if (isNew) list.scrollIntoView({ block: "nearest" });
    choose(0);
    told.textContent = told.dataset.text.replace("{count}", offered.length);
  }

  function choose(place) {
    [...list.children].forEach((line, at) => { line.ariaSelected = at === place; });
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
    after?.(text, start);
  }

  function steer(event) {
    if (list.hidden || event.isComposing || isModified(event)) return;
    const lines = [...list.children], place = lines.findIndex((line) => line.matches("[aria-selected=true]"));
    if (event.key === "ArrowDown") choose((place + 1) % lines.length);
    else if (event.key === "ArrowUp") choose((place + lines.length - 1) % lines.length);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) insert(place);
    else if (event.key === "Escape") {
      done = start;
      close();
    } else {
      if (/^(Arrow|Home|End)/.test(event.key)) close();
      return;
    }
    event.preventDefault();
    event.stopPropagation(); // Escape would leave the box
  }

  on(text, "input", offer);
  on(text, "keydown", steer);
  on(text, "click", close);
  on(text, "blur", close);
  list.onmousedown = (event) => event.preventDefault(); // the focus stays in the box
  list.onclick = ({ target }) => {
    const place = [...list.children].indexOf(target.closest("[role=option]"));
    if (place >= 0) insert(place);
  };
}

/* -- "@" in a note. A name typed in full mentions as well, so nothing is lost where this does not run. -- */
function offerColleagues(text) {
  let asked = null;
  const colleagues = () => (asked ??= jsonOf(text.dataset.mentions, { headers: POLL }).then((told) => {
    if (!told) asked = null;
    return (told?.names || []).map((name) => ({ name, put: `@${name} ` }));
  }));
  on(text, "focus", colleagues);
  offerIn(text, find("#wb-colleagues"), MENTION, colleagues);
}

/* -- Placeholders -- */
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
  on(text, "input", () => markOpen(text));
  markOpen(text);
  on(form, "submit", (event) => {
    if (!openIn(text.value).length) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    text.focus();
    selectOpen(text);
  });
}

/* -- Lists to be searched: canned replies, macros -- */
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
  if (step && shown.length) shown.at(at < 0 && step < 0 ? -1 : (at + step) % shown.length).focus();
  else if (event.key === "Enter" && event.target.matches("[data-narrow]")) shown[0]?.click();
  else if (event.key === "Escape" && list.matches("details")) {
    list.open = false;
    find("summary", list).focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

function insertCanned(button) {
  const text = find("[data-pane]:not([hidden]) textarea"), start = text.selectionStart;
  button.closest("details").open = false;
  put(text, button.dataset.canned);
  selectOpen(text, start);
}

function openMacro(event) {
  const [, digit] = event.code.match(/^(?:Digit|Numpad)([1-9])$/) || [], link = digit && find("[data-macros]");
  if (!link || event.key.length > 1 || isModified(event) || event.shiftKey || isTyping(event) || isDialogOpen()) return;
  const { href } = link;
  link.href += `?key=${digit}`;
  link.click();
  link.href = href;
}

function countCharacters() {
  for (const count of all("[data-count-for]")) {
    const text = find(`#${count.dataset.countFor}`), most = Number(count.dataset.most);
    const show = () => {
      const length = [...text.value].length;
      count.textContent = length > most * 0.9 ? `${length} / ${most}` : "";
    };
    on(text, "input", show);
    show();
  }
}

const reply = find("#wb-reply"), note = find("[data-mentions]"), canned = find(".wb-canned");
const texts = all("[data-canned]").map((button) => {
  const { shortcut, kind, more, canned: put } = button.dataset;
  return { name: `/${shortcut}`, kind, more, put, words: `${shortcut} ${textOf(button.closest("li"))}` };
});
countCharacters();
if (reply) watchPlaceholders(reply);
for (const text of all("[data-texts]")) {
  offerIn(text, find(`#${text.dataset.texts}`), SLASH, () => texts, selectOpen);
  on(text, "keydown", (event) => {
    if (!isControl(event) || event.code !== "Slash") return;
    event.preventDefault();
    put(text, /(?:^|\s)$/.test(text.value.slice(0, text.selectionStart)) ? "/" : " /");
  });
}
if (note) offerColleagues(note);
if (canned) canned.ontoggle = () => canned.open && find("[data-narrow]", canned).focus();
on(document, "click", ({ target }) => {
  const button = target.closest("[data-canned]");
  if (button) insertCanned(button);
  else if (canned && !canned.contains(target)) canned.open = false;
});
on(document, "input", ({ target }) => target.matches("[data-narrow]") && narrow(target));
on(document, "keydown", walk);
on(document, "keydown", openMacro);
