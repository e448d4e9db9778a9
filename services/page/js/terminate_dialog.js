// Terminate: a dry run lists what goes and what is refused, then the confirmation, then progress until DRS is done.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { action, confirmField, openDialog, problem } from "./dialog.js";
import { instanceList } from "./instance_list.js";
import { watchTermination } from "./termination_progress.js";

/** `onDone` is called when DRS is done with everything that was requested. */
export async function openTermination(executionId, planName, onDone) {
  const dialog = openDialog(`Terminate instances of ${planName ?? executionId}`, { wide: true });
  dialog.body.append(el("p", { className: "loading" }, "Asking what would go …"));
  dialog.actions.append(action("Cancel", "", dialog.close));
  try {
    ask(dialog, executionId, onDone, await api.terminate(executionId, { dryRun: true, confirm: true }));
  } catch (error) {
    dialog.body.replaceChildren(problem(`${error.message}. Nothing was terminated.`));
  }
}

function lists({ requested, refused, failed }, going) {
  return [
    instanceList(`${plural(requested.length, "instance")} ${going}`, "goes", requested),
    instanceList(`${plural(refused.length, "instance")} refused`, "stays", refused),
    instanceList(`${plural(failed.length, "instance")} could not be checked or terminated`, "unseen", failed),
  ];
}

function ask(dialog, executionId, onDone, dryRun) {
  const count = dryRun.requested.length;
  const real = dryRun.requested.filter(({ isDrill }) => isDrill !== true).length;
  const go = action(`Terminate ${plural(count, "instance")}`, "danger", () => terminate(dialog, executionId, onDone, go));
  const parts = [
    el("p", {}, "Execution ", el("span", { className: "mono" }, executionId)),
    count === 0 && el("p", {}, el("strong", {}, "Nothing can be terminated.")),
    real > 0 && problem(`${real} of these ${real === 1 ? "is" : "are"} not known to be a drill: a real recovery may be serving production.`),
    ...lists(dryRun, "will be terminated"),
    real > 0 && confirmField(`terminate ${count}`, go),
  ];
  dialog.body.replaceChildren(...parts.filter(Boolean));
  dialog.actions.replaceChildren(action("Cancel", "", dialog.close), ...(count ? [go] : []));
}

async function terminate(dialog, executionId, onDone, button) {
  button.disabled = true;
  button.textContent = "Terminating …";
  try {
    const answer = await api.terminate(executionId, { dryRun: false, confirm: true });
    if (answer.awaitsApproval) {
      dialog.body.replaceChildren(el("p", {}, el("strong", {}, "A second person must approve this. "), "Nothing is terminated before."));
      dialog.actions.replaceChildren(action("Close", "primary", dialog.close));
      onDone();
      return;
    }
    const progress = el("div", {});
    const leftOut = lists({ ...answer, requested: [] }, "");
    dialog.body.replaceChildren(progress, ...leftOut.filter(Boolean));
    dialog.actions.replaceChildren(action("Close", "primary", dialog.close));
    await watchTermination(executionId, progress, dialog.signal);
    onDone();
  } catch (error) {
    dialog.body.prepend(problem(`${error.message}. What was requested before this may still go on; look again before repeating.`));
    button.remove();
  }
}
