// Servers with their instances: counts, filter, table, copying and CSV. Used for one plan and for all of them.

import { announce, el, plural } from "./dom.js";
import { icon } from "./icons.js";
import { countReadiness, countRows, notReady } from "./rows.js";
import { SERVER_COLUMNS } from "./server_columns.js";
import { matches } from "./sorting.js";
import { Table } from "./table.js";
import { copy, downloadCsv } from "./take_away.js";
import { createTiles } from "./tiles.js";
import { READINESS, readinessOf, stateOf } from "./words.js";

const textOf = (row) => [
  row.planName, row.wave, row.serverId, row.accountId, row.region, stateOf(row.state).word, row.kind,
  row.name, readinessOf(row.readiness.state).word, row.readiness.reason,
  ...Object.values(row.item ?? {}),
].join(" ");

const isWanted = ({ readiness }, wanted) => !wanted || (wanted === "not-ready" ? !["ready", "unknown"].includes(readiness.state) : readiness.state === wanted);

/** The choices of readiness there are, with how many servers each has; what was chosen stays chosen. */
function offer(select, rows) {
  const counts = countReadiness(rows);
  const choices = [["", `Any readiness (${rows.length})`], ["not-ready", `Not ready (${notReady(counts)})`],
    ...Object.keys(READINESS).filter((word) => counts[word] || select.value === word).map((word) => [word, `${readinessOf(word).word} (${counts[word] ?? 0})`])];
  const text = JSON.stringify(choices);
  if (select.dataset.choices === text) return;
  const { value } = select;
  select.replaceChildren(...choices.map(([word, title]) => el("option", { value: word }, title)));
  select.value = value;
  select.dataset.choices = text;
}

/** `{node, update(rows, isPartial)}`: partial where servers are not known by name; `name()` is the file name of the CSV. */
export function createServerList({ label, groupOf, name }) {
  const table = new Table({ label, className: "servers", columns: SERVER_COLUMNS, groupOf });
  const tiles = createTiles("Servers by state", () => filter());
  const search = el("input", { type: "search", placeholder: "Filter servers", oninput: () => filter(), attrs: { "aria-label": "Filter servers" } });
  const ready = el("select", { onchange: () => filter(), attrs: { "aria-label": "Readiness" } });
  const shown = el("span", { className: "sub shown" });

  const button = (name_, text, onclick) => el("button", { type: "button", className: "button", onclick }, icon(name_), text);
  const copyShown = (word, idOf) => {
    const ids = table.shown().map(idOf).filter(Boolean);
    copy(ids.join("\n"), plural(ids.length, word));
  };
  const tools = el("div", { className: "tools" }, search, ready, shown,
    button("copy", "Copy instance ids", () => copyShown("instance id", (row) => row.item?.ec2InstanceId)),
    button("copy", "Copy server ids", () => copyShown("server id", (row) => row.serverId)),
    button("download", "CSV", () => downloadCsv(name(), table.shown())));

  let total = 0;
  let texts = new Map();
  function filter() {
    const bucket = tiles.chosen();
    const typed = search.value.trim();
    table.filter((row) => (!bucket || row.bucket === bucket || row.kind === bucket) && isWanted(row, ready.value) && (!typed || matches(texts.get(row.key), typed)));
    const count = table.shown().length;
    shown.textContent = count === total ? "" : `${count.toLocaleString()} of ${total.toLocaleString()} shown`;
    if (count !== total) announce(shown.textContent);
  }

  return {
    node: el("div", { className: "server-list" }, tiles.node, tools, table.node),
    update(rows, isPartial = false) {
      total = rows.length;
      texts = new Map(rows.map((row) => [row.key, textOf(row)]));
      tiles.update({ ...countRows(rows), ...(isPartial && { unknown: "?" }) });
      offer(ready, rows);
      table.update(rows);
      filter();
    },
  };
}
