// Joining what a plan wants with what is known: one row per server of a wave, and the counts of rows.

import { sorted } from "./sorting.js";
import { bucketOf, kindOf, placeName } from "./words.js";

/** When DRS was asked about a server: "none" is as old as the last whole look at its place; "unknown" has no age. */
function lookedAt(state, item, place, places) {
  if (item) return item.lastSyncTime;
  return state === "none" ? places.get(placeName(place))?.completedAt ?? null : null;
}

function row(plan, wave, serverId, item, isUnknown, machine, places) {
  let state = "none";
  if (item) state = item.ec2InstanceState === "unknown" ? "unrecognised" : item.ec2InstanceState;
  else if (isUnknown) state = "unknown";
  const place = {
    accountId: item?.accountId ?? machine?.accountId ?? wave.accountId,
    region: item?.region ?? machine?.region ?? wave.region,
  };
  return {
    key: `${plan.planId}/${wave.waveNumber}/${serverId}`,
    planName: plan.planName,
    wave: `${wave.waveNumber} ${wave.waveName}`,
    waveNumber: wave.waveNumber,
    serverId,
    ...place,
    state,
    bucket: bucketOf(state),
    kind: item ? kindOf(item.isDrill) : null,
    item: item ?? null,
    lookedAt: lookedAt(state, item, place, places),
    name: machine?.sourceServerName ?? item?.sourceServerName ?? null,
    readiness: machine?.readiness ?? { state: "unknown", reason: "not looked at", observedAt: null },
  };
}

/** The rows of these plans in wave order, from an answer of the API and the last looks. In neither list means: looked, none there. */
export function rowsOf(plans, answer, looks) {
  const places = new Map(looks.map((look) => [placeName(look), look]));
  const items = new Map(answer.existingInstances.map((item) => [item.sourceServerId, item]));
  const unknown = new Set(answer.unknownServerIds);
  const machines = new Map((answer.servers ?? []).map((server) => [server.sourceServerId, server]));
  return plans.flatMap((plan) =>
    plan.waves.flatMap((wave) =>
      wave.serverIds.map((id) => row(plan, wave, id, items.get(id), unknown.has(id), machines.get(id), places))));
}

/** Each server once, with all its plans, in the order of places. */
export function onePerServer(rows) {
  const servers = new Map();
  for (const row of rows) {
    const known = servers.get(row.serverId);
    if (known) {
      known.planName += `; ${row.planName}`;
      known.wave += `; ${row.wave}`;
    } else servers.set(row.serverId, { ...row, key: row.serverId });
  }
  return sorted([...servers.values()], (row) => `${row.accountId} ${row.region}`, false);
}

/** How many rows are in each bucket, and how many instances are drills or real. */
export function countRows(rows) {
  const counts = { running: 0, stopped: 0, pending: 0, other: 0, none: 0, unknown: 0, drill: 0, recovery: 0 };
  for (const { bucket, kind } of rows) {
    counts[bucket] += 1;
    if (kind in counts) counts[kind] += 1;
  }
  return counts;
}

/** The same counts from a plan's `counts`. */
export function countsOfPlan({ counts }) {
  const { running = 0, stopped = 0, pending = 0 } = counts.states;
  return {
    running, stopped, pending,
    other: counts.found - running - stopped - pending,
    none: counts.absent,
    unknown: counts.unknown,
    drill: counts.drills,
    recovery: counts.recoveries,
  };
}

/** How many of these counts have any server in each bucket. */
export const countHaving = (all) =>
  Object.fromEntries(Object.keys(countRows([])).map((bucket) => [bucket, all.filter((counts) => counts[bucket] > 0).length]));

/** The instances of which nobody knows the execution. */
export const unattributed = (rows) => rows.filter(({ item }) => item && !item.sourceExecutionId);

/** The executions that launched instances of these rows: `[{executionId, planName, kinds, firstLaunch, items}]`. */
export function executionsOf(rows) {
  const found = new Map();
  for (const { item, kind } of rows) {
    if (!item?.sourceExecutionId) continue;
    const id = item.sourceExecutionId;
    if (!found.has(id)) {
      found.set(id, { executionId: id, planName: item.sourcePlanName, kinds: new Set(), firstLaunch: item.launchTime, items: [] });
    }
    const execution = found.get(id);
    execution.kinds.add(kind);
    execution.items.push(item);
    if (item.launchTime < execution.firstLaunch) execution.firstLaunch = item.launchTime;
  }
  return [...found.values()].sort((a, b) => b.firstLaunch.localeCompare(a.firstLaunch));
}

/** How many rows have each word of readiness. */
export function countReadiness(rows) {
  const counts = {};
  for (const { readiness } of rows) counts[readiness.state] = (counts[readiness.state] ?? 0) + 1;
  return counts;
}

/** Of the counts of readiness: how many servers could not be launched well. Not known is neither. */
export const notReady = (counts) => Object.entries(counts ?? {}).reduce((sum, [word, count]) => (word === "ready" || word === "unknown" ? sum : sum + count), 0);
