/* What the scripts of the workbench share. */
export const POLL = { "X-Workbench-Poll": "1" }, DIALOG = { ...POLL, "X-Workbench-Dialog": "1" };
export const DRAFT = "desk-draft:"; // as in the first release, so that an upgrade loses no draft

export const find = (selector, root = document) => root.querySelector(selector);
export const all = (selector, root = document) => [...root.querySelectorAll(selector)];
export const on = (target, type, handler, isFirst) => target.addEventListener(type, handler, isFirst);
export const say = (type) => document.dispatchEvent(new Event(type));
export const noteChange = (field, type = "input") => field.dispatchEvent(new Event(type, { bubbles: true }));
export const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
export const make = (tag, properties) => Object.assign(document.createElement(tag), properties);

export const person = () => find("meta[name=wb-person]")?.content || "";
export const ownDrafts = () => `${DRAFT}${person()}:`;
export const draftPlace = (ticket, kind) => `${ownDrafts()}${ticket}:${kind}`;

export function setSenders(form, isDisabled) {
  for (const field of form.elements) if (field.type === "submit") field.disabled = isDisabled;
}

/* What the server says in JSON, or null where it does not. */
export const jsonOf = (address, options) => fetch(address, options)
  .then((answer) => (answer.ok && !answer.redirected ? answer.json() : null)).catch(() => null);

/* -- Keys and clicks -- */
export const isControl = (event) => event.ctrlKey || event.metaKey;
export const isModified = (event) => isControl(event) || event.altKey;
export const isTyping = ({ target }) => target.closest?.("input, textarea, select, [contenteditable]");
export const isDialogOpen = () => find("dialog[open]");

/* A plain click does this; with a key held down, a link is followed as any other. */
export const onClick = (selector, act) => on(document, "click", (event) => {
  const clicked = event.target.closest(selector);
  if (!clicked || isControl(event) || event.shiftKey) return;
  event.preventDefault();
  act(clicked);
});

/* The letter, or on a keyboard of other letters the key where the Latin one would be. */
export const letterOf = ({ key, code }) => (/^[a-z]$/i.test(key) ? key : code.replace(/^Key/, "")).toLowerCase();
