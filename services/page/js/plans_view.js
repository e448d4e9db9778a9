// Every plan with its counts.

import { el, announce, plural } from "./dom.js";
import { icon } from "./icons.js";
import { countsOfPlan, countHaving, notReady } from "./rows.js";
import { matches } from "./sorting.js";
import { Table } from "./table.js";
import { createTiles, shareBar } from "./tiles.js";
import { ageOf, timeOf } from "./time.js";
import { BUCKETS } from "./words.js";

const count = (bucket) => ({
  id: bucket,
  title: BUCKETS[bucket].word,
  hint: BUCKETS[bucket].title,
  numeric: true,
  value: (row) => row.counts[bucket],
  cell: ({ counts, unresolved }) => el("span", { className: counts[bucket] ? "count" : "count zero", data: { bucket } },
    bucket === "unknown" && unresolved ? "?" : counts[bucket].toLocaleString()),
});

const COLUMNS = [
  {
    id: "plan", title: "Plan", value: (row) => row.planName,
    cell: (row) => [
      el("a", { className: "title", href: `#/plans/${encodeURIComponent(row.key)}` }, row.planName),
      row.description && el("span", { className: "sub" }, row.description),
    ],
  },
  {
    id: "servers", title: "Servers", value: (row) => row.servers,
    cell: (row) => [el("span", { className: "sub" }, `${plural(row.servers, "server")}, ${plural(row.waves, "wave")}`), shareBar(row.counts),
      row.unresolved > 0 && el("span", { className: "sub" }, `servers of ${plural(row.unresolved, "wave")} not known`)],
  },
  ...Object.keys(BUCKETS).map(count),
  {
    id: "ready", title: "Not ready", hint: "Servers that could not be launched well now", numeric: true,
    value: (row) => row.notReady,
    cell: (row) => [el("span", { className: row.notReady ? "count alarmed" : "count zero" }, row.notReady.toLocaleString()),
      row.readinessUnknown > 0 && el("span", { className: "sub" }, `${row.readinessUnknown.toLocaleString()} unknown`)],
  },
  {
    id: "asOf", title: "As of", value: (row) => row.asOf,
    cell: (row) => row.asOf ? [timeOf(row.asOf), ageOf(row.asOf, { grade: true, suffix: " ago" })] : el("span", { className: "sub" }, "age unknown"),
  },
];

const withUnresolved = (counts, waves) => ({ ...counts, unknown: counts.unknown + waves });

const rowOf = (plan) => ({
  key: plan.planId,
  planName: plan.planName,
  description: plan.description,
  servers: plan.counts.servers,
  waves: plan.waves.length,
  unresolved: plan.unresolvedWaves.length,
  counts: withUnresolved(countsOfPlan(plan), plan.unresolvedWaves.length), // nobody knows how many servers those waves have
  notReady: notReady(plan.readiness),
  readinessUnknown: plan.readiness?.unknown ?? 0,
  asOf: plan.asOf,
});

/** `lost` is an address that leads to no view: said above the plans. */
export function createPlansView(lost = null) {
  const table = new Table({ label: "Recovery plans", className: "plans", columns: COLUMNS });
  const tiles = createTiles("Plans with servers in a state", () => filter(), "Plans with any …");
  const search = el("input", { type: "search", placeholder: "Filter plans", oninput: () => filter(), attrs: { "aria-label": "Filter plans" } });
  const summary = el("p", { className: "summary" });
  const heading = el("h1", {}, "Recovery plans");
  const node = el("div", { className: "view" },
    el("div", { className: "view-head" }, heading, summary, el("div", { className: "tools" }, search)),
    lost && el("div", { className: "notice warn", attrs: { role: "alert" } }, icon("warning"), el("p", {}, `There is nothing at ${lost}. These are the plans.`)),
    tiles.node, table.node);

  function filter() {
    const bucket = tiles.chosen();
    table.filter((row) => (!bucket || row.counts[bucket] > 0) && matches(`${row.planName} ${row.description ?? ""} ${row.key}`, search.value));
    announce(`${plural(table.shown().length, "plan")} shown`);
  }

  return {
    node,
    heading,
    title: "Recovery Plans",
    show({ plans }) {
      const rows = plans.plans.map(rowOf);
      const servers = new Set(plans.plans.flatMap((plan) => plan.waves.flatMap((wave) => wave.serverIds)));
      summary.textContent = `${plural(rows.length, "plan")}, ${plural(servers.size, "server")}`;
      tiles.update(countHaving(rows.map((row) => row.counts)));
      table.update(rows);
    },
  };
}
