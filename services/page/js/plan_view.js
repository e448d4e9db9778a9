// One plan: its waves and servers, what launched them, and what can be done about it.

import * as api from "./api.js";
import { openCleanUp } from "./clean_up_dialog.js";
import { el, plural } from "./dom.js";
import { findingList } from "./findings.js";
import { icon } from "./icons.js";
import { launchCard, unattributedCard } from "./launch_card.js";
import { openLaunch } from "./launch_dialog.js";
import { countRows, executionsOf, rowsOf, unattributed } from "./rows.js";
import { createServerList } from "./server_list.js";
import { ageOf, timeOf } from "./time.js";
import { BUCKETS, placeName, STATE_BUCKETS, statusWord } from "./words.js";

/** How many servers the plan has, as far as anybody knows. */
function serversOf({ unresolvedWaves }, rows) {
  if (unresolvedWaves.length === 0) return plural(rows.length, "server");
  return rows.length ? `${plural(rows.length, "server")} known` : "servers not known";
}

/** The heading of each wave, with the counts of its servers. */
function waveTitles(plan, rows) {
  return new Map(plan.waves.map((wave) => {
    const counts = countRows(rows.filter(({ waveNumber }) => waveNumber === wave.waveNumber));
    const said = STATE_BUCKETS.filter((bucket) => counts[bucket]).map((bucket) => `${counts[bucket]} ${BUCKETS[bucket].word.toLowerCase()}`);
    return [wave.waveNumber, `Wave ${wave.waveNumber} · ${wave.waveName} · ${placeName(wave)} · ${said.join(", ")}`];
  }));
}

/** Waves whose servers nobody knows: what they have cannot be shown, and such a plan cannot be started. */
function showUnresolved(reasons, notice) {
  notice.hidden = reasons.length === 0;
  notice.replaceChildren(icon("unknown"), el("div", {},
    el("p", {}, el("strong", {}, `The servers of ${plural(reasons.length, "wave")} are not known.`), " They may have recovery instances; the plan cannot be started."),
    el("ul", {}, reasons.map((reason) => el("li", {}, reason)))));
}

/** What runs of the plan, as it was when the view was opened. */
function showRunning(executions, notice) {
  notice.hidden = executions.length === 0;
  notice.replaceChildren(icon("play"), el("div", {}, executions.map(({ executionId, executionType, status, startTime }) =>
    el("p", {}, el("a", { href: `#/executions/${encodeURIComponent(executionId)}` }, `${statusWord(executionType)} ${statusWord(status).toLowerCase()}`),
      ...(startTime ? [", started ", ageOf(startTime, { suffix: " ago" })] : [])))));
}

function showFindings({ findings, servers }, place) {
  const names = new Map(servers.map(({ sourceServerId, sourceServerName }) => [sourceServerId, sourceServerName]));
  const list = findingList(findings, (id) => names.get(id));
  place.hidden = list === null;
  place.replaceChildren(...(list ? [list] : []));
}

export function createPlanView(planId, { refresh }) {
  let plan = null;
  let titles = new Map();
  const heading = el("h1", {}, planId);
  const description = el("p", { className: "summary" });
  const age = el("p", { className: "freshness" });
  const unresolved = el("div", { className: "notice warn", hidden: true });
  const running = el("div", { className: "notice", hidden: true });
  const launches = el("ul", { className: "launches" });
  const launchesPart = el("section", { hidden: true, attrs: { "aria-label": "Launched by" } }, el("h2", {}, "Launched by"), launches);
  const drill = el("button", { type: "button", className: "button", disabled: true, data: { needs: "operator" }, onclick: () => openLaunch(plan, "DRILL") }, icon("play"), "Run drill …");
  const recover = el("button", { type: "button", className: "button danger", disabled: true, data: { needs: "operator" }, onclick: () => openLaunch(plan, "RECOVERY") }, icon("recovery"), "Run recovery …");
  const findings = el("div", { hidden: true });
  const cleanUp = el("button", { type: "button", className: "button", hidden: true, data: { needs: "operator" }, onclick: () => openCleanUp(plan, refresh) }, icon("trash"), "Clean up drill …");
  const list = createServerList({ label: "Servers of the plan", groupOf: (row) => titles.get(row.waveNumber), name: () => plan.planName });
  const node = el("div", { className: "view" },
    el("p", { className: "crumbs" }, el("a", { href: "#/" }, "Recovery plans"), " ›"),
    el("div", { className: "view-head" }, heading, description, age, el("div", { className: "tools" }, cleanUp, drill, recover)),
    running, unresolved, findings, launchesPart, list.node);
  let drawnLaunches = "";
  api.running(planId).then(({ executions }) => showRunning(executions, running), () => {}); // the start itself refuses a plan that runs
  let drawnFindings = "";

  return {
    node,
    heading,
    get title() { return plan?.planName ?? planId; },
    load: (signal) => api.serversOf(planId, signal),
    show({ plans, answer }) {
      plan = plans.plans.find((it) => it.planId === planId) ?? plan;
      if (!plan || !answer) return;
      const rows = rowsOf([plan], answer, plans.places);
      heading.textContent = plan.planName;
      description.textContent = [plan.description, serversOf(plan, rows), plural(plan.waves.length, "wave")].filter(Boolean).join(" · ");
      age.replaceChildren(...(answer.asOf ? ["as of ", timeOf(answer.asOf), ", ", ageOf(answer.asOf, { grade: true, suffix: " ago" })] : ["age unknown"]));
      showUnresolved(plan.unresolvedWaves, unresolved);
      drill.disabled = recover.disabled = plan.unresolvedWaves.length > 0;
      const found = JSON.stringify(answer.findings);
      if (found !== drawnFindings) showFindings(answer, findings);
      drawnFindings = found;
      cleanUp.hidden = rows.every(({ kind }) => kind !== "drill");
      const executions = executionsOf(rows);
      const others = unattributed(rows).length;
      const text = JSON.stringify([others, executions.map(({ executionId, items, firstLaunch }) => [executionId, items.length, firstLaunch])]);
      if (text !== drawnLaunches) {
        launches.replaceChildren(...executions.map((it) => launchCard({ ...it, count: it.items.length }, refresh)), ...(others ? [unattributedCard(others)] : []));
      }
      drawnLaunches = text;
      launchesPart.hidden = executions.length + others === 0;
      titles = waveTitles(plan, rows);
      list.update(rows, plan.unresolvedWaves.length > 0);
    },
  };
}
