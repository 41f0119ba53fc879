/* "@" in a note: the colleagues to choose from, below the box. A name typed in full mentions as well, so nothing is lost
   where this does not run. The focus stays in the box; the list says through it which of its lines is chosen. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const OFFERED = 8;
  const MENTION = /(?:^|[^\p{L}\p{N}._+-])@(?!\s)([^@\n]*)$/u; // behind a letter it is an e-mail address
  const text = document.querySelector("[data-mentions]");
  if (!text) return;
  const list = document.getElementById("wb-colleagues"), found = document.getElementById("wb-colleagues-found");
  const fold = (name) => name.toUpperCase().toLowerCase(); // as the note is read: "ß" is "ss"
  let asked = null, start = -1, done = -1; // where the mention begins; where one was chosen or declined

  const colleagues = () => (asked ??= fetch(text.dataset.mentions, { headers: { "X-Workbench-Poll": "1" } })
    .then((answer) => answer.json()).then(({ names }) => names).catch(() => { asked = null; return []; }));

  /* Names of which a word begins so stand before those that only contain it. */
  function matching(names, typed) {
    const rank = (name) => (` ${fold(name)}`.includes(` ${typed}`) ? 0 : 1);
    return names.filter((name) => fold(name).includes(typed)).sort((one, other) => rank(one) - rank(other)).slice(0, OFFERED);
  }

  async function offer() {
    const names = await colleagues();
    const isHere = document.activeElement === text; // the answer may come late, and a draft come back by itself
    const typed = isHere && text.value.slice(0, text.selectionStart).match(MENTION);
    start = typed ? text.selectionStart - typed[1].length - 1 : -1;
    if (start !== done) done = -1;
    const offered = typed && start !== done ? matching(names, fold(typed[1])) : [];
    if (!offered.length) return close();
    list.replaceChildren(...offered.map((name, place) => {
      const line = document.createElement("li"), shown = document.createElement("bdi");
      shown.textContent = name;
      line.append(shown);
      line.id = `wb-colleague-${place}`;
      line.setAttribute("role", "option");
      return line;
    }));
    const isNew = list.hidden;
    list.hidden = false;
    if (isNew) list.scrollIntoView({ block: "nearest" });
    choose(0);
    found.textContent = found.dataset.text.replace("{count}", offered.length);
  }

  function choose(place) {
    [...list.children].forEach((line, at) => line.setAttribute("aria-selected", String(at === place)));
    text.setAttribute("aria-activedescendant", list.children[place].id);
    list.children[place].scrollIntoView({ block: "nearest" });
  }

  function close() {
    list.hidden = true;
    found.textContent = "";
    text.removeAttribute("aria-activedescendant");
  }

  function insert(line) {
    done = start;
    text.setRangeText(`@${line.textContent} `, start, text.selectionStart, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
    close();
  }

  function steer(event) {
    if (list.hidden || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const lines = [...list.children], place = lines.findIndex((line) => line.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown") choose((place + 1) % lines.length);
    else if (event.key === "ArrowUp") choose((place + lines.length - 1) % lines.length);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) insert(lines[place]);
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

  text.addEventListener("focus", colleagues);
  text.addEventListener("input", offer);
  text.addEventListener("keydown", steer);
  text.addEventListener("click", close);
  text.addEventListener("blur", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the box
  list.addEventListener("click", (event) => {
    const line = event.target.closest("[role=option]");
    if (line) insert(line);
  });
});
