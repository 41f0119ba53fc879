/* The pictures of a thread, large, one after the other. Where this does not run, their links open them. */
import { all, find, isModified, onClick } from "./page.js";

const dialog = find("#wb-lightbox"), part = (name) => find(`[data-${name}]`, dialog);
const picture = part("picture"), fault = part("fault");
const links = () => all("#wb-thread [data-view]"); // the thread may have become another meanwhile
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

picture.onload = () => { picture.hidden = false; };
picture.onerror = () => { fault.hidden = false; };
part("previous").onclick = () => go(-1);
part("next").onclick = () => go(1);
part("close").onclick = () => dialog.close();
dialog.onclick = ({ target }) => target.closest("button, a, img, p") || dialog.close();
dialog.onclose = () => {
  picture.removeAttribute("src");
  document.getElementById(shown)?.focus();
};
dialog.onkeydown = (event) => {
  if (isModified(event) || !/^Arrow(Left|Right)$/.test(event.code)) return;
  event.preventDefault();
  const isForward = (event.code === "ArrowRight") === (getComputedStyle(dialog).direction === "ltr");
  go(isForward ? 1 : -1);
};
onClick("[data-view]", show);
