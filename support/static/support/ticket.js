/* A ticket's fields that are found by typing, saved at once; what is on the screen is seen; what changed while one writes. */
"use strict";
(() => {
  const find = (selector, root = document) => root.querySelector(selector);
  const load = (address, options) => fetch(address, options)
    .then(async (answer) => new DOMParser().parseFromString(await answer.text(), "text/html")).catch(() => null);

  async function send(form) {
    const page = await load(form.getAttribute("action"), { method: "POST", body: new FormData(form) });
    if (!page) return void (find("#wb-lost").hidden = false);
    if (find(".wb-form", page)) return ask(find(".wb-form", page)); // refused, with the reason
    if (!find("#ticket", page)) return location.reload();
    const reply = find("#wb-reply")?.elements, { assignee, status } = find("#wb-thread", page).dataset;
    if (reply) [reply.assignee.value, reply.status.value] = [assignee, status]; // one's own doing is no news
    document.dispatchEvent(new CustomEvent("wb-fresh", { detail: page }));
    document.querySelectorAll(".wb-passing").forEach((one) => one.remove());
    find("#wb-toasts").append(...find("#wb-toasts", page).children);
    find("#wb-messages").replaceChildren(...find("#wb-messages", page).children);
  }

  function ask(form) {
    const dialog = find("#wb-dialog");
    dialog.replaceChildren(form);
    if (!dialog.open) dialog.showModal();
  }

  /* What the link's form offers, in a field beside it; the browser filters while one types. */
  function offer(link) {
    const box = find("#wb-finder").content.cloneNode(true), input = find("input", box), list = find("datalist", box);
    const offers = load(link.href, { headers: { "X-Workbench-Poll": "1", "X-Workbench-Dialog": "1" } }).then((page) => {
      const form = page && find("select, [type=checkbox]", page)?.form, nobody = find("[data-nobody]");
      if (!form) return void (location.href = link.href);
      const found = [...form.querySelectorAll("option, [type=checkbox]:not(:checked)")]
        .map((one) => [one.text || one.parentNode.textContent.trim(), () => { one.selected = one.checked = true; }, form]);
      if (nobody && find("select", form)) found.push([nobody.dataset.nobody, null, nobody]);
      list.append(...found.map(([label]) => new Option("", label)));
      if (navigator.userActivation?.isActive && input.isConnected) input.showPicker?.();
      return found;
    });
    const choose = async (fits) => {
      const [, pick, form] = (await offers).find(([label]) => fits(label)) || [];
      if (!form) return;
      input.blur();
      link.focus();
      pick?.();
      if (find("[required]", form)?.value === "") return ask(form); // a reason
      await send(form);
      if (link.id === "wb-find-tags") offer(find("#wb-find-tags"));
    };
    const small = (text) => text.trim().toLocaleLowerCase();
    input.ariaLabel = input.placeholder = link.dataset.find;
    input.onblur = () => { input.remove(); list.remove(); link.hidden = false; };
    input.oninput = ({ inputType = "" }) => /^insert(Text|Comp)|^delete/.test(inputType) || choose((label) => label === input.value);
    input.onkeydown = (event) => {
      if (event.key === "Escape") link.hidden = false, link.focus();
      if (event.key !== "Enter") return;
      event.preventDefault();
      if (small(input.value)) choose((label) => small(label).includes(small(input.value)));
    };
    link.hidden = true;
    link.after(box);
    input.focus();
  }

  /* Somebody else has the ticket now, or it is closed: who writes is told at once. */
  function tell() {
    const form = find("#wb-reply")?.elements, notice = find("#wb-changed"), now = find("#wb-thread").dataset;
    if (!form) return;
    notice.hidden = form.assignee.value === now.assignee && form.status.value === now.status;
    const said = now.status === "closed" ? notice.dataset.closed : notice.dataset[now.name ? "taken" : "free"].replace("{name}", now.name);
    if (!notice.hidden && notice.textContent !== said) notice.textContent = said;
  }

  let before = 0;
  function noteWhatIsOnScreen() {
    const thread = find("#wb-thread"), said = [...thread.querySelectorAll("[data-said]")], form = find("#wb-reply")?.elements;
    const box = thread.getBoundingClientRect(), end = Math.min(box.bottom, find(".wb-composer")?.getBoundingClientRect().top ?? innerHeight);
    const last = document.hasFocus() ? said.findLast((one) => one.getBoundingClientRect().top < end - 24) : null;
    const now = Number(last === said.at(-1) ? thread.dataset.sequence : last?.dataset.said || 0), seen = Math.min(before, now);
    before = now; // a second on the screen is seen
    if (seen > find("#ticket").dataset.seen) find("#ticket").dataset.seen = seen;
    if (form && seen > form.last_sequence.value) form.last_sequence.value = seen;
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-find]"), more = find(".wb-more[open]");
    if (more && !more.contains(event.target)) more.open = false;
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    offer(link);
  });
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-at-once]")) return;
    event.preventDefault();
    if (event.target.matches(".wb-tagged")) find("#wb-find-tags").focus(); // what was pressed goes
    send(event.target);
  }, true);
  document.addEventListener("wb-shown", tell);
  setInterval(noteWhatIsOnScreen, 1000);
})();
