// All servers of all plans in one table, place by place; each once, however many plans it is in.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { onePerServer, rowsOf } from "./rows.js";
import { createServerList } from "./server_list.js";
import { placeName } from "./words.js";

const LARGEST_QUERY = 5000; // ids the API takes at once

async function queryAll(ids, signal) {
  const parts = [];
  for (let start = 0; start < ids.length; start += LARGEST_QUERY) {
    parts.push(api.queryServers(ids.slice(start, start + LARGEST_QUERY), signal));
  }
  const answers = await Promise.all(parts);
  return {
    servers: answers.flatMap((answer) => answer.servers),
    existingInstances: answers.flatMap((answer) => answer.existingInstances),
    unknownServerIds: answers.flatMap((answer) => answer.unknownServerIds),
  };
}

export function createServersView() {
  const heading = el("h1", {}, "All servers");
  const summary = el("p", { className: "summary" });
  const list = createServerList({ label: "Servers of all plans", groupOf: placeName, name: () => "all-servers" });
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
      const rows = onePerServer(rowsOf(plans.plans, answer, plans.places));
      summary.textContent = `${plural(rows.length, "server")} in ${plural(plans.plans.length, "plan")}`;
      list.update(rows);
    },
  };
}
