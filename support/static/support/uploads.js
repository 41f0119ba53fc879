/* Files that go with an answer or a note: pasted, dropped or chosen, uploaded at once, and sent with its form by their ids.
   Where this does not run, nothing of it is shown. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const AT_ONCE = 3, STALLED = 30000, PAUSES = [1000, 4000], LOOK_EVERY = 1500, LOOKS = 120;
  const TYPES = {
    jpg: "image/jpeg", jpeg: "image/jpeg", png: "image/png", webp: "image/webp", gif: "image/gif", heic: "image/heic",
    heif: "image/heic", pdf: "application/pdf", txt: "text/plain", log: "text/plain", md: "text/plain", csv: "text/csv",
  };
  const section = document.querySelector("[data-files]");
  if (!section) return;
  const said = section.dataset, most = Number(said.most), mostBytes = Number(said.mostBytes);
  const ticket = document.getElementById("ticket").dataset.ticket;
  const person = document.querySelector("meta[name=wb-person]")?.content || "";
  const numbers = `${document.documentElement.lang || "en"}-u-nu-latn`;
  const pause = (moment) => new Promise((done) => setTimeout(done, moment));
  const isRunning = ({ state }) => state === "uploading";
  const isBad = ({ state }) => ["lost", "refused", "failed", "gone"].includes(state);
  const isThere = ({ state }) => ["checking", "ready", "refused"].includes(state);
  let running = 0;
  const queue = [];

  /* As its name says where the browser knows no type, or calls it by another name. */
  const typeOf = ({ name, type }) => TYPES[name.split(".").pop().toLowerCase()]
    || (Object.values(TYPES).includes(type) ? type : "");

  function sizeOf(bytes) {
    const [part, unit] = bytes < 1024 ? [1, "byte"] : bytes < 1048576 ? [1024, "kilobyte"] : [1048576, "megabyte"];
    const form = { style: "unit", unit, unitDisplay: unit === "byte" ? "long" : "short", maximumFractionDigits: unit === "megabyte" ? 1 : 0 };
    return new Intl.NumberFormat(numbers, form).format(bytes / part);
  }

  class Refused extends Error {} // for good; any other error is a line that broke

  /* The server's answer. Raises `Refused` with its sentence. */
  async function call(address, options = {}) {
    const answer = await fetch(address, { credentials: "same-origin", ...options });
    const told = answer.redirected ? {} : await answer.json().catch(() => ({}));
    if (answer.ok && !answer.redirected) return told;
    if (answer.status < 500 && told.message) throw Object.assign(new Refused(told.message), { status: answer.status });
    throw new Error("lost");
  }

  function filesOf(form) {
    const list = form.querySelector("[data-chips]"), input = document.createElement("input");
    const choose = form.querySelector("[data-choose]"), fault = form.querySelector("[data-file-fault]");
    const status = form.querySelector("[data-file-status]"), text = form.querySelector("textarea");
    const token = () => form.elements.csrfmiddlewaretoken.value;
    const place = `desk-draft:${person}:${ticket}:${text.dataset.draft}:files`;
    let files = [], waiting = null; // the button that was pressed while files were uploaded

    /* ---- What is seen of a file ---- */
    function chipOf(one) {
      const chip = document.getElementById("wb-chip").content.firstElementChild.cloneNode(true);
      chip.querySelector("bdi").textContent = chip.querySelector("bdi").title = one.name;
      chip.querySelector("[data-size]").textContent = sizeOf(one.size);
      chip.querySelector("progress").setAttribute("aria-label", one.name);
      const remove = chip.querySelector("[data-remove]"), again = chip.querySelector("[data-again]");
      remove.setAttribute("aria-label", `${remove.title}: ${one.name}`);
      remove.addEventListener("click", () => discard(one));
      again.addEventListener("click", () => start(one));
      list.append(chip);
      return chip;
    }

    function show(one, state, words = said[state] || "") {
      const isNew = one.state !== state;
      Object.assign(one, { state, words });
      const { chip } = one, progress = chip.querySelector("progress"), picture = chip.querySelector("img");
      chip.dataset.state = state;
      chip.querySelector("[data-said]").textContent = words;
      progress.hidden = !isRunning(one);
      progress.value = one.part || 0;
      chip.querySelector("[data-again]").hidden = state !== "lost";
      chip.querySelector("[data-icon]").textContent = isBad(one) ? "error" : one.icon;
      chip.querySelector("input").value = isThere(one) ? one.id : "";
      chip.querySelector("input").disabled = !isThere(one);
      if (one.thumbnail && picture.hidden) {
        picture.src = one.thumbnail;
        picture.hidden = false;
        chip.querySelector("[data-icon]").hidden = true;
      }
      if (isNew) {
        status.textContent = `${one.name}: ${words}`;
        settle();
      }
    }

    function settle() {
      list.hidden = !files.length;
      const before = localStorage.getItem(place), kept = files.filter(isThere).map(({ id, name, size }) => ({ id, name, size }));
      if (kept.length) localStorage.setItem(place, JSON.stringify(kept));
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

    /* ---- Adding and removing ---- */
    function add(found) {
      const refused = { tooMany: [], unknown: [], empty: [] };
      let number = files.length, bytes = files.reduce((sum, { size }) => sum + size, 0);
      for (const file of found) {
        const type = typeOf(file);
        if (!type) refused.unknown.push(file.name);
        else if (!file.size) refused.empty.push(file.name);
        else if (number >= most || bytes + file.size > mostBytes) refused.tooMany.push(file.name);
        else {
          number += 1;
          bytes += file.size;
          start(known({ name: file.name, size: file.size, type, file }));
        }
      }
      const told = Object.entries(refused).filter(([, names]) => names.length);
      complain(told.map(([why, names]) => said[why].replace("{names}", names.map((name) => `\u2068${name}\u2069`).join(", "))).join(" "));
    }

    function known(one) {
      one.icon = (one.type || "image/").startsWith("image/") ? "image" : "description";
      one.chip = chipOf(one);
      files.push(one);
      return one;
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
      if (one.id) call(`${said.files}${one.id}/`, { method: "POST", body: new URLSearchParams({ csrfmiddlewaretoken: token() }) }).catch(() => {});
    }

    /* ---- Uploading ---- */
    async function start(one) {
      one.part = 0;
      show(one, "uploading");
      while (running >= AT_ONCE) await new Promise((go) => queue.push(go));
      running += 1;
      await upload(one);
      running -= 1;
      queue.shift()?.();
    }

    async function upload(one) {
      for (const wait of [...PAUSES, null]) {
        if (one.isRemoved) return;
        try {
          const draft = await draftOf(one);
          if (draft.upload) await put(one, draft.upload);
          show(one, "checking");
          return void watch(one);
        } catch (error) {
          if (one.isRemoved) return;
          if (error instanceof Refused) return show(one, "failed", error.message);
          if (wait === null) return show(one, "lost");
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
      const body = new URLSearchParams({
        csrfmiddlewaretoken: token(), file_name: one.name, content_type: one.type, size: one.size,
      });
      const draft = await call(said.files, { method: "POST", body });
      one.id = draft.id;
      return draft;
    }

    function put(one, { url, headers }) {
      return new Promise((done, fail) => {
        const wire = new XMLHttpRequest(), lost = () => fail(new Error("lost"));
        let silence;
        const heard = () => {
          clearTimeout(silence);
          silence = setTimeout(() => wire.abort(), STALLED);
        };
        one.wire = wire;
        wire.upload.addEventListener("progress", ({ loaded, total }) => {
          heard();
          one.part = loaded / total;
          if (!one.isRemoved) show(one, "uploading");
        });
        wire.addEventListener("load", () => (wire.status < 300 ? done() : lost()));
        wire.addEventListener("error", lost);
        wire.addEventListener("abort", lost);
        wire.addEventListener("loadend", () => clearTimeout(silence));
        wire.open("PUT", url);
        Object.entries(headers).forEach(([name, value]) => wire.setRequestHeader(name, value));
        heard();
        wire.send(one.file);
      });
    }

    /* What becomes of it is asked until it is known; the form may be sent before. */
    async function watch(one) {
      for (let looks = 0; looks < LOOKS && !one.isRemoved; looks += 1) {
        const draft = await call(`${said.files}${one.id}/`, { headers: { "X-Workbench-Poll": "1" } }).catch((error) => error);
        if (one.isRemoved) return;
        if (draft.status === 404) return show(one, "gone");
        if (draft.state === "ready" || draft.state === "refused") return take(one, draft);
        await pause(LOOK_EVERY);
      }
    }

    function take(one, draft) {
      Object.assign(one, { thumbnail: draft.thumbnail_url, icon: draft.icon });
      show(one, draft.state, draft.said || said[draft.state]);
    }

    /* ---- Coming back: after a refusal with the page, else from what the browser kept ---- */
    function bringBack() {
      const shown = JSON.parse(list.dataset.drafts || "[]").map(({ id, file_name: name, size }) => ({ id, name, size }));
      for (const { id, name, size } of shown.length ? shown : JSON.parse(localStorage.getItem(place) || "[]")) {
        const one = known({ id, name, size });
        show(one, "checking");
        watch(one);
      }
    }

    /* ---- Sending ---- */
    function stopWaiting() {
      const button = waiting?.button;
      if (button) {
        button.textContent = waiting.label;
        sendersOf(form).forEach((sender) => (sender.disabled = false));
      }
      waiting = null;
      return button;
    }

    form.addEventListener("submit", (event) => {
      if (files.length && !text.value.trim()) text.value = "";
      const bad = files.find(isBad);
      if (bad) {
        event.preventDefault();
        complain(said.unsent);
        [...bad.chip.querySelectorAll("button")].find((button) => !button.hidden).focus();
      } else if (files.some(isRunning)) {
        event.preventDefault();
        const button = event.submitter || form.querySelector("[data-send]");
        waiting = { button, label: button.textContent };
        button.textContent = said.sending;
        sendersOf(form).forEach((sender) => (sender.disabled = true));
      }
    });
    addEventListener("beforeunload", (event) => {
      if (files.some(isRunning)) event.preventDefault();
    });
    addEventListener("online", () => files.filter(({ state, file }) => state === "lost" && file).forEach(start));
    // unfold looks for a text beside every input of files that has not this mark
    Object.assign(input, { type: "file", multiple: true, accept: said.accept, hidden: true, hasChangeListener: true });
    form.append(input);
    choose.hidden = false;
    choose.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      add([...input.files]);
      input.value = "";
    });
    bringBack();
    return { form, add };
  }

  const sendersOf = (form) => [...form.elements].filter(({ type }) => type === "submit");
  const panes = [...section.querySelectorAll("form[data-pane]")].map(filesOf);
  const open = () => panes.find(({ form }) => !form.hidden);

  /* Every picture of a clipboard has the same name. */
  function named(file) {
    if (!/^image\.\w+$/.test(file.name)) return file;
    const [day, time] = new Date().toISOString().split(/[T.]/);
    return new File([file], `${day} ${time.replaceAll(":", "-")}.${file.name.split(".").pop()}`, { type: file.type });
  }

  document.addEventListener("paste", (event) => {
    const pane = open(), { files, types } = event.clipboardData;
    const field = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (!pane || !files.length || document.querySelector("dialog[open]") || (field && !pane.form.contains(field))) return;
    if (types.includes("text/plain") && types.includes("text/html")) return; // words, with a picture of them
    event.preventDefault();
    pane.add([...files].map(named));
  });

  const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (isDragging, isOver) => {
    section.classList.toggle("wb-dragging", Boolean(isDragging));
    section.classList.toggle("wb-dropping", Boolean(isOver));
  };
  for (const moved of ["dragenter", "dragover"]) {
    document.addEventListener(moved, (event) => {
      if (!bringsFiles(event)) return;
      event.preventDefault(); // or a browser opens the file in place of the page
      const isOver = section.contains(event.target) && !document.querySelector("dialog[open]");
      event.dataTransfer.dropEffect = isOver ? "copy" : "none";
      mark(true, isOver);
    });
  }
  document.addEventListener("dragleave", (event) => event.relatedTarget || mark(false));
  document.addEventListener("drop", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    mark(false);
    if (section.contains(event.target)) open()?.add([...event.dataTransfer.files]);
  });
});
