// Keeps what is on screen current: one load at a time, every 30 s while the page is visible. A failure keeps the last data.

import * as api from "./api.js";

const EVERY_MS = 30_000;

/** Loads the plans, the sync's status and what the view needs; tells `onChange` after each load. */
export class Refresher {
  state = { plans: null, answer: null, needsAnswer: false, status: null, loadedAt: null, failure: null, busy: false };
  #view; #onChange; #timer; #abort = new AbortController();

  constructor(onChange) {
    this.#onChange = onChange;
    document.addEventListener("visibilitychange", () => this.#whenVisible());
  }

  /** Another view: what was loaded for the last one is dropped, the plans stay. */
  show(view) {
    this.#view = view;
    this.state.answer = null;
    this.state.needsAnswer = Boolean(view.load);
    if (this.state.failure?.status === 404) this.state.failure = null; // what is missing there is not missing here
    return this.now();
  }

  /** Loads now; a load under way is given up. */
  async now() {
    this.#abort.abort();
    clearTimeout(this.#timer);
    const { signal } = (this.#abort = new AbortController());
    this.#tell({ busy: true });
    await this.#load(signal);
    if (signal.aborted) return;
    this.#tell({ busy: false });
    this.#timer = setTimeout(() => this.#whenVisible(), this.#view.refreshAfter?.() ?? EVERY_MS);
  }

  async #load(signal) {
    const plans = api.plans(signal);
    const answer = this.#view.load?.(signal, plans);
    const status = api.syncStatus(signal);
    // Each shows as soon as it is there; only the plans and the view's own data can fail the page.
    const taken = [this.#take("plans", plans, signal), this.#take("answer", answer, signal)];
    this.#take("status", status, signal);
    const failures = (await Promise.all(taken)).filter(Boolean);
    if (signal.aborted) return;
    if (failures.length) this.#tell({ failure: { message: failures[0].message, status: failures[0].status, at: new Date().toISOString() } });
    else this.#tell({ failure: null, loadedAt: new Date().toISOString() });
  }

  async #take(name, promise, signal) {
    try {
      const value = await promise;
      if (!signal.aborted && value) this.#tell({ [name]: value });
      return null;
    } catch (error) {
      return error.name === "AbortError" ? null : error;
    }
  }

  #tell(change) {
    Object.assign(this.state, change);
    this.#onChange(this.state);
  }

  #whenVisible() {
    if (document.visibilityState === "visible") this.now();
  }
}
