// A table of many rows: sorts by its heads, groups, filters by hiding, and on new data redraws only rows that changed.

import { el } from "./dom.js";
import { sorted } from "./sorting.js";

/** A column: `id`, `title`, `value(row)` to sort by, `cell(row)` giving its nodes, optional `numeric`. */
export class Table {
  #columns; #groupOf; #body; #empty; #heads = new Map();
  #sort; #rows = []; #drawn = new Map(); #order = ""; #keep = () => true;

  /** `groupOf(row)` gives a heading's text; groups show while the table is in its given order. */
  constructor({ label, className, columns, groupOf = null, sort = null }) {
    this.#columns = columns;
    this.#groupOf = groupOf;
    this.#sort = sort;
    this.#body = el("tbody", { attrs: { role: "rowgroup" } });
    this.#empty = el("p", { className: "empty", hidden: true });
    const heads = columns.map((column) => this.#head(column));
    const table = el("table", { className, attrs: { role: "table", "aria-label": label } },
      el("thead", { attrs: { role: "rowgroup" } }, el("tr", { attrs: { role: "row" } }, heads)), this.#body);
    this.node = el("div", { className: "table-frame" }, table, this.#empty);
    this.#markSort();
  }

  /** Rows have a `key`. */
  update(rows) {
    this.#rows = rows;
    const drawn = new Map();
    for (const row of rows) {
      const text = JSON.stringify(row);
      const before = this.#drawn.get(row.key);
      drawn.set(row.key, before?.text === text ? before : this.#redrawn(row, text, before));
    }
    this.#drawn = drawn;
    this.#arrange();
  }

  /** Shows only the rows that `keep` accepts. */
  filter(keep) {
    this.#keep = keep;
    this.#hide();
  }

  /** The rows on show, in their order. */
  shown() {
    return this.#inOrder().filter(this.#keep);
  }

  #head(column) {
    const button = el("button", { type: "button", className: "sort", onclick: () => this.#sortBy(column.id) }, column.title);
    const head = el("th", { className: column.numeric ? "numeric" : "", title: column.hint, attrs: { role: "columnheader", scope: "col" } }, button);
    this.#heads.set(column.id, head);
    return head;
  }

  #sortBy(id) {
    // Up, down, and back to the given order.
    if (this.#sort?.id !== id) this.#sort = { id, descending: false };
    else this.#sort = this.#sort.descending ? null : { id, descending: true };
    this.#markSort();
    this.#arrange();
  }

  #markSort() {
    for (const [id, head] of this.#heads) {
      const direction = this.#sort?.descending ? "descending" : "ascending";
      head.setAttribute("aria-sort", this.#sort?.id === id ? direction : "none");
    }
  }

  #inOrder() {
    if (!this.#sort) return this.#rows;
    const column = this.#columns.find(({ id }) => id === this.#sort.id);
    return sorted(this.#rows, column.value, this.#sort.descending);
  }

  #redrawn(row, text, before) {
    const cells = this.#columns.map((column) =>
      el("td", { className: column.numeric ? "numeric" : "", data: { label: column.title }, attrs: { role: "cell" } }, column.cell(row)));
    const node = el("tr", { data: { key: row.key, bucket: row.bucket ?? "" }, attrs: { role: "row" } }, cells);
    before?.node.replaceWith(node);
    return { text, node };
  }

  #arrange() {
    const rows = this.#inOrder();
    const groupOf = this.#sort ? null : this.#groupOf;
    const nodes = [];
    const order = [];
    let group = null;
    for (const row of rows) {
      const title = groupOf?.(row) ?? null;
      if (title !== group) {
        nodes.push(this.#groupRow(title));
        order.push(title);
        group = title;
      }
      nodes.push(this.#drawn.get(row.key).node);
      order.push(row.key);
    }
    const signature = order.join("\n");
    if (signature !== this.#order) this.#body.replaceChildren(...nodes);
    this.#order = signature;
    this.#hide();
  }

  #groupRow(title) {
    const head = el("th", { attrs: { role: "rowheader", scope: "rowgroup", "aria-colspan": this.#columns.length } }, title);
    return el("tr", { className: "group", attrs: { role: "row" } }, head);
  }

  #hide() {
    const kept = new Set(this.#rows.filter(this.#keep).map(({ key }) => key));
    let group = null;
    for (const node of this.#body.children) {
      if (node.classList.contains("group")) {
        group = node;
        group.hidden = true;
      } else {
        node.hidden = !kept.has(node.dataset.key);
        if (group && !node.hidden) group.hidden = false;
      }
    }
    this.#empty.textContent = this.#rows.length ? "Nothing matches." : "Nothing to show.";
    this.#empty.hidden = kept.size > 0;
  }
}
