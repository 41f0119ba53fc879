/* Files that go with an answer or a note: pasted, dropped or chosen, uploaded at once, sent with its form by their ids. */
import { all, draftPlace, find, isDialogOpen, isTyping, make, on, POLL, setSenders } from "./page.js";

const AT_ONCE = 3, STALLED = 30000, PAUSES = [1000, 4000, 0], LOOK_EVERY = 1500, LOOKS = 120;
const section = find("[data-files]"), said = section.dataset, { ticket } = find("#ticket").dataset, types = said.accept.split(",");
const OTHER_NAMES = { jpg: "jpeg", heif: "heic", txt: "plain", log: "plain", md: "plain" };
const numbers = `${document.documentElement.lang || "en"}-u-nu-latn`;
const pause = (moment) => new Promise((done) => setTimeout(done, moment));
const isRunning = ({ state }) => state === "uploading";
const isBad = ({ state }) => ["lost", "refused", "failed", "gone"].includes(state);
const isThere = ({ state }) => ["checking", "ready", "refused"].includes(state);
const queue = [];
let running = 0;

/* As its name says where the browser knows no type, or calls it by another name. */
function typeOf({ name, type }) {
  const ending = name.split(".").pop().toLowerCase();
  return types.find((one) => one.endsWith(`/${OTHER_NAMES[ending] || ending}`)) || (types.includes(type) && type);
}

function sizeOf(bytes) {
  const [part, unit, digits] = bytes < 1024 ? [1, "byte", 0] : bytes < 1048576 ? [1024, "kilobyte", 0] : [1048576, "megabyte", 1];
  const form = { style: "unit", unit, unitDisplay: part === 1 ? "long" : "short", maximumFractionDigits: digits };
  return new Intl.NumberFormat(numbers, form).format(bytes / part);
}

/* The server's answer. An error with a status is a refusal for good, with its sentence; any other a line that broke. */
async function call(address, options) {
  const answer = await fetch(address, options);
  const told = !answer.redirected && await answer.json().catch(() => ({}));
  if (answer.ok && told) return told;
  const isRefusal = answer.status < 500 && told.message;
  throw Object.assign(new Error(told.message), isRefusal && { status: answer.status });
}

const post = (address, fields) => call(address, {
  method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: find("[name=csrfmiddlewaretoken]").value, ...fields }),
});

/* -- Uploading -- */
async function start(one) {
  one.part = 0;
  one.show("uploading");
  while (running >= AT_ONCE) await new Promise((go) => queue.push(go));
  running += 1;
  await upload(one);
  running -= 1;
  queue.shift()?.();
}

async function upload(one) {
  for (const wait of PAUSES) {
    if (one.isRemoved) return;
    try {
      const draft = await draftOf(one);
      if (draft.upload) await put(one, draft.upload);
      one.show("checking");
      return void watch(one);
    } catch (error) {
      if (one.isRemoved) return;
      if (error.status) return one.show("failed", error.message);
      if (!wait) return one.show("lost");
    }
    await pause(wait);
  }
}

/* The same draft as long as there is one, with a fresh address to send to. */
async function draftOf(one) {
  try {
    if (one.id) return await call(`${said.files}${one.id}/`);
  } catch (error) {
    if (error.status !== 404) throw error;
  }
  const draft = await post(said.files, { file_name: one.name, content_type: one.type, size: one.size });
  one.id = draft.id;
  return draft;
}

function put(one, { url, headers }) {
  return new Promise((done, fail) => {
    const wire = new XMLHttpRequest();
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => wire.abort(), STALLED);
    };
    one.wire = wire;
    wire.upload.onprogress = ({ loaded, total }) => {
      heard();
      one.part = loaded / total;
      if (!one.isRemoved) one.show("uploading");
    };
    wire.onload = () => (wire.status < 300 ? done() : fail(new Error("lost")));
    wire.onerror = wire.onabort = fail;
    wire.onloadend = () => clearTimeout(silence);
    wire.open("PUT", url);
    Object.entries(headers).forEach((header) => wire.setRequestHeader(...header));
    heard();
    wire.send(one.file);
  });
}

