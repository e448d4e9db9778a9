// Instances listed in a dialog: what goes, what stays and why.

import { el } from "./dom.js";
import { kindBadge } from "./server_columns.js";
import { kindOf, placeName, statusWord } from "./words.js";

function instance(item) {
  const why = item.message ?? (item.reason && statusWord(item.reason));
  return el("li", {},
    el("span", { className: "title" }, item.name ?? item.sourceServerId), kindBadge(kindOf(item.isDrill)),
    el("span", { className: "mono" }, item.ec2InstanceId ?? item.sourceServerId),
    el("span", { className: "sub" }, placeName(item)),
    why && el("span", { className: "why" }, why));
}

/** A headed, scrolling list of items; nothing when there are none. */
export function instanceList(title, className, items) {
  if (items.length === 0) return null;
  return el("section", { className: `listing ${className}` },
    el("h3", {}, title),
    el("ul", { tabIndex: 0, attrs: { "aria-label": title } }, items.map(instance)));
}

/** The same for servers of which only the id is known. */
export function idList(title, className, ids) {
  if (ids.length === 0) return null;
  return el("section", { className: `listing ${className}` },
    el("h3", {}, title),
    el("ul", { tabIndex: 0, attrs: { "aria-label": title } }, ids.map((id) => el("li", {}, el("span", { className: "mono" }, id)))));
}
