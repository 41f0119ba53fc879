/* The workbench in the browser: news without reloading, dialogs and keys; on every
   page of the admin, forms that are sent once and keep their text. Everything works without it, by plain links and forms. */
"use strict";
(() => {
  const QUEUE_EVERY = 15000, TICKET_EVERY = 4000, SENDING = 10000, BELL_EVERY = 10000, SEEN_AFTER = 10000, SEEN_WITHIN = 2000, A_MINUTE = 60000;
  const BELL_AT_LEAST = 300000, LEAVING = 10000, WAITING_EVERY = 2000, WAITING_LOOKS = 30;
  const LINKS_EVERY = 60000, LINKS_LEFT = 900000;
  const LIVE_AGAIN = 2000, LIVE_LATEST = 60000, LIVE_SILENCE = 45000, POLL = { "X-Workbench-Poll": "1" };
  const find = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  // What the browser keeps, named as in the first release, so that an upgrade loses no draft.
  const DRAFT = "desk-draft:", SENT = "desk-sent", LIST = "desk-list", PLACE = "desk-place";
  const SOUND = "wb-bell-sound", DESKTOP = "wb-bell-desktop", TOLD = "wb-bell-told";
  const person = () => find("meta[name=wb-person]")?.content || "";
  const title = () => document.title.replace(/^\(\d+\+?\) /, "");

  function showWaiting(count) {
    document.title = Number(count) ? `(${count}) ${title()}` : title();
  }

  /* The server's answer, or null where it does not know us any more; then the page says so. */
  async function ask(address, headers = POLL) {
    try {
      const answer = await fetch(address, { headers, credentials: "same-origin" });
      if (answer.redirected || answer.status === 403) throw new Error("signed out");
      if (!answer.ok) return null;
      lost(false);
      return answer;
    } catch {
      lost(true);
      return null;
    }
  }

  function lost(isLost) {
    const notice = find("#wb-lost");
    if (notice) notice.hidden = !isLost;
  }

  const pageAt = async (address) => {
    const answer = await ask(address);
    return answer && new DOMParser().parseFromString(await answer.text(), "text/html");
  };

  /* Put the fresh page's live parts in place of ours; a part somebody is just using is left alone. */
  function takeOver(fresh) {
    for (const part of all("[data-live]")) {
      const newer = fresh.getElementById(part.id);
      const used = document.activeElement?.closest("a, button, select, input"), isUsed = Boolean(used && part.contains(used));
      const same = isUsed && used.id && newer?.querySelector(`#${CSS.escape(used.id)}`); // as a picture that was looked at
      if (newer && newer.innerHTML !== part.innerHTML && (!isUsed || same)) {
        const { scrollTop } = part, isAtEnd = part.scrollHeight - scrollTop - part.clientHeight < 60;
        const adopted = document.adoptNode(newer);
        part.replaceWith(adopted);
        adopted.scrollTop = isAtEnd ? adopted.scrollHeight : scrollTop;
        if (same) same.focus({ preventScroll: true });
      }
    }
  }

  /* A part of which something comes in a moment, as of a test of a webhook, is looked at until it has come. */
  function watchWaiting(page = document, left = WAITING_LOOKS) {
    if (!left || !find("[data-live][data-waits]", page)) return;
    setTimeout(async () => {
      const fresh = await pageAt(location.href);
      watchWaiting(fresh || document, left - 1);
      if (fresh) takeOver(fresh);
    }, WAITING_EVERY);
  }

  /* ---- The stream: it says when to look; where it is away, the pages ask by themselves ---- */
  const looks = [];
  let isLive = false, comeBackIn = LIVE_AGAIN, viewersChanged = () => {}, lookAtBell = () => {};

  /* What is asked for several times within a moment is done once, at its end. */
  function atMostOnceIn(moment, look) {
    let due = null;
    return () => { due ||= setTimeout(() => { due = null; look(); }, moment); };
  }

  /* Look when the stream comes or goes, and soon after it says that something changed that `isOurs`; while away, `every`. */
  function keepUp(look, every, least, isOurs = () => true) {
    const soon = atMostOnceIn(least, look);
    looks.push({ look, hear: (news) => isOurs(news) && soon() });
    setInterval(() => isLive || look(), every);
    return soon;
  }

  /* "Due in 24 minutes" is true for a minute. */
  const everyMinute = (look) => setInterval(() => document.hidden || !find(".wb-due") || look(), A_MINUTE);

  async function goLive() {
    const form = find("#wb-live");
    if (!form || !window.EventSource || !looks.length) return;
    const body = new FormData(form), shown = find("#ticket")?.dataset.ticket;
    if (shown) body.set("ticket", shown); // so that colleagues see who has it open
    const answer = await fetch(form.action, { method: "POST", body, headers: POLL, credentials: "same-origin" })
      .catch(() => null);
    const { url } = answer?.ok && !answer.redirected ? await answer.json() : {};
    if (!url) return void (answer?.ok && !answer.redirected || comeBack()); // who has none to see polls
    const stream = new EventSource(url);
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
    heard();
    stream.addEventListener("hello", () => {
      heard();
      isLive = true;
      comeBackIn = LIVE_AGAIN;
      looks.forEach(({ look }) => look()); // what changed since the page was made, or while it was away
    });
    stream.addEventListener("beat", heard);
    stream.addEventListener("message", (event) => {
      heard();
      const news = JSON.parse(event.data);
      looks.forEach(({ hear }) => hear(news));
    });
    stream.addEventListener("viewers", () => {
      heard();
      viewersChanged();
    });
    stream.addEventListener("end", (event) => leave(JSON.parse(event.data).reason === "replaced"));
    stream.addEventListener("error", () => {
      leave();
      looks.forEach(({ look }) => look());
    });
  }

  function comeBack() {
    setTimeout(goLive, comeBackIn * (0.5 + Math.random()));
    comeBackIn = Math.min(comeBackIn * 2, LIVE_LATEST);
  }

  /* ---- The queue ---- */
  function watchQueue() {
    let isLeaving = false;
    addEventListener("beforeunload", () => {
      isLeaving = true;
      setTimeout(() => { isLeaving = false; }, LEAVING); // it was a download
    });
    const focused = () => find("#result_list")?.contains(document.activeElement) && document.activeElement;
    const isBusy = () => find("input.action-select:checked") || (focused() && !(focused().href && ticketOf(focused())));
    const look = async () => {
      if (!isLive && document.hidden && Math.random() < 0.5) return; // a tab nobody looks at asks half as often
      const fresh = await pageAt(location.href);
      if (!fresh) return;
      showWaiting(fresh.getElementById("wb-tabs")?.dataset.waiting);
      const list = find("#changelist-form"), newer = fresh.getElementById("changelist-form");
      if (!list || !newer || isBusy()) return; // rows and their numbers change together, or neither
      takeOver(fresh);
      const known = new Set(all("input.action-select", list).map((box) => box.value));
      const rows = find("#result_list", list), newRows = find("#result_list", newer);
      if (!rows || !newRows) {
        if ((rows || newRows) && !isLeaving) location.reload(); // which would undo a click on another page
        return;
      }
      if (rows.textContent === newRows.textContent) return;
      all("input.action-select", newRows).filter((box) => !known.has(box.value)).forEach((box) => {
        box.closest("tr").classList.add("wb-arrived");
      });
      const walkedTo = focused() && ticketOf(focused());
      rows.replaceWith(document.adoptNode(newRows));
      rowLinks().find((link) => walkedTo && ticketOf(link) === walkedTo)?.focus({ preventScroll: true });
      rememberList();
      if (window.Actions && find(".action-toggle", list)) window.Actions(all("tr input.action-select"), { parent: list });
    };
    keepUp(look, QUEUE_EVERY, 1000);
    everyMinute(look);
  }

  /* ---- The dashboard ---- */
  function watchFigures() {
    const look = async () => {
      const fresh = !document.hidden && await pageAt(location.href);
      if (!fresh) return;
      takeOver(fresh);
      showWaiting(fresh.getElementById("wb-tabs")?.dataset.waiting);
    };
    document.addEventListener("visibilitychange", keepUp(look, A_MINUTE, BELL_EVERY));
  }

  /* ---- From ticket to ticket, in the list one came from, as it stood then ---- */
  const rowLinks = () => all("#result_list a[href*='/change/']").filter(ticketOf);
  const ticketOf = (link) => link.pathname.match(/\/support\/ticket\/([0-9a-f-]{36})\/change\//)?.[1];
  const stored = (key) => JSON.parse(sessionStorage.getItem(key) || "{}");

  function rememberList() {
    const ids = [...new Set(rowLinks().map(ticketOf))];
    sessionStorage.setItem(LIST, JSON.stringify({ search: location.search, ids }));
  }

  /* J and K walk through the rows, Space marks one; Enter opens it, as any link. */
  function walksRows(event) {
    const rows = all("#result_list tbody tr"), at = rows.findIndex((row) => row.contains(document.activeElement));
    const step = { j: 1, k: -1 }[letterOf(event)];
    if (!rows.length || (!step && (event.key !== " " || at < 0))) return false;
    if (step) find("a[href*='/change/']", rows[Math.min(Math.max(at + step, 0), rows.length - 1)])?.focus();
    else find("input.action-select", rows[at])?.click();
    return true;
  }

  /* Back in the list one is where one left it. */
  function returnToPlace() {
    const { search, id, y } = stored(PLACE);
    if (!id || search !== location.search) return;
    sessionStorage.removeItem(PLACE);
    const link = rowLinks().find((found) => ticketOf(found) === id);
    link?.classList.add("wb-here");
    link?.focus({ preventScroll: true });
    scrollTo(0, y);
  }

  function offerSteps(ticket) {
    const { search = "", ids = [] } = stored(LIST), steps = find("#wb-steps");
    const back = find("[data-back]"), form = find("#wb-reply"), place = ids.indexOf(ticket.dataset.ticket);
    const following = place >= 0 ? ids[place + 1] : undefined;
    back.href += search;
    sessionStorage.setItem(PLACE, JSON.stringify({ ...stored(PLACE), search, id: ticket.dataset.ticket }));
    if (form) {
      form.elements.from.value = back.pathname + search;
      form.elements.next.value = following || "";
    }
    if (place < 0) return;
    steps.hidden = false;
    find("[data-place]", steps).textContent = find("[data-place]", steps).dataset.place
      .replace("{place}", place + 1).replace("{all}", ids.length);
    for (const step of all("[data-step]", steps)) {
      const id = ids[place + Number(step.dataset.step)];
      step.hidden = !id;
      if (id) step.href = steps.dataset.address.replace(/0{8}-0{4}-0{4}-0{4}-0{12}/, id);
    }
  }

  /* ---- A ticket ---- */
  function watchTicket(ticket) {
    const news = async () => {
      const isSeen = !document.hidden && document.hasFocus();
      const answer = await ask(ticket.dataset.news + (isSeen ? `?seen=${ticket.dataset.seen}` : ""));
      if (!answer) return;
      const { version, viewers, waiting, has_read: hasRead } = await answer.json();
      showWaiting(waiting);
      if (hasRead) lookAtBell();
      const others = find("#wb-viewers");
      if (others.textContent !== viewers) others.textContent = viewers;
      if (String(version) === ticket.dataset.version && !linksEnd()) return;
      const fresh = await pageAt(`${location.pathname}${location.search || "?"}&since=${ticket.dataset.since}`);
      if (fresh) show(fresh);
    };
    const show = (fresh) => {
      takeOver(fresh);
      ticket.dataset.version = fresh.getElementById("ticket").dataset.version;
      if (!find("[data-draft=reply]")?.value) noteWhatIsSeen();
      document.dispatchEvent(new Event("wb-shown"));
    };
    document.addEventListener("wb-fresh", ({ detail }) => show(detail));
    setInterval(() => linksEnd() && news(), LINKS_EVERY);
    let askedAt = 0;
    const newsTwice = () => { // what is told meanwhile is read once it has been on the screen for a while
      news();
      if (!isLive || Date.now() - askedAt < SEEN_WITHIN) return; // the next look comes late enough for this too
      askedAt = Date.now();
      setTimeout(news, SEEN_AFTER);
    };
    news();
    const soon = keepUp(newsTwice, TICKET_EVERY, 300, ({ ticket_id }) => ticket_id === ticket.dataset.ticket);
    viewersChanged = atMostOnceIn(300, news);
    everyMinute(news);
    addEventListener("focus", soon);
    document.addEventListener("visibilitychange", () => document.hidden || soon());
  }

  /* Links to files are good for an hour or two, and a page stays open all day. */
  function linksEnd() {
    const end = find("[data-links-end]")?.dataset.linksEnd;
    return Boolean(end) && new Date(end) - Date.now() < LINKS_LEFT;
  }

  /* Nothing is written yet, so what is on the screen now is what the answer will be written on. */
  function noteWhatIsSeen() {
    const form = find("#wb-reply"), thread = find("#wb-thread");
    if (!form) return;
    form.elements.last_sequence.value = thread.dataset.sequence;
    form.elements.assignee.value = thread.dataset.assignee;
    form.elements.status.value = thread.dataset.status;
  }

  /* What was typed is its writer's: gone when they sign out, and when somebody else signs in here. */
  function forgetOthers() {
    if (location.pathname.endsWith("/logout/")) return forgetAll();
    if (person()) forgetDrafts((key) => !key.startsWith(`${DRAFT}${person()}:`));
  }

  function forgetAll() {
    forgetDrafts(() => true);
    for (const key of [SENT, LIST, PLACE]) sessionStorage.removeItem(key);
  }

  function forgetDrafts(isForgotten) {
    const drafts = Object.keys(localStorage).filter((key) => key.startsWith(DRAFT));
    drafts.filter(isForgotten).forEach((key) => localStorage.removeItem(key));
  }

  /* ---- The bell ---- */
  function watchBell(bell) {
    const count = find("#wb-bell-count");
    let held, later;
    const look = async () => {
      const answer = await ask(bell.dataset.bell);
      if (!answer) return;
      const told = await answer.json(), { unread, newest, again_in: againIn } = told;
      document.dispatchEvent(new CustomEvent("wb-bell", { detail: told }));
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
    lookAtBell = look;
    document.addEventListener("wb-look", look);
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
    if (localStorage.getItem(SOUND)) chime();
    if (!localStorage.getItem(DESKTOP) || window.Notification?.permission !== "granted") return;
    const shown = new Notification(title, { body: message, tag: id });
    shown.onclick = () => { window.focus(); location.assign(address); };
  }

  /* Two soft tones, made here: nothing is loaded, and a browser that forbids sound stays silent. */
  function chime() {
    const sound = new AudioContext(), volume = sound.createGain();
    volume.gain.value = 0.08;
    volume.connect(sound.destination);
    [660, 880].forEach((tone, place) => {
      const voice = sound.createOscillator();
      voice.frequency.value = tone;
      voice.connect(volume);
      voice.start(sound.currentTime + place * 0.15);
      voice.stop(sound.currentTime + place * 0.15 + 0.14);
    });
    setTimeout(() => sound.close(), 1000);
  }

  /* Sound and desktop notifications are each person's own, in this browser, and off until switched on. */
  function offerBellSettings() {
    const sound = find("[data-bell-sound]"), desktop = find("[data-bell-desktop]");
    const show = () => {
      sound.setAttribute("aria-pressed", Boolean(localStorage.getItem(SOUND)));
      desktop.setAttribute("aria-pressed", Boolean(localStorage.getItem(DESKTOP)));
    };
    sound.hidden = !window.AudioContext;
    desktop.hidden = !window.Notification;
    sound.addEventListener("click", () => {
      if (toggle(SOUND)) chime();
      show();
    });
    desktop.addEventListener("click", async () => {
      if (toggle(DESKTOP) && (await Notification.requestPermission()) !== "granted") toggle(DESKTOP);
      show();
    });
    show();
  }

  function toggle(key) {
    if (localStorage.getItem(key)) localStorage.removeItem(key);
    else localStorage.setItem(key, "1");
    return Boolean(localStorage.getItem(key));
  }

  /* ---- Any form ---- */
  const actionOf = (form) => form.getAttribute("action") || ""; // `form.action` may be a field of that name
  const addressOf = (form) => {
    const { pathname, search } = new URL(actionOf(form) || location.href, location.href);
    return pathname + search;
  };
  const typedIn = (form) => [...form.elements].filter(
    (field) => field.name && field.matches("textarea, select, input:not([type=hidden], [type=submit], [type=password], [type=file])"));
  const isSigningOut = (form) => actionOf(form).endsWith("/logout/");
  const isKept = (form) => form.method === "post" && !find("[type=password]", form) && !isSigningOut(form);

  /* What a form sends is kept until a page shows that it arrived. */
  function keepSent(form) {
    const fields = typedIn(form).map((field) => [field.name, field.type, field.value, Boolean(field.checked)]);
    const id = form.elements.form_id?.value; // with it the server knows what did arrive, and takes it once
    sessionStorage.setItem(SENT, JSON.stringify({ person: person(), address: addressOf(form), fields, id }));
  }

  /* It did not where the sign-in came between, or no page of ours at all: then it stands in its form again. */
  function bringBack() {
    const sent = JSON.parse(sessionStorage.getItem(SENT) || "null");
    if (!sent) return;
    const isBetween = find("#login-form, [data-wb-lost]") || location.pathname.endsWith("/second-factor/");
    if (isBetween) return sessionStorage.setItem(SENT, JSON.stringify({ ...sent, lost: true }));
    const isLost = sent.lost || performance.getEntriesByType("navigation")[0]?.type === "back_forward";
    const isTheirs = isLost && sent.person === person();
    const form = isTheirs && [...document.forms].find((found) => isKept(found) && addressOf(found) === sent.address);
    const opener = isTheirs && !form && !find("dialog[open]") && all("a[data-dialog]").find((link) => link.pathname + link.search === sent.address);
    if (opener) return void openDialog(opener).then(bringBack);
    if (form) {
      fill(form, sent.fields);
      if (sent.id && form.elements.form_id) form.elements.form_id.value = sent.id;
      const note = document.createElement("p");
      note.className = "wb-warning";
      note.setAttribute("role", "status");
      note.textContent = find("meta[name=wb-kept]").content;
      form.prepend(note);
    }
    if (form || !sent.lost || sent.person !== person()) sessionStorage.removeItem(SENT);
  }

  function fill(form, fields) {
    const isTicked = (type) => type === "checkbox" || type === "radio";
    for (const [name, type, value, checked] of fields) {
      const field = typedIn(form).find((found) => found.name === name && (!isTicked(type) || found.value === value));
      if (!field) continue;
      if (isTicked(type)) field.checked = checked;
      else if (type !== "select-multiple") field.value = value;
      field.dispatchEvent(new Event(isTicked(type) ? "change" : "input", { bubbles: true }));
    }
  }

  const buttonsOf = (form) => [...form.elements].filter((field) => field.type === "submit");

  function countCharacters() {
    for (const count of all("[data-count-for]")) {
      const text = document.getElementById(count.dataset.countFor), most = Number(count.dataset.most);
      const show = () => {
        const length = [...text.value.replace(/\r\n/g, "\n")].length;
        count.textContent = length > most * 0.9 ? `${length} / ${most}` : "";
      };
      text.addEventListener("input", show);
      show();
    }
  }

  function chooseMode(mode) {
    if (!find(`[data-pane=${mode}]`)) return;
    for (const tab of all("[data-mode]")) tab.setAttribute("aria-selected", String(tab.dataset.mode === mode));
    for (const pane of all("[data-pane]")) pane.hidden = pane.dataset.pane !== mode;
    find(`[data-pane=${mode}] textarea`).focus();
  }

  async function openDialog(link) {
    const answer = await ask(link.href, { ...POLL, "X-Workbench-Dialog": "1" });
    const dialog = find("#wb-dialog");
    if (!answer || !dialog) return void (location.href = link.href);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    dialog.replaceChildren(...[...fresh.body.children].map((child) => document.adoptNode(child)));
    dialog.showModal();
    (find("select, textarea, input:not([type=hidden])", dialog) || find("button", dialog)).focus();
  }

  /* The letter, or on a keyboard of other letters the key where the Latin one would be. */
  const letterOf = (event) => (/^[a-z]$/i.test(event.key) ? event.key : event.code.replace(/^Key/, "")).toLowerCase();

  const isSlash = (event) => event.key === "/" || (event.code === "Slash" && event.key > "~" && !event.shiftKey);

  const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]");

  function watchForms() {
    forgetOthers();
    bringBack();
    document.addEventListener("submit", (event) => {
      const form = event.target;
      if (event.defaultPrevented || form.method !== "post") return;
      if (isSigningOut(form)) return forgetAll();
      if (isKept(form)) keepSent(form);
      setTimeout(() => buttonsOf(form).forEach((button) => (button.disabled = true)));
      setTimeout(() => buttonsOf(form).forEach((button) => (button.disabled = false)), SENDING);
    });
    // What is typed for the small form beside a page's fields is no change of the page: nothing warns of losing it.
    document.addEventListener("input", (event) => {
      if (event.target.form?.id === "beside") event.stopPropagation();
    }, true);
    // Back to a page the browser had kept: its buttons work again; one that lives by news is asked for anew.
    window.addEventListener("pageshow", (event) => {
      all("button:disabled").forEach((button) => (button.disabled = false));
      if (event.persisted && find("#ticket, #wb-tabs")) location.reload();
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    // The side bar and the filters scroll; unfold would call both by one name, and in English.
    for (const part of all("[data-simplebar]")) part.dataset.simplebarAriaLabel = (find("h2, h3, h4", part) || find("h1"))?.textContent.trim();
    watchForms();
    if (find("[data-bell]")) watchBell(find("[data-bell]"));
    if (find("[data-bell-sound]")) offerBellSettings();
    watchWaiting();
    setTimeout(goLive); // when the page has said what it keeps up
    const ticket = find("#ticket"), tabs = find("#wb-tabs");
    if (!ticket && !tabs) return;
    if (tabs) showWaiting(tabs.dataset.waiting);
    if (ticket) {
      offerSteps(ticket);
      countCharacters();
      watchTicket(ticket);
      const thread = find("#wb-thread");
      if (!location.hash) thread.scrollTop = find("#wb-since")?.offsetTop - 40 || thread.scrollHeight;
    } else if (document.body.classList.contains("wb-queue")) {
      rememberList();
      setTimeout(returnToPlace); // when the page has shown its rows
      addEventListener("pagehide", () => sessionStorage.setItem(PLACE, JSON.stringify({ search: location.search, y: scrollY })));
      watchQueue();
    } else watchFigures();

    document.addEventListener("click", (event) => {
      const dialog = event.target.closest("a[data-dialog]"), mode = event.target.closest("[data-mode]");
      const cancel = event.target.closest("dialog [data-cancel]");
      if (dialog && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        openDialog(dialog);
      } else if (mode) chooseMode(mode.dataset.mode);
      else if (cancel) {
        event.preventDefault();
        cancel.closest("dialog").close();
      }
    });

    /* A choice among the buttons says all there is to say, but for "at a time of my choice", which asks for it. */
    document.addEventListener("change", ({ target }) => {
      if (!target.matches("[data-quick]") || !target.value) return;
      if (target.value !== "at") return target.form.requestSubmit();
      openDialog({ href: actionOf(target.form) }).then(() => {
        const asked = find("#wb-dialog [name=when]");
        if (asked) asked.value = "at";
        find("#wb-dialog [name=until]")?.focus();
      });
      target.value = "";
    });

    document.addEventListener("keydown", (event) => {
      // The arrows would choose, one after the other, what nobody wants: they open the list.
      if (event.target.matches("[data-quick]") && event.key.startsWith("Arrow")) {
        event.preventDefault();
        event.target.showPicker?.();
      }
      if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.matches("[data-draft]")) {
        find(event.shiftKey && find("[name=close]", event.target.form) ? "[name=close]" : "[data-send]", event.target.form).click();
        return;
      }
      if (event.key === "Escape" && event.target.matches("[data-draft]")) event.target.blur();
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || find("dialog[open]")) return;
      const wanted = all("[data-key]").find((found) => found.dataset.key === letterOf(event));
      const search = isSlash(event) && find("#searchbar"), keys = ["?", "؟"].includes(event.key) && find("#wb-keys");
      if (wanted) wanted.click();
      else if (search) search.focus();
      else if (keys) keys.showModal();
      else if (!walksRows(event)) return;
      event.preventDefault();
    });
  });
})();
