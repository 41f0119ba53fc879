/* News without reloading, dialogs and keys; on every page of the admin, forms that are sent once and keep their text. All
   of it works without this, by plain links and forms. */
import {
  all, DIALOG, DRAFT, find, isControl, isDialogOpen, isModified, isTyping, letterOf, make, noteChange, on, onClick, ownDrafts, person, setSenders,
} from "./page.js";
import { keepDrafts, showDrafts } from "./drafts.js";
import { A_MINUTE, ask, everyMinute, isLive, keepUp, pageAt, showWaiting, takeOver, watchWaiting } from "./live.js";

const QUEUE_EVERY = 15000, SENDING = 10000, BELL_EVERY = 10000, BELL_AT_LEAST = 300000, LEAVING = 10000;
const SENT = "desk-sent", LIST = "desk-list", PLACE = "desk-place", SOUND = "wb-bell-sound", DESKTOP = "wb-bell-desktop", TOLD = "wb-bell-told";
const ticket = find("#ticket"), tabs = find("#wb-tabs");
const isOn = (key) => Boolean(localStorage.getItem(key));
const stored = (key) => JSON.parse(sessionStorage.getItem(key) || "{}");
const store = (key, value) => sessionStorage.setItem(key, JSON.stringify(value));

/* -- The queue -- */
function watchQueue() {
  let isLeaving = false;
  on(window, "beforeunload", () => {
    isLeaving = true;
    setTimeout(() => { isLeaving = false; }, LEAVING); // it was a download
  });
  const focused = () => find("#result_list")?.contains(document.activeElement) && document.activeElement;
  const isBusy = () => find("input.action-select:checked") || (focused() && !ticketOf(focused()));
  const look = async () => {
    if (!isLive && document.hidden && Math.random() < 0.5) return; // a tab nobody looks at asks half as often
    const fresh = await pageAt(location.href);
    if (!fresh) return;
    showWaiting(find("#wb-tabs", fresh)?.dataset.waiting);
    const list = find("#changelist-form"), newer = find("#changelist-form", fresh);
    if (!list || !newer || isBusy()) return; // rows and their numbers change together, or neither
    takeOver(fresh);
    const known = all("input.action-select", list).map((box) => box.value);
    const rows = find("#result_list", list), newRows = find("#result_list", newer);
    if (!rows || !newRows) {
      if ((rows || newRows) && !isLeaving) location.reload(); // which would undo a click on another page
      return;
    }
    if (rows.textContent === newRows.textContent) return;
    for (const box of all("input.action-select", newRows)) if (!known.includes(box.value)) box.closest("tr").classList.add("wb-arrived");
    const walkedTo = focused() && ticketOf(focused());
    rows.replaceWith(newRows);
    rowLinks().find((link) => ticketOf(link) === walkedTo)?.focus({ preventScroll: true });
    rememberList();
    if (find(".action-toggle", list)) window.Actions?.(all("tr input.action-select"), { parent: list });
  };
  keepUp(look, QUEUE_EVERY, 1000);
  everyMinute(look);
}

/* -- The dashboard -- */
function watchFigures() {
  const look = async () => {
    const fresh = !document.hidden && await pageAt(location.href);
    if (!fresh) return;
    takeOver(fresh);
    showWaiting(find("#wb-tabs", fresh)?.dataset.waiting);
  };
  on(document, "visibilitychange", keepUp(look, A_MINUTE, BELL_EVERY));
}

