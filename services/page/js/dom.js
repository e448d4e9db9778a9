// Building elements. Text only ever enters as text nodes, so a server's name can never become markup.

/**
 * An element. `props` sets properties (`className`, `hidden` …), `on…` listeners, `data` and `attrs`.
 * Children are nodes, strings, numbers, arrays of these; null and false are left out.
 */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null) continue;
    if (name === "data") for (const [key, text] of Object.entries(value)) node.setAttribute(`data-${key}`, text);
    else if (name === "attrs") for (const [key, text] of Object.entries(value)) node.setAttribute(key, text);
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node[name] = value;
  }
  append(node, children);
  return node;
}

function append(node, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(node, child);
    else if (child !== null && child !== undefined && child !== false) node.append(child);
  }
}

/** Says something to screen readers, without moving the focus. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}

/** Says something short to everybody. */
export function toast(text) {
  announce(text);
  const note = el("p", { className: "toast" }, text);
  document.getElementById("toasts").replaceChildren(note);
  setTimeout(() => note.remove(), 5000);
}

/** `3 servers`, `1 server`. */
export function plural(count, word) {
  return `${count.toLocaleString()} ${word}${count === 1 ? "" : "s"}`;
}
