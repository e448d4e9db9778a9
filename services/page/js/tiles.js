// Counts as tiles; pressing one shows only what it counts, pressing it again shows everything.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { BUCKETS, STATE_BUCKETS } from "./words.js";

/** `{node, update(counts), chosen()}`; `onChange` is called after a press; `caption` stands above them. */
export function createTiles(label, onChange, caption = null) {
  let chosen = null;
  const tiles = new Map();
  for (const [bucket, { word, icon: name, title }] of Object.entries(BUCKETS)) {
    const number = el("strong", {}, "–");
    const press = () => {
      chosen = chosen === bucket ? null : bucket;
      for (const [key, tile] of tiles) tile.button.setAttribute("aria-pressed", String(key === chosen));
      onChange();
    };
    const button = el("button", { type: "button", className: "tile", title, data: { bucket }, onclick: press, attrs: { "aria-pressed": "false" } },
      icon(name), number, el("span", {}, word));
    tiles.set(bucket, { button, number });
  }
  const node = el("div", { attrs: { role: "group", "aria-label": label } },
    caption && el("p", { className: "sub caption" }, caption),
    el("div", { className: "tiles" }, [...tiles.values()].map(({ button }) => button)));
  return {
    node,
    chosen: () => chosen,
    update(counts) {
      for (const [bucket, { button, number }] of tiles) {
        number.textContent = counts[bucket].toLocaleString();
        button.classList.toggle("zero", counts[bucket] === 0);
        button.hidden = bucket === "other" && counts.other === 0 && chosen !== "other";
      }
    },
  };
}

/** A bar of the shares of the six states; its words are in the row's cells, so it is hidden from screen readers. */
export function shareBar(counts) {
  const parts = STATE_BUCKETS.filter((bucket) => counts[bucket] > 0);
  return el("div", { className: "share", attrs: { "aria-hidden": "true" } }, parts.map((bucket) => {
    const part = el("span", { data: { bucket }, title: `${counts[bucket]} ${BUCKETS[bucket].word.toLowerCase()}` });
    part.style.flexGrow = counts[bucket];
    return part;
  }));
}
