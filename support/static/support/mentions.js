/* "@" in a note: the colleagues to choose from, below the box. A name typed in full mentions as well, so nothing is lost
   where this does not run. */
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const MENTION = /(?:^|[^\p{L}\p{N}._+-])@(?!\s)([^@\n]*)$/u; // behind a letter it is an e-mail address
  const text = document.querySelector("[data-mentions]");
  if (!text) return;
  let asked = null;

  const colleagues = () => (asked ??= fetch(text.dataset.mentions, { headers: { "X-Workbench-Poll": "1" } })
    .then((answer) => answer.json()).then(({ names }) => names.map((name) => ({ name, put: `@${name} ` })))
    .catch(() => { asked = null; return []; }));

  text.addEventListener("focus", colleagues);
  window.wbOffer(text, document.getElementById("wb-colleagues"), MENTION, colleagues);
});
