// Drill instances that still exist, over all plans: by execution with what they cost, and each in one table.

import * as api from "./api.js";
import { el, plural } from "./dom.js";
import { icon } from "./icons.js";
import { launchCard, unattributedCard } from "./launch_card.js";
import { idButton, stateBadge } from "./server_columns.js";
import { matches } from "./sorting.js";
import { Table } from "./table.js";
import { ageOf, secondsSince } from "./time.js";
import { placeName, stateOf } from "./words.js";

const OPEN_CARDS = 6; // executions; the table below has every instance

const dollars = (amount) => `$${amount.toLocaleString(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
const hours = (count) => `${count.toLocaleString(undefined, { maximumFractionDigits: 0 })} h`;
const text = (words) => el("span", {}, words);
const sub = (words) => el("span", { className: "sub" }, words);

const COLUMNS = [
  { id: "age", title: "Age", value: (row) => secondsSince(row.launchTime), cell: (row) => [ageOf(row.launchTime), row.isTooOld && el("span", { className: "too-old" }, icon("warning"), "too old")] },
  { id: "instance", title: "Instance", value: (row) => row.name, cell: (row) => [el("span", { className: "title" }, row.name), idButton(row.ec2InstanceId)] },
  { id: "state", title: "State", value: (row) => stateOf(row.ec2InstanceState).word, cell: (row) => stateBadge(row.ec2InstanceState) },
  { id: "type", title: "Type", value: (row) => row.instanceType, cell: (row) => text(row.instanceType) },
  { id: "execution", title: "Launched by", value: (row) => row.sourcePlanName, cell: (row) => launchedBy(row) },
  { id: "place", title: "Account and region", value: placeName, cell: (row) => [text(row.accountId), sub(row.region)] },
  { id: "hours", title: "Hours", numeric: true, value: (row) => row.instanceHours, cell: (row) => text(hours(row.instanceHours)) },
  {
    id: "cost", title: "About", numeric: true, value: (row) => row.estimatedCost,
    cell: (row) => (row.estimatedCost === null ? sub("no price") : text(dollars(row.estimatedCost))),
  },
];

function launchedBy({ sourceExecutionId: id, sourcePlanName: plan }) {
  if (!id) return sub("not known");
  return el("a", { href: `#/executions/${encodeURIComponent(id)}`, title: id }, plan ?? id);
}

const sums = ({ running, stopped, instanceHours, estimatedCost, unpriced }) =>
  [`${running} running, ${stopped} stopped`, hours(instanceHours), `about ${dollars(estimatedCost)}`, unpriced && `${unpriced} without a price`].filter(Boolean).join(" · ");

function card(group, refresh) {
  if (!group.executionId) return unattributedCard(group.instanceCount, sums(group));
  const { executionId, planName, oldestLaunch, instanceCount } = group;
  return launchCard({ executionId, planName, kinds: ["drill"], firstLaunch: oldestLaunch, count: instanceCount }, refresh, sums(group));
}

/** The oldest in sight, the others behind a click. */
function cardList(groups, refresh) {
  const items = groups.map((group) => card(group, refresh));
  const rest = items.splice(OPEN_CARDS);
  const list = (label, of) => el("ul", { className: "launches", attrs: { "aria-label": label } }, of);
  return [
    items.length > 0 && el("h2", {}, "Launched by"), items.length > 0 && list("Executions with leftovers, the oldest first", items),
    rest.length > 0 && el("details", {}, el("summary", {}, `and ${plural(rest.length, "younger execution")}`), list("Younger executions", rest)),
  ].filter(Boolean);
}

const missing = ({ unseenPlaces, unknownServerIds, degraded }) => [
  degraded && unknownServerIds.length === 0 && "only the servers of plans could be read",
  unseenPlaces.length > 0 && `drills may be missing in ${unseenPlaces.map((it) => it.replace("/", " · ")).join(", ")}`,
  unknownServerIds.length > 0 && `${plural(unknownServerIds.length, "server")} could not be read`,
].filter(Boolean);

/** Instances beside their servers' current ones, drill or not: no table of servers shows them. */
const extraList = (extras) => [
  el("h2", {}, `${plural(extras.length, "instance")} beside a server's current one`),
  el("ul", {}, extras.map((extra) => el("li", {},
    idButton(extra.ec2InstanceId), " ", stateBadge(extra.ec2InstanceState), ` of ${extra.sourceServerId} in ${placeName(extra)}: ${extra.why}`))),
];

const rowsOf = ({ groups, olderThanDays }) => groups.flatMap(({ instances }) => instances.map((item) =>
  ({ ...item, key: item.ec2InstanceId, isTooOld: item.ageDays > olderThanDays })));

export function createLeftoversView({ refresh }) {
  const heading = el("h1", {}, "Leftovers");
  const summary = el("p", { className: "summary" });
  const doubts = el("p", { className: "sub doubts", hidden: true });
  const prices = el("p", { className: "sub" });
  const cards = el("div", {});
  const extras = el("section", { hidden: true, attrs: { "aria-label": "Extra instances" } });
  const table = new Table({ label: "Drill instances that still exist", className: "leftovers", columns: COLUMNS, sort: { id: "age", descending: true } });
  const filter = () => table.filter((row) => matches(Object.values(row).join(" "), search.value));
  const search = el("input", { type: "search", placeholder: "Filter instances", oninput: filter, attrs: { "aria-label": "Filter instances" } });
  let drawn = "";

  return {
    node: el("div", { className: "view" },
      el("div", { className: "view-head" }, heading, summary, el("div", { className: "tools" }, search)), doubts, cards, table.node, extras, prices),
    heading,
    title: "Leftovers",
    load: (signal) => api.leftovers(signal),
    show({ answer }) {
      if (!answer?.groups) return;
      const { instanceCount, tooOld, olderThanDays, groups } = answer;
      const nothing = missing(answer).length === 0 ? "No drill has left anything behind." : "Whether drills have left anything behind is not known.";
      summary.textContent = instanceCount === 0
        ? nothing
        : `${plural(instanceCount, "drill instance")} still exist${instanceCount === 1 ? "s" : ""} · ${sums(answer)} · ${tooOld} older than ${olderThanDays} days`;
      doubts.hidden = missing(answer).length === 0;
      doubts.replaceChildren(icon("warning"), ` Not everything could be looked at: ${missing(answer).join("; ")}.`);
      prices.textContent = `Estimates of ${answer.prices.asOf}: ${answer.prices.what}. Hours count since EC2's last start.`;
      const signature = JSON.stringify(groups.map(({ executionId, instanceCount: count, oldestLaunch, instanceHours }) => [executionId, count, oldestLaunch, Math.round(instanceHours)]));
      if (signature !== drawn) cards.replaceChildren(...cardList(groups, refresh));
      drawn = signature;
      table.update(rowsOf(answer));
      extras.hidden = answer.extraInstances.length === 0;
      extras.replaceChildren(...extraList(answer.extraInstances));
    },
  };
}
