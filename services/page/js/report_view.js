// The report on an execution: what an auditor asks for after a drill. Prints as it is; JSON and a page that stands alone to take away.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { findingText } from "./findings.js";
import { icon } from "./icons.js";
import { kindBadge } from "./server_columns.js";
import { save } from "./take_away.js";
import { duration, timeOf } from "./time.js";
import { placeName, statusWord } from "./words.js";

const OVER = new Set(["COMPLETED", "PARTIAL", "FAILED", "CANCELLED"]);
const took = (seconds) => (seconds === null ? "not known" : duration(seconds));
const moment = (iso) => (iso ? timeOf(iso) : "not known");
const counts = ({ launched, failed, serverCount }) => `${launched} of ${plural(serverCount, "server")} launched, ${failed} failed`;

const fact = (name, ...value) => el("div", {}, el("dt", {}, name), el("dd", {}, ...value));

function facts(report) {
  const { status, message, startTime, endTime, durationSeconds, measured, serverCount } = report;
  return el("dl", { className: "facts" },
    fact("Status", statusWord(status), message && `: ${message}`),
    report.requestedBy && fact("Asked for by", report.requestedBy),
    report.approvedBy && fact("Agreed to by", report.approvedBy),
    report.cancelledBy && fact("Cancelled by", report.cancelledBy),
    fact("Started", moment(startTime)),
    fact("Ended", endTime ? timeOf(endTime) : "not yet"),
    fact("Took", took(durationSeconds)),
    fact("Servers", counts(report)),
    fact("Longest recovery time (RTO)", took(report.longestRecoveryTimeSeconds)),
    fact("Oldest recovery point (RPO)", took(report.oldestRecoveryPointSeconds)),
    fact("Measured on", `${measured} of ${plural(serverCount, "server")}`));
}

function planCheck(findings) {
  return el("section", { className: "wave" }, el("h2", {}, "Plan check before the launch"),
    findings === null && el("p", {}, "Not checked by this product."),
    findings?.length === 0 && el("p", {}, "Nothing was found."),
    findings?.map((finding) => el("p", {}, findingText(finding))));
}

const HEADS = ["Server", "Status", "Instance", "Recovery point", "RPO", "Launched", "RTO"];

function serverRow(server) {
  const cells = [
    [server.sourceServerName && el("span", { className: "title" }, server.sourceServerName), el("span", { className: "mono" }, server.sourceServerId)],
    [el("span", {}, statusWord(server.status)), server.reason && el("span", { className: "why" }, server.reason)],
    [el("span", { className: "mono" }, server.ec2InstanceId ?? "–"), el("span", { className: "sub" }, server.instanceType ?? "")],
    [moment(server.pointInTime)],
    [took(server.recoveryPointSeconds)],
    [moment(server.launchTime)],
    [took(server.recoveryTimeSeconds)],
  ];
  return el("tr", {}, cells.map((cell, index) => el("td", { data: { label: HEADS[index] } }, cell)));
}

function waveSection(wave) {
  const jobs = wave.jobIds.join(", ") || "no job";
  return el("section", { className: "wave" },
    el("h2", {}, `Wave ${wave.waveNumber} · ${wave.waveName}`),
    el("p", { className: "sub" }, [placeName(wave), statusWord(wave.status), counts(wave), `took ${took(wave.durationSeconds)}`, jobs, wave.resumedBy && `resumed by ${wave.resumedBy}`].filter(Boolean).join(" · ")),
    wave.message && el("p", { className: "why" }, wave.message),
    el("table", { className: "report", attrs: { "aria-label": `Servers of wave ${wave.waveNumber}` } },
      el("thead", {}, el("tr", {}, HEADS.map((head) => el("th", { attrs: { scope: "col" } }, head)))),
      el("tbody", {}, wave.servers.map(serverRow))));
}

function ending({ status, termination, cleanUps, leftBehind }) {
  const asked = (job) => [job.requestedAt && [", asked for ", timeOf(job.requestedAt)], job.requestedBy && ` by ${job.requestedBy}`, job.endedAt && [", over ", timeOf(job.endedAt)]];
  const left = leftBehind === null ? (OVER.has(status) ? "could not be asked" : "not known while it runs") : leftBehind.length === 0 ? "nothing" : `${plural(leftBehind.length, "server")} still ${leftBehind.length === 1 ? "has" : "have"} an instance: ${leftBehind.join(", ")}`;
  return el("section", { className: "wave" }, el("h2", {}, "Termination"),
    termination.length === 0 && el("p", {}, "Nothing was terminated."),
    termination.map((job) => el("p", {}, el("span", { className: "mono" }, job.jobId), ` · ${placeName(job)} · ${plural(job.serverIds.length, "server")} · ${statusWord(job.status)}`, asked(job))),
    cleanUps.map(({ note, at, by }) => el("p", {}, "Cleaned up ", timeOf(at), by && ` by ${by}`, `: ${note}`)),
    el("p", {}, el("strong", {}, "Left behind: "), left));
}

export function createReportView(executionId) {
  let report = null;
  const heading = el("h1", {}, "Report");
  const crumb = el("p", { className: "crumbs" });
  const parts = el("div", { className: "view" });
  const button = (name, text, onclick) => el("button", { type: "button", className: "button", onclick }, icon(name), text);
  const tools = el("div", { className: "tools" },
    button("print", "Print", () => print()),
    button("download", "HTML", async () => save(`report-${executionId}.html`, "text/html", await api.reportPage(executionId))),
    button("download", "JSON", () => save(`report-${executionId}.json`, "application/json", JSON.stringify(report, null, 1))));
  return {
    node: el("div", { className: "view" }, crumb, el("div", { className: "view-head" }, heading, tools), parts),
    heading,
    get title() { return `${report?.planName ?? "Execution"} · report`; },
    load: (signal) => api.report(executionId, signal),
    show({ answer }) {
      if (!answer?.waves || JSON.stringify({ ...answer, generatedAt: "" }) === JSON.stringify({ ...report, generatedAt: "" })) return;
      report = answer;
      heading.replaceChildren(`Report: ${report.planName ?? report.planId} `, kindBadge(report.executionType === "DRILL" ? "drill" : "recovery"));
      crumb.replaceChildren(el("a", { href: "#/" }, "Recovery plans"), " › ", el("a", { href: `#/plans/${encodeURIComponent(report.planId)}` }, report.planName ?? report.planId),
        " › ", el("a", { href: `#/executions/${encodeURIComponent(executionId)}` }, "Execution"), " ›");
      parts.replaceChildren(facts(report), planCheck(report.findings), ...report.waves.map(waveSection), ending(report));
    },
  };
}
