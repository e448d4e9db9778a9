// Clean up drill: whatever drills of a plan have left, with a note for their reports. A dry run first.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { action, openDialog, problem } from "./dialog.js";
import { instanceList } from "./instance_list.js";

/** `onDone` is called once DRS was asked. */
export async function openCleanUp(plan, onDone) {
  const dialog = openDialog(`Clean up drill: ${plan.planName}`, { wide: true });
  dialog.body.append(el("p", { className: "loading" }, "Asking what drills have left …"));
  dialog.actions.append(action("Cancel", "", dialog.close));
  try {
    ask(dialog, plan, onDone, await api.cleanUp(plan.planId, "dry run", true));
  } catch (error) {
    dialog.body.replaceChildren(problem(`${error.message}. Nothing was terminated.`));
  }
}

const lists = ({ requested, refused, failed }, going) => [
  instanceList(`${plural(requested.length, "instance")} ${going}`, "goes", requested),
  instanceList(`${plural(refused.length, "instance")} refused`, "stays", refused),
  instanceList(`${plural(failed.length, "instance")} could not be checked or terminated`, "unseen", failed),
].filter(Boolean);

function ask(dialog, plan, onDone, dryRun) {
  const count = dryRun.requested.length;
  const note = el("input", { type: "text", maxLength: 1000, autocomplete: "off", oninput: () => { go.disabled = note.value.trim() === ""; } });
  const go = action(`Terminate ${plural(count, "drill instance")}`, "danger", () => cleanUp(dialog, plan, onDone, note.value.trim(), go));
  go.disabled = true;
  dialog.body.replaceChildren(
    count === 0 ? el("p", {}, el("strong", {}, "No drill of this plan has left anything that can be terminated."))
      : el("p", {}, `Left by ${plural(dryRun.executionIds.length, "execution")}. Real recoveries are never touched.`),
    ...lists(dryRun, "will be terminated"),
    ...(count ? [el("label", { className: "confirm" }, el("span", {}, "What did the drill show? The note is kept for its report."), note)] : []));
  dialog.actions.replaceChildren(action("Cancel", "", dialog.close), ...(count ? [go] : []));
}

async function cleanUp(dialog, plan, onDone, note, button) {
  button.disabled = true;
  button.textContent = "Terminating …";
  try {
    const answer = await api.cleanUp(plan.planId, note, false);
    const reports = answer.executionIds.map((id) =>
      el("li", {}, el("a", { href: `#/executions/${encodeURIComponent(id)}/report`, onclick: dialog.close }, "Report of ", el("span", { className: "mono" }, id))));
    dialog.body.replaceChildren(el("p", {}, el("strong", {}, `${plural(answer.requested.length, "instance")} being terminated.`), " The reports have the note:"),
      el("ul", {}, reports), ...lists({ ...answer, requested: [] }, ""));
    dialog.actions.replaceChildren(action("Close", "primary", dialog.close));
    onDone();
  } catch (error) {
    dialog.body.prepend(problem(`${error.message}. What was requested before this may still go on; look again before repeating.`));
    button.remove();
  }
}
