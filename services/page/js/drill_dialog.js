// Run drill: first what it would destroy, as the store knows it, then the start. The start asks DRS itself, and whatever
// DRS knows beyond what was confirmed is shown for another confirmation before anything is destroyed.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { action, confirmField, openDialog, problem } from "./dialog.js";
import { idList, instanceList } from "./instance_list.js";

const EXISTING = "EXISTING_INSTANCES";

/** Asks, starts the drill, and goes to its execution. */
export async function openDrill(plan) {
  const dialog = openDialog(`Run drill: ${plan.planName}`, { wide: true });
  dialog.body.append(el("p", { className: "loading" }, "Looking for existing instances …"));
  dialog.actions.append(action("Cancel", "", dialog.close));
  try {
    ask(dialog, plan, await api.existing(plan.planId, dialog.signal));
  } catch (error) {
    if (error.name !== "AbortError") dialog.body.replaceChildren(problem(`${error.message}. Without knowing what exists, no drill is started here.`));
  }
}

function ask(dialog, plan, existing) {
  const { existingInstances: items, unknownServerIds: unknown } = existing;
  const servers = plan.waves.reduce((sum, wave) => sum + wave.serverIds.length, 0);
  const destroys = items.length + unknown.length > 0;
  const go = action(destroys ? "Replace and run drill" : "Run drill", destroys ? "danger" : "primary", () => start(dialog, plan, existing, go));
  const parts = [
    el("p", {}, `Launches ${plural(servers, "server")} in ${plural(plan.waves.length, "wave")} as a drill. `,
      destroys ? el("strong", {}, "Launching destroys what is there now:") : "Nothing exists yet, so nothing is destroyed."),
    instanceList(`${plural(items.length, "instance")} will be destroyed`, "goes", items),
    idList(`${plural(unknown.length, "server")} could not be looked at: an instance there would be destroyed unseen`, "unseen", unknown),
  ];
  // Anything but drills alone must be read before it is destroyed.
  if (unknown.length > 0 || items.some(({ isDrill }) => isDrill !== true)) parts.push(confirmField(`replace ${items.length + unknown.length}`, go));
  dialog.body.replaceChildren(...parts.filter(Boolean));
  dialog.actions.replaceChildren(action("Cancel", "", dialog.close), go);
}

/** Whether DRS names nothing but what was confirmed. A server seen unknown covers whatever it has. */
function isCovered({ existingInstances: items, unknownServerIds: unknown }, confirmed) {
  const unseen = new Set(confirmed.unknownServerIds);
  const shown = new Set(confirmed.existingInstances.map(({ ec2InstanceId }) => ec2InstanceId));
  return unknown.every((id) => unseen.has(id))
    && items.every(({ ec2InstanceId, sourceServerId }) => shown.has(ec2InstanceId) || unseen.has(sourceServerId));
}

async function startDrill(plan, confirmed) {
  try {
    return await api.startDrill(plan.planId, false);
  } catch (error) {
    if (error.code !== EXISTING || !isCovered(error.body, confirmed)) throw error;
    return api.startDrill(plan.planId, true);
  }
}

async function start(dialog, plan, confirmed, button) {
  button.disabled = true;
  button.textContent = "Starting …";
  try {
    const { executionId } = await startDrill(plan, confirmed);
    dialog.close();
    location.hash = `#/executions/${encodeURIComponent(executionId)}`;
  } catch (error) {
    if (error.code === EXISTING) {
      ask(dialog, plan, error.body);
      dialog.body.prepend(problem("DRS knows of more than was shown here. Nothing was started; look again:"));
    } else {
      dialog.body.prepend(problem(`The drill was not started: ${error.message}`));
      button.textContent = "Try again";
      button.disabled = false;
    }
  }
}