/* -- From ticket to ticket, in the list one came from, as it stood then -- */
const rowLinks = () => all("#result_list a[href*='/change/']").filter(ticketOf);
const ticketOf = (link) => link.pathname?.match(/\/support\/ticket\/([0-9a-f-]{36})\/change\//)?.[1];

function rememberList() {
  store(LIST, { search: location.search, ids: [...new Set(rowLinks().map(ticketOf))] });
}

/* Enter opens a row, as any link. */
function walksRows(event) {
  const rows = all("#result_list tbody tr"), at = rows.findIndex((row) => row.contains(document.activeElement));
  const step = { j: 1, k: -1 }[letterOf(event)];
  if (!rows.length || (!step && (event.key !== " " || at < 0))) return false;
  if (step) find("a[href*='/change/']", rows[Math.max(at + step, 0)] || rows.at(-1))?.focus();
  else find("input.action-select", rows[at])?.click();
  return true;
}

function returnToPlace() {
  const { search, id, y } = stored(PLACE);
  if (!id || search !== location.search) return;
  sessionStorage.removeItem(PLACE);
  const link = rowLinks().find((found) => ticketOf(found) === id);
  link?.classList.add("wb-here");
  link?.focus({ preventScroll: true });
  scrollTo(0, y);
}

function offerSteps() {
  const { search = "", ids = [] } = stored(LIST), steps = find("#wb-steps"), said = find("[data-place]", steps);
  const back = find("[data-back]"), form = find("#wb-reply")?.elements, id = ticket.dataset.ticket, place = ids.indexOf(id);
  back.href += search;
  store(PLACE, { ...stored(PLACE), search, id });
  if (form) {
    form.from.value = back.pathname + search;
    form.next.value = (place >= 0 && ids[place + 1]) || "";
  }
  if (place < 0) return;
  steps.hidden = false;
  said.textContent = said.dataset.place.replace("{place}", place + 1).replace("{all}", ids.length);
  for (const step of all("[data-step]", steps)) {
    const beside = ids[place + Number(step.dataset.step)];
    step.hidden = !beside;
    if (beside) step.href = steps.dataset.address.replace(/[0-]{36}/, beside);
  }
}

/* What was typed is its writer's: gone when they sign out, and when somebody else signs in here. */
function forgetDrafts(but = null) {
  const drafts = Object.keys(localStorage).filter((key) => key.startsWith(DRAFT) && !(but && key.startsWith(but)));
  drafts.forEach((key) => localStorage.removeItem(key));
  if (!but) sessionStorage.clear();
}

/* -- The bell -- */
function watchBell(bell) {
  const count = find("#wb-bell-count");
  let held, later;
  const look = async () => {
    const answer = await ask(bell.dataset.bell);
    if (!answer) return;
    const { unread, newest, drafts, again_in: againIn } = await answer.json();
    showDrafts(drafts);
    clearTimeout(held);
    if (againIn !== null) held = setTimeout(look, againIn * 1000);
    count.hidden = !unread;
    count.textContent = unread > 99 ? "99+" : unread;
    if (newest && isNews(newest.id)) tell(newest);
  };
  const lookTwice = () => { // what somebody is told comes a moment after what happened, and at times a long one
    look();
    clearTimeout(later);
    if (isLive) later = setTimeout(look, BELL_EVERY);
  };
  look();
  on(document, "wb-look", look);
  keepUp(lookTwice, BELL_EVERY, 1500);
  setInterval(look, BELL_AT_LEAST);
}

/* Of several tabs the first one rings; the first look of a browser at all is no news. */
function isNews(id) {
  const told = localStorage.getItem(TOLD);
  if (told === id) return false;
  localStorage.setItem(TOLD, id);
  return told !== null && told < id; // ids grow with the time
}

function tell({ id, title, message, address }) {
  if (isOn(SOUND)) chime();
  if (!isOn(DESKTOP) || window.Notification?.permission !== "granted") return;
  const shown = new Notification(title, { body: message, tag: id });
  shown.onclick = () => { window.focus(); location.assign(address); };
}

/* Two soft tones, made here: nothing is loaded, and a browser that forbids sound stays silent. */
function chime() {
  const sound = new AudioContext(), volume = sound.createGain(), voice = sound.createOscillator(), now = sound.currentTime;
  volume.gain.value = 0.08;
  voice.frequency.setValueAtTime(660, now);
  voice.frequency.setValueAtTime(880, now + 0.15);
  voice.connect(volume).connect(sound.destination);
  voice.start(now);
  voice.stop(now + 0.3);
  return setTimeout(() => sound.close(), 1000);
}

/* Each person's own, in this browser, and off until switched on; `begin` says whether it can be. */
function offerSwitch(button, key, isPossible, begin) {
  const show = () => { button.ariaPressed = isOn(key); };
  button.hidden = !isPossible;
  button.onclick = async () => {
    if (isOn(key)) localStorage.removeItem(key);
    else if (await begin()) localStorage.setItem(key, "1");
    show();
  };
  show();
}

/* -- Any form -- */
const actionOf = (form) => form.getAttribute("action") || ""; // `form.action` may be a field of that name
const addressOf = (form) => {
  const { pathname, search } = new URL(actionOf(form), location.href);
  return pathname + search;
};
const typedIn = (form) => [...form.elements].filter(
  (field) => field.name && field.matches("textarea, select, input:not([type=hidden], [type=submit], [type=password], [type=file])"));
const isSigningOut = (form) => actionOf(form).endsWith("/logout/");
const isKept = (form) => form.method === "post" && !find("[type=password]", form) && !isSigningOut(form);

/* What a form sends is kept until a page shows that it arrived. */
function keepSent(form) {
  const fields = typedIn(form).map((field) => [field.name, field.type, field.value, field.checked]);
  const id = form.elements.form_id?.value; // with it the server knows what did arrive, and takes it once
  store(SENT, { person: person(), address: addressOf(form), fields, id });
}

/* It did not where the sign-in came between, or no page of ours at all: then it stands in its form again. */
function bringBack() {
  const sent = stored(SENT);
  if (!sent.address) return;
  const isBetween = find("#login-form, [data-wb-lost]") || location.pathname.endsWith("/second-factor/");
  if (isBetween) return store(SENT, { ...sent, lost: true });
  const isOurs = sent.person === person();
  const isLost = isOurs && (sent.lost || performance.getEntriesByType("navigation")[0]?.type === "back_forward");
  const form = isLost && [...document.forms].find((found) => isKept(found) && addressOf(found) === sent.address);
  const opener = isLost && !form && !isDialogOpen() && all("a[data-dialog]").find((link) => link.pathname + link.search === sent.address);
  if (opener) return void openDialog(opener).then(bringBack);
  if (form) {
    fill(form, sent.fields);
    if (sent.id && form.elements.form_id) form.elements.form_id.value = sent.id;
    form.prepend(make("p", { className: "wb-warning", role: "status", textContent: find("meta[name=wb-kept]").content }));
  }
  if (form || !sent.lost || !isOurs) sessionStorage.removeItem(SENT);
}

function fill(form, fields) {
  for (const [name, type, value, checked] of fields) {
    const isTicked = type === "checkbox" || type === "radio";
    const field = typedIn(form).find((found) => found.name === name && (!isTicked || found.value === value));
    if (!field) continue;
    if (isTicked) field.checked = checked;
    else if (type !== "select-multiple") field.value = value;
    noteChange(field, isTicked ? "change" : "input");
  }
}

function chooseMode(mode) {
  if (!find(`[data-pane=${mode}]`)) return;
  for (const tab of all("[data-mode]")) tab.ariaSelected = tab.dataset.mode === mode;
  for (const pane of all("[data-pane]")) pane.hidden = pane.dataset.pane !== mode;
  find(`[data-pane=${mode}] textarea`).focus();
}

async function openDialog(link) {
  const fresh = await pageAt(link.href, DIALOG), dialog = find("#wb-dialog");
  if (!fresh || !dialog) return void (location.href = link.href);
  dialog.replaceChildren(...fresh.body.children);
  dialog.showModal();
  (find("select, textarea, input:not([type=hidden])", dialog) || find("button", dialog)).focus();
}

function watchForms() {
  if (location.pathname.endsWith("/logout/")) forgetDrafts();
  else if (person()) forgetDrafts(ownDrafts());
  bringBack();
  on(document, "submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if (isSigningOut(form)) return forgetDrafts();
    if (isKept(form)) keepSent(form);
    setTimeout(setSenders, 0, form, true);
    setTimeout(setSenders, SENDING, form, false);
  });
  // What is typed beside a page's fields is no change of the page: nothing warns of losing it.
  on(document, "input", (event) => event.target.form?.id === "beside" && event.stopPropagation(), true);
  // Back to a page the browser had kept: its buttons work again; one that lives by news is asked for anew.
  on(window, "pageshow", (event) => {
    all("button:disabled").forEach((button) => (button.disabled = false));
    if (event.persisted && find("#ticket, #wb-tabs")) location.reload();
  });
}

