/* What a page is told while it is open, without being loaded again. */
import { all, find, jsonOf, on, parsed, POLL, say } from "./page.js";

export const A_MINUTE = 60000;
const WAITING_EVERY = 2000, WAITING_LOOKS = 30, LIVE_AGAIN = 2000, LIVE_LATEST = 60000, LIVE_SILENCE = 45000;

export function showWaiting(count) {
  document.title = (Number(count) ? `(${count}) ` : "") + document.title.replace(/^\(\d+\+?\) /, "");
}

/* The server's answer, or null where it does not know us any more; then the page says so. */
export async function ask(address, headers = POLL) {
  const answer = await fetch(address, { headers }).catch(() => null), notice = find("#wb-lost");
  const isLost = !answer || answer.redirected || answer.status === 403;
  if (notice && (isLost || answer.ok)) notice.hidden = !isLost;
  return !isLost && answer.ok ? answer : null;
}

export const pageAt = async (address, headers) => {
  const answer = await ask(address, headers);
  return answer && parsed(await answer.text());
};

/* Put the fresh page's live parts in place of ours; a part somebody is just using is left alone. */
export function takeOver(fresh) {
  for (const part of all("[data-live]")) {
    const newer = fresh.getElementById(part.id);
    const used = document.activeElement?.closest("a, button, select, input"), isUsed = used && part.contains(used);
    const same = isUsed && used.id && newer && find(`#${CSS.escape(used.id)}`, newer); // as a picture that was looked at
    if (!newer || newer.innerHTML === part.innerHTML || (isUsed && !same)) continue;
    const { scrollTop } = part, isAtEnd = part.scrollHeight - scrollTop - part.clientHeight < 60;
    part.replaceWith(newer);
    newer.scrollTop = isAtEnd ? newer.scrollHeight : scrollTop;
    if (same) same.focus({ preventScroll: true });
  }
}

/* A part of which something comes in a moment, as of a webhook's test, is looked at until then. */
export function watchWaiting(page = document, left = WAITING_LOOKS) {
  if (!left || !find("[data-live][data-waits]", page)) return;
  setTimeout(async () => {
    const fresh = await pageAt(location.href);
    watchWaiting(fresh || document, left - 1);
    if (fresh) takeOver(fresh);
  }, WAITING_EVERY);
}

/* -- The stream: it says when to look; where it is away, the pages ask by themselves -- */
const looks = [];
const lookAll = () => looks.forEach(({ look }) => look());
export let isLive = false;
let comeBackIn = LIVE_AGAIN;

/* What is asked for several times within a moment is done once, at its end. */
export function atMostOnceIn(moment, look) {
  let due = null;
  return () => { due ||= setTimeout(() => { due = null; look(); }, moment); };
}

/* Look when the stream comes or goes, and soon after it says that something changed that `isOurs`; while away, `every`. */
export function keepUp(look, every, least, isOurs = () => true) {
  const soon = atMostOnceIn(least, look);
  looks.push({ look, hear: (news) => isOurs(news) && soon() });
  setInterval(() => isLive || look(), every);
  return soon;
}

/* "Due in 24 minutes" is true for a minute. */
export const everyMinute = (look) => setInterval(() => document.hidden || !find(".wb-due") || look(), A_MINUTE);

async function goLive() {
  const form = find("#wb-live");
  if (!form || !looks.length) return;
  const body = new FormData(form), shown = find("#ticket")?.dataset.ticket;
  if (shown) body.set("ticket", shown); // so that colleagues see who has it open
  const answer = await jsonOf(form.action, { method: "POST", body, headers: POLL });
  if (!answer) return comeBack();
  if (!answer.url) return; // who has none to see polls
  const stream = new EventSource(answer.url);
  let silence;
  const leave = (isForGood) => {
    clearTimeout(silence);
    stream.close();
    isLive = false;
    if (!isForGood) comeBack();
  };
  const heard = () => {
    clearTimeout(silence);
    silence = setTimeout(leave, LIVE_SILENCE);
  };
  const when = (type, act) => on(stream, type, ({ data }) => {
    heard();
    act?.(JSON.parse(data));
  });
  heard();
  when("hello", () => {
    isLive = true;
    comeBackIn = LIVE_AGAIN;
    lookAll(); // what changed since the page was made, or while it was away
  });
  when("beat");
  when("message", (news) => looks.forEach(({ hear }) => hear(news)));
  when("viewers", () => say("wb-viewers"));
  when("end", ({ reason }) => leave(reason === "replaced"));
  on(stream, "error", () => {
    leave();
    lookAll();
  });
}

function comeBack() {
  setTimeout(goLive, comeBackIn * (0.5 + Math.random()));
  comeBackIn = Math.min(comeBackIn * 2, LIVE_LATEST);
}

on(document, "DOMContentLoaded", goLive); // when every script has said what it keeps up
