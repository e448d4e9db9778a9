// What the check of a plan found, by severity, with the servers behind a click.

import { el, plural } from "./dom.js";
import { icon } from "./icons.js";
import { SEVERITIES } from "./words.js";

/** The word of a severity and what was found. */
export function findingText({ severity, message }) {
  const { word, icon: name, title } = SEVERITIES[severity];
  return [el("strong", { className: "severity", title, data: { severity } }, icon(name), word), ` ${message}`];
}

function item(finding, nameOf) {
  const { serverIds } = finding;
  const said = findingText(finding);
  if (serverIds.length === 0) return el("li", {}, said);
  const servers = serverIds.map((id) => el("li", {}, nameOf(id) && `${nameOf(id)} `, el("span", { className: "mono" }, id)));
  return el("li", {}, el("details", {}, el("summary", {}, said), el("ul", {}, servers)));
}

/** The list of findings; `nameOf(id)` is a server's name. Null when there are none. */
export function findingList(findings, nameOf) {
  if (findings.length === 0) return null;
  return el("section", { className: "findings", attrs: { "aria-label": "Plan check" } },
    el("h2", {}, `Plan check: ${plural(findings.length, "finding")}`), el("ul", {}, findings.map((finding) => item(finding, nameOf))));
}
