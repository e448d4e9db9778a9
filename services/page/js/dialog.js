// Modal dialogs on the platform's own <dialog>: focus stays inside, Escape closes, the focus goes back afterwards.

import { el } from "./dom.js";
import { icon } from "./icons.js";

let count = 0;

/** `{body, actions, signal, close()}`; `signal` aborts when the dialog closes. */
export function openDialog(title, { wide = false } = {}) {
  const closed = new AbortController();
  const opener = document.activeElement;
  const id = `dialog-title-${++count}`;
  const body = el("div", { className: "dialog-body", tabIndex: 0 }); // scrolls, so the keyboard must reach it
  const actions = el("div", { className: "dialog-actions" });
  const close = () => node.close();
  const node = el("dialog", { className: wide ? "wide" : "", attrs: { "aria-labelledby": id } },
    el("div", { className: "dialog-head" }, el("h2", { id }, title),
      el("button", { type: "button", className: "button quiet", onclick: close, attrs: { "aria-label": "Close" } }, icon("close"))),
    body, actions);
  node.addEventListener("close", () => {
    closed.abort();
    node.remove();
    opener?.focus?.();
  });
  document.body.append(node);
  node.showModal();
  return { body, actions, signal: closed.signal, close };
}

/** A button of a dialog. */
export const action = (text, className, onclick) => el("button", { type: "button", className: `button ${className}`, onclick }, text);

/** An error said in the dialog, to everybody. */
export const problem = (text) => el("p", { className: "notice bad", attrs: { role: "alert" } }, icon("warning"), el("span", {}, text));

/** A field that enables `button` only while exactly `phrase` is in it. */
export function confirmField(phrase, button) {
  button.disabled = true;
  const check = ({ target }) => { button.disabled = target.value.trim() !== phrase; };
  const enter = (event) => { if (event.key === "Enter" && !button.disabled) button.click(); };
  const input = el("input", { type: "text", autocomplete: "off", spellcheck: false, oninput: check, onkeydown: enter });
  return el("label", { className: "confirm" }, el("span", {}, "Type ", el("code", {}, phrase), " to confirm"), input);
}

/** Calls `step` every `ms` until it answers true or the signal aborts. Errors of `step` end it. */
export async function poll(step, ms, signal) {
  while (!signal.aborted && !(await step())) {
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
    });
  }
}