/* A choice among the buttons says all there is to say, but for "at a time of my choice", which asks for it. */
function onChange({ target }) {
  if (!target.matches("[data-quick]") || !target.value) return;
  if (target.value !== "at") return target.form.requestSubmit();
  openDialog({ href: actionOf(target.form) }).then(() => {
    const asked = find("#wb-dialog [name=when]");
    if (asked) asked.value = "at";
    find("#wb-dialog [name=until]")?.focus();
  });
  target.value = "";
}

function onKey(event) {
  const { target, key } = event;
  // The arrows would choose, one after the other, what nobody wants: they open the list.
  if (target.matches("[data-quick]") && key.startsWith("Arrow")) {
    event.preventDefault();
    target.showPicker?.();
  }
  if (isControl(event) && key === "Enter" && target.matches("[data-draft]")) {
    ((event.shiftKey && find("[name=close]", target.form)) || find("[data-send]", target.form)).click();
    return;
  }
  if (key === "Escape" && target.matches("[data-draft]")) target.blur();
  if (isModified(event) || isTyping(event) || isDialogOpen()) return;
  const wanted = find(`[data-key="${letterOf(event)}"]`);
  const keys = ["?", "؟"].includes(key) && find("#wb-keys");
  if (wanted) wanted.click();
  else if (keys) keys.showModal();
  else if (!walksRows(event)) return;
  event.preventDefault();
}