/* What becomes of it is asked until it is known; the form may be sent before. */
async function watch(one) {
  for (let looks = 0; looks < LOOKS && !one.isRemoved; looks += 1) {
    const draft = await call(`${said.files}${one.id}/`, { headers: POLL }).catch((error) => error);
    if (one.isRemoved) return;
    if (draft.status === 404) return one.show("gone");
    if (draft.state === "ready" || draft.state === "refused") {
      Object.assign(one, { thumbnail: draft.thumbnail_url, icon: draft.icon });
      return one.show(draft.state, draft.said || undefined);
    }
    await pause(LOOK_EVERY);
  }
}

/* -- The files of one form -- */
function filesOf(form) {
  const list = find("[data-chips]", form), choose = find("[data-choose]", form), text = find("textarea", form);
  const fault = find("[data-file-fault]", form), status = find("[data-file-status]", form);
  // unfold looks for a text beside every input of files that has not the last mark
  const input = make("input", { type: "file", multiple: true, accept: said.accept, hidden: true, hasChangeListener: true });
  const place = `${draftPlace(ticket, text.dataset.draft)}:files`;
  let files = [], waiting = null; // the button that was pressed while files were uploaded

  function known(one) {
    const chip = find("#wb-chip").content.firstElementChild.cloneNode(true);
    const name = find("bdi", chip), remove = find("[data-remove]", chip);
    name.textContent = name.title = find("progress", chip).ariaLabel = one.name;
    find("[data-size]", chip).textContent = sizeOf(one.size);
    remove.ariaLabel = `${remove.title}: ${one.name}`;
    remove.onclick = () => discard(one);
    find("[data-again]", chip).onclick = () => start(one);
    list.append(chip);
    files.push(one);
    const icon = (one.type || "image/").startsWith("image/") ? "image" : "description";
    return Object.assign(one, { chip, icon, show: (state, words) => show(one, state, words) });
  }

  function show(one, state, words = said[state] || "") {
    const isNew = one.state !== state;
    one.state = state;
    const { chip } = one, part = (selector) => find(selector, chip);
    const progress = part("progress"), picture = part("img"), icon = part("[data-icon]"), sent = part("input");
    chip.dataset.state = state;
    part("[data-said]").textContent = words;
    progress.hidden = !isRunning(one);
    progress.value = one.part || 0;
    part("[data-again]").hidden = state !== "lost";
    icon.textContent = isBad(one) ? "error" : one.icon;
    sent.value = one.id || "";
    sent.disabled = !isThere(one);
    if (one.thumbnail && picture.hidden) {
      picture.src = one.thumbnail;
      picture.hidden = false;
      icon.hidden = true;
    }
    if (isNew) {
      status.textContent = `${one.name}: ${words}`;
      settle();
    }
  }

  function settle() {
    list.hidden = !files.length;
    const before = localStorage.getItem(place), kept = files.filter(isThere);
    if (kept.length) localStorage.setItem(place, JSON.stringify(kept, ["id", "name", "size"]));
    else localStorage.removeItem(place);
    if (before !== localStorage.getItem(place)) form.dispatchEvent(new Event("wb-files")); // they go with the draft
    if (!files.some(isBad)) complain("", said.unsent);
    if (waiting && !files.some(isRunning)) {
      const button = stopWaiting();
      if (files.some(isBad)) complain(said.unsent);
      else form.requestSubmit(button);
    }
  }

  /* Say what is wrong; or take back what was said, where it is this. */
  function complain(words, only = null) {
    if (only && fault.textContent !== only) return;
    fault.textContent = words;
    fault.hidden = !words;
  }

  function add(found) {
    const refused = { tooMany: [], unknown: [], empty: [] };
    const bytesWith = (file) => files.reduce((sum, { size }) => sum + size, file.size);
    for (const file of found) {
      const type = typeOf(file);
      if (!type) refused.unknown.push(file.name);
      else if (!file.size) refused.empty.push(file.name);
      else if (files.length >= said.most || bytesWith(file) > said.mostBytes) refused.tooMany.push(file.name);
      else start(known({ name: file.name, size: file.size, type, file }));
    }
    const told = Object.entries(refused).filter(([, names]) => names.length);
    complain(told.map(([why, names]) => said[why].replace("{names}", names.map((name) => `\u2068${name}\u2069`).join(", "))).join(" "));
  }

  function discard(one) {
    const next = one.chip.nextElementSibling?.querySelector("[data-remove]") || choose;
    stopWaiting(); // what is sent now is not what was to be sent
    files = files.filter((other) => other !== one);
    one.isRemoved = true;
    one.wire?.abort();
    one.chip.remove();
    complain("");
    settle();
    next.focus();
    if (one.id) post(`${said.files}${one.id}/`).catch(() => {});
  }

  /* After a refusal they come with the page, else from what the browser kept. */
  function bringBack() {
    const shown = JSON.parse(list.dataset.drafts || "[]").map(({ id, file_name: name, size }) => ({ id, name, size }));
    for (const found of shown.length ? shown : JSON.parse(localStorage.getItem(place) || "[]")) {
      const one = known(found);
      show(one, "checking");
      watch(one);
    }
  }

  function stopWaiting() {
    const button = waiting?.button;
    if (button) {
      button.textContent = waiting.label;
      setSenders(form, false);
    }
    waiting = null;
    return button;
  }

  on(form, "submit", (event) => {
    if (files.length && !text.value.trim()) text.value = "";
    const bad = files.find(isBad);
    if (bad) {
      event.preventDefault();
      complain(said.unsent);
      find("button:not([hidden])", bad.chip).focus();
    } else if (files.some(isRunning)) {
      event.preventDefault();
      const button = event.submitter || find("[data-send]", form);
      waiting = { button, label: button.textContent };
      button.textContent = said.sending;
      setSenders(form, true);
    }
  });
  on(window, "beforeunload", (event) => {
    if (files.some(isRunning)) event.preventDefault();
  });
  on(window, "online", () => files.filter(({ state, file }) => state === "lost" && file).forEach(start));
  form.append(input);
  choose.hidden = false;
  choose.onclick = () => input.click();
  input.onchange = () => {
    add([...input.files]);
    input.value = "";
  };
  bringBack();
  return { form, add };
}

