// One execution: its waves and their servers while they launch, and the end of its instances.

import * as api from "./api.js";
import { el, plural, toast } from "./dom.js";
import { icon } from "./icons.js";
import { executionNotices } from "./execution_notices.js";
import { kindBadge } from "./server_columns.js";
import { openTermination } from "./terminate_dialog.js";
import { watchTermination } from "./termination_progress.js";
import { ageOf, timeOf } from "./time.js";
import { placeName, statusWord } from "./words.js";

const KINDS = { DRILL: "drill", RECOVERY: "recovery" }; // rows of others may say neither
const EVERY_MS = 4000; // while it runs; DRS takes minutes for a wave
const OVER = new Set(["COMPLETED", "PARTIAL", "FAILED", "CANCELLED"]);

const badge = (status) => {
  const name = status === "COMPLETED" || status === "LAUNCHED" ? "ok" : /FAIL|PARTIAL|CANCEL|TIME/.test(status ?? "") ? "warning" : "pending";
  return el("span", { className: "status", data: { mark: name } }, icon(name), statusWord(status));
};

function waveCard(wave) {
  const statuses = wave.serverStatuses ?? {};
  const tally = new Map();
  for (const id of wave.serverIds) tally.set(statuses[id], (tally.get(statuses[id]) ?? 0) + 1);
  return el("li", { className: "wave" },
    el("h2", {}, `Wave ${wave.waveNumber} · ${wave.waveName} `, badge(wave.status)),
    el("p", { className: "sub" }, [placeName(wave), plural(wave.serverIds.length, "server"),
      ...[...tally].map(([status, count]) => `${count} ${statusWord(status).toLowerCase()}`), wave.jobId].filter(Boolean).join(" · ")),
    (wave.failures ?? []).map(({ reason, serverIds }) => el("p", { className: "why" }, `${plural(serverIds.length, "server")}: ${reason}`)),
    wave.message && el("p", { className: "why" }, wave.message),
    el("ul", { className: "launch-states", attrs: { "aria-label": `Servers of wave ${wave.waveNumber}` } }, wave.serverIds.map((id) =>
      el("li", {}, el("span", { className: "mono" }, id), badge(statuses[id])))));
}

export function createExecutionView(executionId, { refresh }) {
  let execution = null;
  let watching = null;
  const heading = el("h1", {}, "Execution");
  const facts = el("p", { className: "summary" });
  const tools = el("div", { className: "tools" });
  const ending = el("section", { className: "ending", attrs: { "aria-label": "Termination" } });
  const waves = el("ul", { className: "waves" });
  const decisions = el("div", { className: "decisions" });
  const crumb = el("p", { className: "crumbs" });
  const node = el("div", { className: "view" }, crumb, el("div", { className: "view-head" }, heading, facts, tools), decisions, ending, waves);

  const cancel = async (event) => {
    event.currentTarget.disabled = true;
    try {
      await api.cancel(executionId);
      toast("Cancelling: waves not started yet will not start");
    } catch (error) {
      toast(`Not cancelled: ${error.message}`);
    }
    refresh();
  };
  const resume = async (event) => {
    event.currentTarget.disabled = true;
    try {
      await api.resume(executionId);
      toast("The next wave begins");
    } catch (error) {
      toast(`Not resumed: ${error.message}`);
    }
    refresh();
  };
  const watch = () => {
    watching?.abort();
    watching = new AbortController();
    watchTermination(executionId, ending, watching.signal);
  };
  const after = () => { watch(); refresh(); };

  function draw() {
    const { planId, planName, executionType, status, startTime, endTime, requestedBy, approvedBy } = execution;
    const over = OVER.has(status);
    heading.replaceChildren(`${planName ?? planId} `, ...(KINDS[executionType] ? [kindBadge(KINDS[executionType])] : []));
    facts.replaceChildren(badge(status),
      ...(startTime ? [" started ", timeOf(startTime), ", ", ageOf(startTime, { suffix: " ago" })] : [" start not known"]),
      ...(endTime ? [" · ended ", timeOf(endTime)] : []),
      requestedBy ? ` · asked for by ${requestedBy}` : "", approvedBy ? ` · approved by ${approvedBy}` : "", " · ", el("span", { className: "mono" }, executionId));
    crumb.replaceChildren(el("a", { href: "#/" }, "Recovery plans"), " › ", el("a", { href: `#/plans/${encodeURIComponent(planId)}` }, planName ?? planId), " ›");
    const report = el("a", { className: "button", href: `#/executions/${encodeURIComponent(executionId)}/report` }, icon("report"), "Report");
    const isPaused = status === "PAUSED" && !execution.approval && execution.isOurs;
    tools.replaceChildren(report, ...(isPaused ? [el("button", { type: "button", className: "button primary", data: { needs: "operator" }, onclick: resume }, icon("play"), "Begin next wave")] : []), over
      ? el("button", { type: "button", className: "button danger", data: { needs: "operator" }, onclick: () => openTermination(executionId, planName, after) }, icon("trash"), "Terminate …")
      : el("button", { type: "button", className: "button", hidden: !execution.isOurs, data: { needs: "operator" }, onclick: cancel, disabled: execution.cancelRequested === true }, icon("close"), execution.cancelRequested ? "Cancelling …" : "Cancel"));
    decisions.replaceChildren(...executionNotices(execution, over, refresh));
    waves.replaceChildren(...execution.waves.map(waveCard));
  }

  return {
    node,
    heading,
    get title() { return `${execution?.planName ?? "Execution"} · execution`; },
    refreshAfter: () => (execution && !OVER.has(execution.status) ? EVERY_MS : undefined),
    leave: () => watching?.abort(),
    load: (signal) => api.executionOf(executionId, signal),
    show({ answer }) {
      if (!answer || JSON.stringify(answer) === JSON.stringify(execution)) return;
      execution = answer;
      draw();
      if (!watching) watch();
    },
  };
}
