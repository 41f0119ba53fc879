/* The search of everything from everywhere: Ctrl+K, and "/" on pages that have no search of their own. */
"use strict";
document.addEventListener("keydown", (event) => {
  const form = document.querySelector("#wb-find"), own = document.querySelector("#searchbar, #wb-search, #wb-who");
  if (!form || document.querySelector("dialog[open]") || event.altKey || event.isComposing) return;
  const isControl = event.ctrlKey || event.metaKey;
  const isK = isControl && !event.shiftKey && (event.key === "k" || (event.code === "KeyK" && event.key > "~"));
  const isSlash = !isControl && (event.key === "/" || (event.code === "Slash" && event.key > "~" && !event.shiftKey)) &&
    !event.target.closest("input, textarea, select, [contenteditable]");
  if (!isK && !isSlash) return;
  event.preventDefault();
  const box = (isSlash && own) || form.elements.q;
  if (!box.offsetParent) return location.assign(form.action); // no room for it here: its page has one
  box.focus();
  box.select();
});
