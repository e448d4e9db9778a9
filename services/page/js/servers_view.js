// All servers of all plans in one table.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { rowsOf } from "./rows.js";
import { createServerList } from "./server_list.js";

const LARGEST_QUERY = 5000; // ids the API takes at once

const groupOf = (row) => `${row.planName} · wave ${row.waveNumber} · ${row.waveName}`;

async function queryAll(ids, signal) {
  const parts = [];
  for (let start = 0; start < ids.length; start += LARGEST_QUERY) {
    parts.push(api.query(ids.slice(start, start + LARGEST_QUERY), signal));
  }
  const answers = await Promise.all(parts);
  return {
    existingInstances: answers.flatMap((answer) => answer.existingInstances),
    unknownServerIds: answers.flatMap((answer) => answer.unknownServerIds),
  };
}

export function createServersView() {
  const heading = el("h1", {}, "All servers");
  const summary = el("p", { className: "summary" });
  const list = createServerList({ label: "Servers of all plans", groupOf, name: () => "all-servers" });
  return {
    node: el("div", { className: "view" }, el("div", { className: "view-head" }, heading, summary), list.node),
    heading,
    title: "All servers",
    async load(signal, plans) {
      const { plans: all } = await plans;
      return queryAll([...new Set(all.flatMap((plan) => plan.waves.flatMap((wave) => wave.serverIds)))], signal);
    },
    show({ plans, answer }) {
      if (!answer) return;
      const rows = rowsOf(plans.plans, answer);
      summary.textContent = `${plural(rows.length, "server")} in ${plural(plans.plans.length, "plan")}`;
      list.update(rows);
    },
  };
}