const panes = all("form[data-pane]", section).map(filesOf);
const open = () => panes.find(({ form }) => !form.hidden);

/* Every picture of a clipboard has the same name. */
function named(file) {
  if (!/^image\.\w+$/.test(file.name)) return file;
  const [day, time] = new Date().toISOString().split(/[T.]/);
  return new File([file], `${day} ${time.replaceAll(":", "-")}.${file.name.split(".").pop()}`, { type: file.type });
}

on(document, "paste", (event) => {
  const pane = open(), field = isTyping(event), { files, types } = event.clipboardData;
  if (!pane || !files.length || isDialogOpen() || (field && !pane.form.contains(field))) return;
  if (types.includes("text/plain") && types.includes("text/html")) return; // words, with a picture of them
  event.preventDefault();
  pane.add([...files].map(named));
});

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");
const mark = (isDragging, isOver = false) => {
  section.classList.toggle("wb-dragging", isDragging);
  section.classList.toggle("wb-dropping", isOver);
};
const drag = (event) => {
  if (!bringsFiles(event)) return;
  event.preventDefault(); // or a browser opens the file in place of the page
  const isOver = section.contains(event.target) && !isDialogOpen();
  event.dataTransfer.dropEffect = isOver ? "copy" : "none";
  mark(true, isOver);
};
on(document, "dragenter", drag);
on(document, "dragover", drag);
on(document, "dragleave", (event) => event.relatedTarget || mark(false));
on(document, "drop", (event) => {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  mark(false);
  if (section.contains(event.target)) open()?.add([...event.dataTransfer.files]);
});
