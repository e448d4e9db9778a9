// What a person must decide about an execution: agree to what another asked for, or end what nobody drives.

import * as api from "./api.js";
import { el, toast } from "./dom.js";
import { action, confirmField, openDialog, problem } from "./dialog.js";
import { icon } from "./icons.js";
import { ageOf } from "./time.js";

const notice = (tone, ...content) => el("div", { className: `notice ${tone}` }, icon("warning"), el("div", {}, ...content));

function approvalNotice({ executionId, approval }, refresh) {
  const what = approval.action === "START" ? "start this real recovery" : "terminate what this recovery launched";
  const approve = el("button", {
    type: "button", className: "button danger", data: { needs: "approver" },
    onclick: async (event) => {
      event.currentTarget.disabled = true;
      try {
        await api.approve(executionId);
        toast("Approved: it goes ahead");
      } catch (error) {
        toast(`Not approved: ${error.message}`);
      }
      refresh();
    },
  }, icon("ok"), "Approve");
  return notice("warn", el("p", {}, el("strong", {}, `${approval.requestedBy} asks to ${what}. `),
    "It waits for a second person, ", ageOf(approval.requestedAt, { suffix: " so far" }), ", an hour at most."), approve);
}

function openForcedCancel(executionId, refresh) {
  const dialog = openDialog("Cancel by force");
  const go = action("Cancel by force", "danger", async () => {
    go.disabled = true;
    try {
      await api.cancelByForce(executionId);
      dialog.close();
      toast("Cancelled; plan and servers are free again");
      refresh();
    } catch (error) {
      dialog.body.prepend(problem(error.message));
    }
  });
  dialog.body.append(
    el("p", {}, "The execution ends now. DRS may still launch what was under way, and nobody follows that: the next sync shows it."),
    confirmField("cancel by force", go));
  dialog.actions.append(action("Back", "", dialog.close), go);
}

function abandonedNotice({ executionId, abandonedSince }, refresh) {
  return notice("bad", el("p", {}, el("strong", {}, "Nobody drives this execution any more. "),
    "Its last step was taken ", ageOf(abandonedSince, { suffix: " ago" }),
    ". Plan and servers stay locked until it is closed; a watch closes it when its state machine is known to have ended."),
  el("button", { type: "button", className: "button danger", data: { needs: "operator" }, onclick: () => openForcedCancel(executionId, refresh) },
    icon("close"), "Cancel by force …"));
}

function platformNotice({ executionId }, refresh) {
  return notice("warn", el("p", {}, el("strong", {}, "The platform drives this execution. "),
    "It is cancelled and resumed there. If nobody drives it any more, it keeps its plan and servers locked until it is closed here."),
  el("button", { type: "button", className: "button danger", data: { needs: "operator" }, onclick: () => openForcedCancel(executionId, refresh) },
    icon("close"), "Cancel by force …"));
}

/** The notices of an execution; `isOver` when no wave runs or will run. */
export const executionNotices = (execution, isOver, refresh) => [
  !execution.isOurs && !isOver && platformNotice(execution, refresh),
  execution.approval && approvalNotice(execution, refresh),
  execution.abandonedSince && abandonedNotice(execution, refresh),
].filter(Boolean);
