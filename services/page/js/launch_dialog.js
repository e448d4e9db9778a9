// Run drill and run recovery: first what the launch would destroy and which servers are not ready, as the store knows it,
// then the start. The start asks DRS itself, and whatever DRS knows beyond what was confirmed is shown for another
// confirmation before anything is destroyed.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { action, confirmField, openDialog, problem } from "./dialog.js";
import { findingList } from "./findings.js";
import { idList, instanceList } from "./instance_list.js";
import { readinessBadge } from "./server_columns.js";

const EXISTING = "EXISTING_INSTANCES";

const NAMES = { DRILL: "drill", RECOVERY: "recovery" };

/** Asks, starts the plan as a `DRILL` or a `RECOVERY`, and goes to its execution. */
export async function openLaunch(plan, kind) {
  const dialog = openDialog(`Run ${NAMES[kind]}: ${plan.planName}`, { wide: true });
  dialog.body.append(el("p", { className: "loading" }, "Looking for existing instances …"));
  dialog.actions.append(action("Cancel", "", dialog.close));
  try {
    const readiness = api.serversOf(plan.planId, dialog.signal).catch(() => null);
    const existing = await api.existing(plan.planId, dialog.signal);
    const known = await readiness;
    ask(dialog, { plan, kind, servers: known?.servers ?? null, findings: known?.findings ?? [] }, existing);
  } catch (error) {
    if (error.name !== "AbortError") dialog.body.replaceChildren(problem(`${error.message}. Without knowing what exists, no ${NAMES[kind]} is started here.`));
  }
}

/** The servers that would not launch well, each with its reason; a word where nobody could look. */
function readinessList(servers) {
  if (servers === null) return problem("Whether the servers are ready could not be looked at.");
  const items = servers.filter(({ readiness }) => readiness.state !== "ready");
  if (items.length === 0) return el("p", { className: "sub" }, `All ${plural(servers.length, "server")} are ready.`);
  const title = `${items.length} of ${plural(servers.length, "server")} not ready`;
  return el("section", { className: "listing stays" }, el("h3", {}, title),
    el("ul", { tabIndex: 0, attrs: { "aria-label": title } }, items.map(({ sourceServerId, sourceServerName, readiness }) =>
      el("li", {}, el("span", { className: "title" }, sourceServerName ?? sourceServerId), readinessBadge(readiness),
        el("span", { className: "mono" }, sourceServerId), el("span", { className: "why" }, readiness.reason)))));
}

function ask(dialog, launch, existing) {
  const { plan, kind } = launch;
  const { existingInstances: items, unknownServerIds: unknown } = existing;
  const servers = plan.waves.reduce((sum, wave) => sum + wave.serverIds.length, 0);
  const destroys = items.length + unknown.length > 0;
  const words = destroys ? `Replace and run ${NAMES[kind]}` : `Run ${NAMES[kind]}`;
  const go = action(words, destroys || kind === "RECOVERY" ? "danger" : "primary", () => start(dialog, launch, existing, go));
  const parts = [
    el("p", {}, `Launches ${plural(servers, "server")} in ${plural(plan.waves.length, "wave")} as a ${NAMES[kind]}. `,
      destroys ? el("strong", {}, "Launching destroys what is there now:") : "Nothing exists yet, so nothing is destroyed."),
    instanceList(`${plural(items.length, "instance")} will be destroyed`, "goes", items),
    idList(`${plural(unknown.length, "server")} could not be looked at: an instance there would be destroyed unseen`, "unseen", unknown),
    readinessList(launch.servers),
    findingList(launch.findings.filter(({ code }) => !code.startsWith("NOT_READY_")), () => null),
  ];
  // Anything but drills alone must be read before it is destroyed, and a recovery before it begins.
  const confirm = [];
  if (unknown.length > 0 || items.some(({ isDrill }) => isDrill !== true)) confirm.push(confirmField(`replace ${items.length + unknown.length}`, go));
  else if (kind === "RECOVERY") confirm.push(confirmField(`recover ${servers}`, go));
  dialog.body.replaceChildren(...parts.filter(Boolean));
  // Beside the button that waits for the words: the body may scroll.
  dialog.actions.replaceChildren(...confirm, action("Cancel", "", dialog.close), go);
}

/** Whether DRS names nothing but what was confirmed. A server seen unknown covers whatever it has. */
function isCovered({ existingInstances: items, unknownServerIds: unknown }, confirmed) {
  const unseen = new Set(confirmed.unknownServerIds);
  const shown = new Set(confirmed.existingInstances.map(({ ec2InstanceId }) => ec2InstanceId));
  return unknown.every((id) => unseen.has(id))
    && items.every(({ ec2InstanceId, sourceServerId }) => shown.has(ec2InstanceId) || unseen.has(sourceServerId));
}

async function startConfirmed({ plan, kind }, confirmed) {
  try {
    return await api.start(plan.planId, kind, false);
  } catch (error) {
    if (error.code !== EXISTING || !isCovered(error.body, confirmed)) throw error;
    return api.start(plan.planId, kind, true);
  }
}

async function start(dialog, launch, confirmed, button) {
  button.disabled = true;
  button.textContent = "Starting …";
  try {
    const { executionId } = await startConfirmed(launch, confirmed);
    dialog.close();
    location.hash = `#/executions/${encodeURIComponent(executionId)}`;
  } catch (error) {
    if (error.code === EXISTING) {
      ask(dialog, launch, error.body);
      dialog.body.prepend(problem("DRS knows of more than was shown here. Nothing was started; look again:"));
    } else {
      dialog.body.prepend(problem(`The ${NAMES[launch.kind]} was not started: ${error.message}`));
      button.textContent = "Try again";
      button.disabled = false;
    }
  }
}
