// Order and match of rows: pure, so that the table only moves what changed.

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

/** Sorted copy by what `valueOf` gives. What has no value comes last in both directions; equals keep their order. */
export function sorted(rows, valueOf, descending) {
  const keyed = rows.map((row) => ({ row, value: valueOf(row) ?? "" }));
  keyed.sort((a, b) => {
    if (a.value === "" || b.value === "") return (a.value === "") - (b.value === "");
    const order = typeof a.value === "number" ? a.value - b.value : collator.compare(a.value, b.value);
    return descending ? -order : order;
  });
  return keyed.map(({ row }) => row);
}

/** Whether every word typed occurs somewhere in the text, in any case. */
export function matches(text, typed) {
  const hay = text.toLowerCase();
  return typed.toLowerCase().split(/\s+/).every((word) => hay.includes(word));
}
