/* Buttons that copy a code, an address or a key; without this they are not there, and the text is selected by hand. */
document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-copy]").forEach((b) => {
  b.hidden = !navigator.clipboard;
  b.onclick = async () => {
    await navigator.clipboard.writeText(b.dataset.copy);
    b.title = b.ariaLabel = b.dataset.copied;
    b.firstChild.textContent = "check";
  };
}));
