/* What is written is kept on the server, with a copy here while the network is gone; what waits to be sent is counted
   down; toasts. Without this everything is sent at once. */
import { all, draftPlace, find, isControl, isTyping, jsonOf, letterOf, make, noteChange, on, say } from "./page.js";

const shown = new Map(), savings = [];

/* -- Toasts: one that passes goes by itself, but not while somebody is at it -- */
function toast(html, kind = "") {
  const made = make("li", { className: `wb-toast ${kind}`, innerHTML: html });
  find("#wb-toasts").append(made);
  return made;
}

/* What a script sends can be taken back. */
on(document, "submit", ({ target: { elements } }) => {
  if (elements.wait) elements.wait.value = 1;
}, true);

on(document, "animationend", ({ target }) => target.matches(".wb-passing") && target.remove());

/* What waits to be sent, and what came back; on its own page the thread and the composer show it. */
export function showDrafts(drafts) {
  for (const one of drafts.filter(({ id }) => !shown.has(id))) {
    const made = one.page === location.pathname ? null : toast(one.html, one.sent ? "" : "wb-passing");
    shown.set(one.id, { ...one, made, end: performance.now() + one.left * 1000 });
  }
  for (const [id, { made, end, sent, count = 1 }] of shown) {
    const told = drafts.filter((one) => one.id.startsWith(id)).length; // with what came back of it
    if (drafts.some((one) => one.id === id)) continue;
    shown.delete(id);
    made?.remove();
    if (sent && performance.now() > end && told < count) toast(sent, "wb-passing");
  }
  count();
}

function count() {
  const now = performance.now();
  for (const seconds of all("[data-left]")) {
    seconds.end ??= now + seconds.dataset.left * 1000;
    seconds.textContent = Math.max(0, Math.ceil((seconds.end - now) / 1000));
  }
  const over = [...shown.values()].find(({ sent, end }) => sent && now > end + 1200);
  if (!over) return;
  over.end = now; // and looked at again in a moment
  say("wb-look");
}

/* What was begun since is saved first: what is taken back comes to stand above it. */
async function post(address) {
  await Promise.all(savings.map((save) => save()));
  const form = make("form", { method: "post", action: address });
  form.append(find("[name=csrfmiddlewaretoken]").cloneNode());
  document.body.append(form);
  form.submit();
}

on(document, "click", (event) => {
  const button = event.target.closest("[data-post]");
  if (!button) return;
  event.preventDefault();
  post(button.href || button.form.action);
});
on(document, "keydown", (event) => {
  const isUndo = isControl(event) && !event.shiftKey && letterOf(event) === "z";
  const last = isUndo && !isTyping(event) && all("[data-post]").pop();
  if (!last) return;
  event.preventDefault();
  last.click();
});

/* -- What is being written -- */
const forget = (place) => [place, `${place}:files`].forEach((kept) => localStorage.removeItem(kept));

/* The page an answer led to says which draft that was. */
function forgetSent() {
  const [, kind, id] = location.hash.match(/^#done=(\w+):([0-9a-f-]{36})$/) || [];
  if (!kind) return;
  forget(draftPlace(id, kind));
  history.replaceState(null, "", location.pathname + location.search);
}

function keep(text, ticket, { draftUrl }, done) {
  const { form, dataset: { draft: kind } } = text, place = draftPlace(ticket, kind), other = find("[data-other]", form);
  let { known } = text.dataset, isNew = false, timer, saving = Promise.resolve();
  const said = (more = {}) => {
    const body = new FormData(form);
    Object.entries({ kind, known, ...more }).forEach((field) => body.set(...field));
    isNew = false;
    return body;
  };
  const save = () => (saving = saving.then(async () => {
    if (!isNew) return;
    const told = await jsonOf(draftUrl, { method: "POST", body: said() });
    if (!told) return void (isNew = true); // the copy here stays
    ({ known } = told);
    if (!isNew) localStorage.removeItem(place);
    if (told.replaced) offer(told.replaced);
  }));
  const changed = () => {
    isNew = true;
    localStorage.setItem(place, `${Date.now()}:${text.value}`);
    clearTimeout(timer);
    timer = setTimeout(save, 800);
  };
  /* Of two versions the newer one stands there; the other is a click away. */
  const offer = (words) => {
    other.hidden = false;
    find("q", other).textContent = words.slice(0, 160);
    find("button", other).onclick = () => {
      const former = text.value;
      other.hidden = true;
      text.value = words;
      noteChange(text);
      if (former) offer(former);
    };
  };
  const kept = localStorage.getItem(place) || "", before = text.value;
  const [, at, words] = kept.match(/^(\d{13}):([^]*)$/) || [0, 0, kept]; // without a time: of a release before
  if (done === kind) forget(place);
  else if (words && before && words !== before && at < Date.parse(known)) offer(words);
  else if (words && words !== before) {
    text.value = words;
    changed();
    if (before) offer(before);
  }
  on(text, "input", changed);
  on(form, "wb-files", changed);
  on(window, "online", save);
  on(window, "pagehide", () => isNew && navigator.sendBeacon(draftUrl, said({ leaving: 1 })));
  on(document, "submit", (event) => {
    if (event.target === form && !event.defaultPrevented) isNew = false;
  });
  savings.push(save);
}

/* After a refusal the page stands at the form's own address, where there is nothing to ask or load again. */
function keepTexts({ page, ticket }) {
  const asked = new URLSearchParams(location.search), done = asked.get("done") || asked.get("back");
  if (done || location.pathname !== page) history.replaceState(null, "", page);
  for (const text of all("[data-draft]")) keep(text, ticket, text.closest("section").dataset, done);
  if (done) find(`[data-draft=${CSS.escape(done)}]`)?.focus();
}

export function keepDrafts() {
  forgetSent();
  if (find("#ticket")) keepTexts(find("#ticket").dataset);
  setInterval(count, 500);
}
