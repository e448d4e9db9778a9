// The columns of a table of servers and their instances.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { ageOf, secondsSince, timeOf } from "./time.js";
import { KINDS, READINESS, readinessOf, stateOf } from "./words.js";

const none = () => el("span", { className: "nothing" }, "–");

/** An id that copies itself when pressed. */
export const idButton = (id) =>
  el("button", { type: "button", className: "id", title: "Copy", data: { copy: id } }, id);

export function stateBadge(state) {
  const { word, icon: name, title } = stateOf(state);
  return el("span", { className: "state", title, data: { state } }, icon(name), word);
}

export function kindBadge(kind) {
  const name = kind === "unclear" ? "warning" : kind;
  return el("span", { className: "kind", data: { kind } }, icon(name), KINDS[kind]);
}

export function readinessBadge({ state }) {
  const { word, icon: name, title } = readinessOf(state);
  return el("span", { className: "ready", title, data: { ready: state } }, icon(name), word);
}

const WORST_FIRST = Object.keys(READINESS);

const ofItem = (build) => ({ item }) => (item ? build(item) : none());

/** A long type breaks behind its family: `c6i.` `2xlarge`. */
const typeOf = ({ instanceType }) =>
  el("span", { className: "mono" }, (instanceType ?? "").split(/(?<=\.)/).flatMap((part, index) => (index ? [el("wbr"), part] : [part])));

export const SERVER_COLUMNS = [
  {
    id: "state", title: "State", value: (row) => stateOf(row.state).word,
    cell: (row) => [stateBadge(row.state), row.kind && kindBadge(row.kind)],
  },
  {
    id: "server", title: "Source server", value: (row) => row.name ?? row.serverId,
    cell: (row) => [row.name && el("span", { className: "title" }, row.name), idButton(row.serverId)],
  },
  {
    id: "ready", title: "Readiness", hint: "Whether it could be launched now", value: ({ readiness }) => WORST_FIRST.indexOf(readiness.state),
    cell: ({ readiness }) => [readinessBadge(readiness),
      readiness.state !== "ready" && el("span", { className: "sub" }, readiness.reason),
      readiness.observedAt && ageOf(readiness.observedAt, { suffix: " ago" })],
  },
  {
    id: "instance", title: "Instance", value: (row) => row.item?.name,
    cell: ofItem((item) => [el("span", { className: "title" }, item.name), idButton(item.ec2InstanceId)]),
  },
  {
    id: "address", title: "Addresses", value: (row) => row.item?.privateIp ?? row.item?.publicIp,
    cell: ofItem((item) => [
      item.privateIp || item.publicIp ? null : none(),
      item.privateIp && el("span", { className: "mono" }, item.privateIp),
      item.publicIp && el("span", { className: "mono", title: "Public address" }, `${item.publicIp} public`),
    ]),
  },
  { id: "type", title: "Type", value: (row) => row.item?.instanceType, cell: ofItem(typeOf) },
  {
    id: "place", title: "Account, region", value: (row) => `${row.accountId} ${row.region}`,
    cell: (row) => [el("span", { className: "mono" }, row.accountId), el("span", { className: "sub" }, row.region)],
  },
  {
    id: "launched", title: "Launched", value: (row) => row.item?.launchTime,
    cell: ofItem((item) => [timeOf(item.launchTime), launchedBy(item)]),
  },
  { id: "age", title: "Age", value: (row) => row.item && secondsSince(row.item.launchTime), cell: ofItem((item) => ageOf(item.launchTime)) },
  {
    id: "seen", title: "Looked at", hint: "When DRS was last asked about this server", value: (row) => row.lookedAt,
    cell: ({ lookedAt, item }) => [lookedAt ? ageOf(lookedAt, { grade: true, suffix: " ago" }) : none(), olderDetails(item)],
  },
];

/** The age of what EC2 says of an instance, where that is older than the look at it. */
function olderDetails(item) {
  if (item?.detailsSeenAt === undefined) return null;
  return el("span", { className: "sub", title: "EC2 could not be asked since: name, addresses and type may have changed" },
    item.detailsSeenAt ? ["details of ", ageOf(item.detailsSeenAt, { grade: true, suffix: " ago" })] : "details never seen");
}

function launchedBy({ sourceExecutionId: id, sourcePlanName: plan }) {
  if (!id) return el("span", { className: "sub" }, "execution not known");
  return el("a", { className: "sub", href: `#/executions/${encodeURIComponent(id)}`, title: id }, `by ${plan ?? id}`);
}
