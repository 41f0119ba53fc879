/* A ticket: what is new; its fields, found by typing and saved at once; what is seen, and what changed while one writes. */
import { A_MINUTE, ask, atMostOnceIn, everyMinute, isLive, keepUp, pageAt, showWaiting, takeOver } from "./live.js";
import { all, DIALOG, find, on, onClick, parsed, say } from "./page.js";

const TICKET_EVERY = 4000, SEEN_AFTER = 10000, SEEN_WITHIN = 2000, LINKS_LEFT = 900000;
const ticket = find("#ticket"), reply = find("#wb-reply")?.elements;

/* -- What is new -- */
async function news() {
  const isSeen = !document.hidden && document.hasFocus();
  const answer = await ask(ticket.dataset.news + (isSeen ? `?seen=${ticket.dataset.seen}` : ""));
  if (!answer) return;
  const { version, viewers, waiting, has_read: hasRead } = await answer.json();
  showWaiting(waiting);
  if (hasRead) say("wb-look");
  const others = find("#wb-viewers");
  if (others.textContent !== viewers) others.textContent = viewers;
  if (String(version) === ticket.dataset.version && !linksEnd()) return;
  const fresh = await pageAt(`${location.pathname}${location.search || "?"}&since=${ticket.dataset.since}`);
  if (fresh) show(fresh);
}

function show(fresh) {
  takeOver(fresh);
  ticket.dataset.version = find("#ticket", fresh).dataset.version;
  if (!find("[data-draft=reply]")?.value) noteWhatIsSeen();
  tell();
}

let askedAt = 0;
function newsTwice() { // what is told meanwhile is read once it has been on the screen for a while
  news();
  if (!isLive || Date.now() - askedAt < SEEN_WITHIN) return; // the next look comes late enough for this too
  askedAt = Date.now();
  setTimeout(news, SEEN_AFTER);
}

/* Links to files are good for an hour or two, and a page stays open all day. */
function linksEnd() {
  const end = find("[data-links-end]")?.dataset.linksEnd;
  return end && new Date(end) - Date.now() < LINKS_LEFT;
}

/* Nothing is written yet, so what is on the screen now is what the answer will be written on. */
function noteWhatIsSeen() {
  const { sequence, assignee, status } = find("#wb-thread").dataset;
  if (reply) [reply.last_sequence.value, reply.assignee.value, reply.status.value] = [sequence, assignee, status];
}

/* -- Fields -- */
const load = (address, options) => fetch(address, options).then(async (answer) => parsed(await answer.text())).catch(() => null);

async function send(form) {
  const page = await load(form.getAttribute("action"), { method: "POST", body: new FormData(form) });
  if (!page) return void (find("#wb-lost").hidden = false);
  if (find(".wb-form", page)) return demand(find(".wb-form", page)); // refused, with the reason
  if (!find("#ticket", page)) return location.reload();
  const { assignee, status } = find("#wb-thread", page).dataset;
  if (reply) [reply.assignee.value, reply.status.value] = [assignee, status]; // one's own doing is no news
  const used = document.activeElement;
  if (used.id && !page.getElementById(used.id)) used.blur(); // or its part stays as it was
  show(page);
  all(".wb-passing").forEach((one) => one.remove());
  find("#wb-toasts").append(...find("#wb-toasts", page).children);
  find("#wb-messages").replaceChildren(...find("#wb-messages", page).children);
}

function demand(form) {
  const dialog = find("#wb-dialog");
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
}

/* What the link's form offers, in a field beside it; the browser filters while one types. */
function offer(link) {
  const box = find("#wb-finder").content.cloneNode(true), input = find("input", box), list = find("datalist", box);
  const offers = load(link.href, { headers: DIALOG }).then((page) => {
    const form = page && find("select, [type=checkbox]", page)?.form, nobody = find("[data-nobody]");
    if (!form) return void (location.href = link.href);
    const found = all("option, [type=checkbox]:not(:checked)", form)
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
    if (find("[required]", form)?.value === "") return demand(form); // a reason
    await send(form);
    const tags = find("#wb-find-tags");
    if (link.id === "wb-find-tags" && tags.offsetParent) offer(tags);
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
  if (!reply) return;
  const notice = find("#wb-changed"), now = find("#wb-thread").dataset;
  notice.hidden = reply.assignee.value === now.assignee && reply.status.value === now.status;
  const said = notice.dataset[now.status === "closed" ? "closed" : now.name ? "taken" : "free"].replace("{name}", now.name);
  if (!notice.hidden && notice.textContent !== said) notice.textContent = said;
}

let before = 0;
function noteWhatIsOnScreen() {
  const thread = find("#wb-thread"), said = all("[data-said]", thread);
  const box = thread.getBoundingClientRect(), end = Math.min(box.bottom, find(".wb-composer")?.getBoundingClientRect().top ?? innerHeight);
  const last = document.hasFocus() ? said.findLast((one) => one.getBoundingClientRect().top < end - 24) : null;
  const now = Number(last === said.at(-1) ? thread.dataset.sequence : last?.dataset.said || 0), seen = Math.min(before, now);
  before = now; // a second on the screen is seen
  if (seen > ticket.dataset.seen) ticket.dataset.seen = seen;
  if (reply && seen > reply.last_sequence.value) reply.last_sequence.value = seen;
}

onClick("a[data-find]", offer);
on(document, "click", ({ target }) => {
  const more = find(".wb-more[open]");
  if (more && !more.contains(target)) more.open = false;
});
on(document, "submit", (event) => {
  if (!event.target.matches("[data-at-once]")) return;
  event.preventDefault();
  if (event.target.matches(".wb-tagged")) find("#wb-find-tags").focus(); // what was pressed goes
  send(event.target);
}, true);
news();
const soon = keepUp(newsTwice, TICKET_EVERY, 300, ({ ticket_id }) => ticket_id === ticket.dataset.ticket);
on(document, "wb-viewers", atMostOnceIn(300, news));
everyMinute(news);
on(window, "focus", soon);
on(document, "visibilitychange", () => document.hidden || soon());
setInterval(noteWhatIsOnScreen, 1000);
setInterval(() => linksEnd() && news(), A_MINUTE);
