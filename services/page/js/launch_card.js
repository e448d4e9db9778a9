// What one execution launched and still exists, with its end one press away.

import { el, plural } from "./dom.js";
import { icon } from "./icons.js";
import { kindBadge } from "./server_columns.js";
import { openTermination } from "./terminate_dialog.js";
import { ageOf, timeOf } from "./time.js";

/** `{executionId, planName, kinds, firstLaunch, count}`; `more` is a line of text; `refresh` is called when DRS is done. */
export function launchCard({ executionId, planName, kinds, firstLaunch, count }, refresh, more = null) {
  const executionPage = `#/executions/${encodeURIComponent(executionId)}`;
  return el("li", { className: "launch" },
    el("div", {},
      el("h3", {}, el("a", { href: executionPage, title: executionId }, planName ?? executionId), [...kinds].map(kindBadge)),
      el("p", { className: "sub" }, `${plural(count, "instance")} launched `, timeOf(firstLaunch), ", ", ageOf(firstLaunch, { suffix: " ago" })),
      more && el("p", { className: "sub" }, more)),
    el("button", { type: "button", className: "button danger", data: { needs: "operator" }, onclick: () => openTermination(executionId, planName, refresh) }, icon("trash"), "Terminate …"));
}

/** The same for instances of which nobody knows the execution. */
export const unattributedCard = (count, more = null) => el("li", { className: "launch" },
  el("div", {}, el("h3", {}, "Execution not known"),
    el("p", { className: "sub" }, `${plural(count, "instance")} launched by something else; terminate in the DRS console`),
    more && el("p", { className: "sub" }, more)));
