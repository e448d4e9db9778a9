// Taking data off the page: the clipboard and CSV.

import { el, plural, toast } from "./dom.js";
import { readinessOf, stateOf } from "./words.js";

const CSV_FIELDS = [
  ["Plan", (row) => row.planName],
  ["Wave", (row) => row.wave],
  ["Source server id", (row) => row.serverId],
  ["Source server name", (row) => row.name],
  ["Readiness", (row) => readinessOf(row.readiness.state).word],
  ["Why", (row) => row.readiness.reason],
  ["Readiness looked at (UTC)", (row) => row.readiness.observedAt],
  ["State", (row) => stateOf(row.state).word],
  ["Drill or real", (row) => row.kind],
  ["Instance id", (row) => row.item?.ec2InstanceId],
  ["Recovery instance id", (row) => row.item?.recoveryInstanceId],
  ["Name", (row) => row.item?.name],
  ["Private address", (row) => row.item?.privateIp],
  ["Public address", (row) => row.item?.publicIp],
  ["Type", (row) => row.item?.instanceType],
  ["Account", (row) => row.accountId],
  ["Region", (row) => row.region],
  ["Launched (UTC)", (row) => row.item?.launchTime],
  ["Execution", (row) => row.item?.sourceExecutionId],
  ["Launched by plan", (row) => row.item?.sourcePlanName],
  ["Looked at (UTC)", (row) => row.item?.lastSyncTime],
  ["Details of (UTC)", ({ item }) => (item?.detailsSeenAt === null ? "never seen" : item?.detailsSeenAt ?? item?.lastSyncTime)],
];

/** One quoted cell. A leading character that a spreadsheet would run as a formula gets an apostrophe before it. */
function cell(value) {
  const text = String(value ?? "");
  const safe = /^\s*[=+\-@＝＋－＠]|^[\t\r\n]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}

/** RFC 4180, with the mark by which Excel knows UTF-8. */
export function toCsv(rows) {
  const lines = [CSV_FIELDS.map(([title]) => title), ...rows.map((row) => CSV_FIELDS.map(([, value]) => value(row)))];
  return "\ufeff" + lines.map((line) => line.map(cell).join(",") + "\r\n").join("");
}

/** Offers a text as a file. */
export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  el("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

export function downloadCsv(name, rows) {
  const stamp = new Date().toISOString().slice(0, 16).replace(/[-:]/g, "");
  save(`${name.replace(/[^\p{L}\p{N}]+/gu, "-")}-${stamp}Z.csv`, "text/csv", toCsv(rows));
  toast(`${plural(rows.length, "row")} exported`);
}

/** Copies text and says what; browsers refuse it outside https and localhost, and then it says that. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    toast("The browser does not allow copying here; select the text instead");
  }
}

/** Every id button on the page copies its id. */
export function copyIdsOnPress() {
  document.addEventListener("click", ({ target }) => {
    const id = target.closest("[data-copy]")?.dataset.copy;
    if (id) copy(id, id);
  });
}
