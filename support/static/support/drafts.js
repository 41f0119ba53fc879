/* What is written is kept on the server, with a copy here while the network is gone; what waits to be sent is counted
   down; toasts. Without this everything is sent at once. */
"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shown = new Map(), savings = [];

  /* ---- Toasts move nothing, and stay while somebody is at them ---- */
  function toast(...content) {
    const made = document.createElement("div");
    made.className = "wb-toast";
    made.append(...content);
    find("#wb-toasts").append(made);
    return made;
  }

  const leave = (made, after = 7000) => setTimeout(() => (made.matches(":hover, :focus-within") ? leave(made, 1000) : made.remove()), after);
  const parsed = (html) => document.createRange().createContextualFragment(html);

  function toastDone() {
    for (const done of all(".wb-message-success")) {
      leave(toast(...done.childNodes));
      (done.parentElement.children.length > 1 ? done : done.parentElement).remove();
    }
  }

  /* What waits to be sent, and what came back; on its own page the thread and the composer show it. */
  function show({ drafts }) {
    for (const one of drafts.filter(({ id }) => !shown.has(id))) {
      const made = one.page === location.pathname ? null : toast(parsed(one.html));
      if (made && !one.sent) leave(made, 12000);
      shown.set(one.id, { ...one, made, end: performance.now() + one.left * 1000 });
    }
    for (const [id, { made, end, sent }] of shown) {
      if (drafts.some((one) => one.id === id)) continue;
      shown.delete(id);
      made?.remove();
      if (sent && performance.now() > end && !drafts.some((one) => one.id.startsWith(id))) leave(toast(parsed(sent)));
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
    if (over) over.end = now; // and looked at again in a moment
    if (over) document.dispatchEvent(new Event("wb-look"));
  }

  /* What was begun since is saved first: what is taken back comes to stand above it. */
  async function post(address) {
    await Promise.all(savings.map((save) => save()));
    const form = Object.assign(document.createElement("form"), { method: "post", action: address });
    form.append(find("[name=csrfmiddlewaretoken]").cloneNode());
    document.body.append(form);
    form.submit();
  }

  document.addEventListener("wb-bell", ({ detail }) => show(detail));
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-post]");
    if (!button) return;
    event.preventDefault();
    post(button.href || button.form.action);
  });
  document.addEventListener("keydown", (event) => {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && (event.code === "KeyZ" || event.key === "z");
    const last = isUndo && !event.target.closest("input, textarea, select, [contenteditable]") && all("[data-post]").pop();
    if (!last) return;
    event.preventDefault();
    last.click();
  });

  /* ---- What is being written ---- */
  const placeOf = (id, kind) => `desk-draft:${find("meta[name=wb-person]")?.content || ""}:${id}:${kind}`;
  const forget = (place) => [place, `${place}:files`].forEach((kept) => localStorage.removeItem(kept));

  /* The page an answer led to says which draft that was. */
  function forgetSent() {
    const [, kind, id] = location.hash.match(/^#done=(\w+):([0-9a-f-]{36})$/) || [];
    if (!kind) return;
    forget(placeOf(id, kind));
    history.replaceState(null, "", location.pathname + location.search);
  }

  function keep(text, ticket, { draftUrl, wait }, done) {
    const { form, dataset: { draft: kind } } = text, place = placeOf(ticket, kind), other = find("[data-other]", form);
    let { known } = text.dataset, isNew = false, timer, saving = Promise.resolve();
    const said = (more = {}) => {
      const body = new FormData(form);
      Object.entries({ kind, known, ...more }).forEach(([name, value]) => body.set(name, value));
      isNew = false;
      return body;
    };
    const save = () => (saving = saving.then(async () => {
      if (!isNew) return;
      const answer = await fetch(draftUrl, { method: "POST", body: said() }).catch(() => null);
      if (!answer?.ok || answer.redirected) return void (isNew = true); // the copy here stays
      const told = await answer.json();
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
        text.dispatchEvent(new Event("input", { bubbles: true }));
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
    form.elements.wait.value = Number(wait) ? 1 : "";
    text.addEventListener("input", changed);
    form.addEventListener("wb-files", changed);
    addEventListener("online", save);
    addEventListener("pagehide", () => isNew && navigator.sendBeacon(draftUrl, said({ leaving: 1 })));
    document.addEventListener("submit", (event) => {
      if (event.target === form && !event.defaultPrevented) isNew = false;
    });
    savings.push(save);
  }

  /* After a refusal the page stands at the form's own address, where there is nothing to ask or load again. */
  function keepDrafts({ page, ticket }) {
    const asked = new URLSearchParams(location.search), done = asked.get("done") || asked.get("back");
    if (done || location.pathname !== page) history.replaceState(null, "", page);
    for (const text of all("[data-draft]")) keep(text, ticket, text.closest("section").dataset, done);
    if (done) find(`[data-draft=${CSS.escape(done)}]`)?.focus();
  }

  document.addEventListener("DOMContentLoaded", () => {
    forgetSent();
    toastDone();
    if (find("#ticket")) keepDrafts(find("#ticket").dataset);
    setInterval(count, 500);
  });
})();
