/* The pictures of a thread, large, one after the other. Where this does not run, their links open them. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const dialog = document.getElementById("wb-lightbox");
  if (!dialog) return;
  const part = (name) => dialog.querySelector(`[data-${name}]`);
  const picture = part("picture"), fault = part("fault");
  const links = () => [...document.querySelectorAll("#wb-thread [data-view]")]; // the thread may have become another meanwhile
  let shown = ""; // the id of its link

  function show(link) {
    const every = links(), place = every.indexOf(link);
    shown = link.id;
    picture.hidden = fault.hidden = true;
    picture.alt = part("name").textContent = part("name").title = link.dataset.view;
    picture.src = link.href;
    part("download").href = link.dataset.download;
    part("place").textContent = every.length > 1 ? `${place + 1} / ${every.length}` : "";
    part("previous").hidden = place === 0;
    part("next").hidden = place === every.length - 1;
    if (!dialog.open) dialog.showModal();
    for (const near of [every[place - 1], every[place + 1]]) if (near) new Image().src = near.href;
  }

  function go(step) {
    const every = links(), next = every[every.findIndex(({ id }) => id === shown) + step];
    if (!next) return;
    const focused = document.activeElement;
    show(next);
    if (focused.hidden) part("close").focus();
  }

  picture.addEventListener("load", () => { picture.hidden = false; });
  picture.addEventListener("error", () => { fault.hidden = false; });
  part("previous").addEventListener("click", () => go(-1));
  part("next").addEventListener("click", () => go(1));
  part("close").addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", ({ target }) => target.closest("button, a, img, p") || dialog.close());
  dialog.addEventListener("close", () => {
    picture.removeAttribute("src");
    document.getElementById(shown)?.focus();
  });
  dialog.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !["ArrowLeft", "ArrowRight"].includes(event.code)) return;
    event.preventDefault();
    const isForward = (event.code === "ArrowRight") === (getComputedStyle(dialog).direction === "ltr");
    go(isForward ? 1 : -1);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-view]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(link);
  });
});