/* Of everything, from everywhere: Ctrl+K, and "/" on pages that have no search of their own. */
function goSearching(event) {
  const form = find("#wb-find"), own = find("#searchbar, #wb-search, #wb-who");
  if (!form || isDialogOpen() || event.altKey || event.isComposing) return;
  const isSlash = event.key === "/" || (event.code === "Slash" && event.key > "~" && !event.shiftKey);
  if (!(isControl(event) ? !event.shiftKey && letterOf(event) === "k" : isSlash && !isTyping(event))) return;
  event.preventDefault();
  const box = (!isControl(event) && own) || form.elements.q;
  if (!box.offsetParent) return location.assign(form.action); // no room for it here: its page has one
  box.focus();
  box.select();
}

/* Where this does not run, there is no such button, and the text is selected by hand. */
function offerCopying(button) {
  button.hidden = !navigator.clipboard;
  button.onclick = async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.title = button.ariaLabel = button.dataset.copied;
    button.firstChild.textContent = "check";
  };
}

/* -- This page -- */
// What scrolls unfold would call all by one name, and in English.
for (const part of all("[data-simplebar]:not([data-simplebar-aria-label])")) part.dataset.simplebarAriaLabel = (find("h2, h3, h4", part) || find("h1"))?.textContent.trim();
watchForms();
all("[data-bell]").forEach(watchBell);
if (find("[data-bell-sound]")) {
  offerSwitch(find("[data-bell-sound]"), SOUND, window.AudioContext, chime);
  offerSwitch(find("[data-bell-desktop]"), DESKTOP, window.Notification, async () => (await Notification.requestPermission()) === "granted");
}
watchWaiting();
if (tabs) showWaiting(tabs.dataset.waiting);
if (ticket) {
  offerSteps();
  const thread = find("#wb-thread");
  if (!location.hash) thread.scrollTop = find("#wb-since")?.offsetTop - 40 || thread.scrollHeight;
} else if (tabs && document.body.matches(".wb-queue")) {
  rememberList();
  setTimeout(returnToPlace); // when the page has shown its rows
  on(window, "pagehide", () => store(PLACE, { search: location.search, y: scrollY }));
  watchQueue();
} else if (tabs) watchFigures();
keepDrafts();
all("[data-copy]").forEach(offerCopying);
on(document, "keydown", goSearching);
if (ticket || tabs) {
  onClick("a[data-dialog]", openDialog);
  onClick("[data-mode]", ({ dataset }) => chooseMode(dataset.mode));
  onClick("dialog [data-cancel]", (link) => link.closest("dialog").close());
  on(document, "change", onChange);
  on(document, "keydown", onKey);
}
