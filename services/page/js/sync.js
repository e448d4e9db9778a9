// Sync now: starts a sync or joins the one that runs, and shows each place as it is done.

import * as api from "./api.js";
import { announce, el, plural } from "./dom.js";
import { action, openDialog, poll, problem } from "./dialog.js";
import { icon } from "./icons.js";
import { ageOf, duration } from "./time.js";
import { outcomeOf, placeName, reasonOf, wasSeen } from "./words.js";

const POLL_MS = 700;

/** The one sync this page knows of, whoever started it. */
export class Sync {
  status = null;
  failure = null; // of the sync itself
  lost = null; // why its progress cannot be read; that is no failed sync
  #starting = false; #following = false; #refresh; #onProgress; #watchers = new Set();

  constructor({ refresh, onProgress }) {
    this.#refresh = refresh;
    this.#onProgress = onProgress;
  }

  get progress() {
    const run = this.status?.running;
    return { running: this.#starting || Boolean(run), done: run?.placesDone ?? 0, total: run?.placesTotal ?? 0 };
  }

  /** A status that came with a refresh; a sync somebody else runs is followed too. */
  take(status) {
    this.status = status;
    this.#tell();
    if (status.running) this.#follow();
  }

  async start() {
    if (this.progress.running) return;
    this.#starting = true;
    this.failure = null;
    this.#tell();
    this.#follow();
    try {
      await api.sync(); // 200: done; 202: it, or another, goes on
    } catch (error) {
      this.failure = `The sync failed: ${error.message}`;
    }
    this.#starting = false;
    this.#tell();
  }

  /** Calls `watcher` on every change until the signal aborts. */
  watch(watcher, signal) {
    this.#watchers.add(watcher);
    signal.addEventListener("abort", () => this.#watchers.delete(watcher));
    watcher();
  }

  async #follow() {
    if (this.#following) return;
    this.#following = true;
    const forEver = new AbortController().signal;
    await poll(async () => {
      try {
        this.status = await api.syncStatus();
        this.lost = null;
      } catch (error) {
        this.lost = error.message;
        if (this.status) this.status.running = null;
      }
      this.#tell();
      return !this.progress.running;
    }, POLL_MS, forEver);
    this.#following = false;
    announce(this.failure ?? this.lost ?? "The sync is done");
    this.#refresh();
  }

  #tell() {
    this.#onProgress();
    this.#watchers.forEach((watcher) => watcher());
  }
}

function placeRow(place, run) {
  const waiting = run && !(Date.parse(place.endedAt) >= Date.parse(run.startedAt));
  const seen = wasSeen(place.outcome);
  const mark = waiting ? ["pending", "Looking …"] : [seen ? "ok" : "warning", outcomeOf(place.outcome)];
  return el("li", { className: waiting ? "waiting" : seen ? "seen" : "failed" }, icon(mark[0]),
    el("div", {},
      el("span", { className: "title" }, placeName(place)), " ", el("span", { className: "outcome" }, mark[1]),
      !waiting && place.message && el("p", { className: "why" }, reasonOf(place.message)),
      el("p", { className: "sub" },
        place.completedAt ? ["last whole look ", ageOf(place.completedAt, { grade: true, suffix: " ago" })] : "never looked at whole",
        Number.isFinite(place.instances) && ` · ${plural(place.instances, "instance")}`,
        !waiting && Number.isFinite(place.durationMs) && ` · took ${(place.durationMs / 1000).toFixed(1)} s`)));
}

function lastRunLine({ lastRun }) {
  if (!lastRun) return null;
  const failed = (lastRun.places ?? []).filter(({ outcome }) => !wasSeen(outcome)).length;
  return el("p", { className: "sub" }, `Last sync: ${plural(lastRun.instancesUpdated, "instance")} in ${duration(lastRun.durationMs / 1000)}, `,
    failed ? `${plural(failed, "place")} failed, ` : "no place failed, ", ageOf(lastRun.endedAt, { suffix: " ago" }));
}

/** The places and how the last look at each went; while a sync runs, its progress. */
export function openPlaces(sync) {
  const { body, actions, signal, close } = openDialog("Places");
  const start = action("Sync now", "primary", () => sync.start());
  start.dataset.needs = "operator";
  actions.append(start, action("Close", "", close));
  sync.watch(() => {
    const { running, done, total } = sync.progress;
    start.disabled = running;
    const bar = el("progress", { max: total || 1, attrs: { "aria-label": "Places looked at" } });
    if (total) bar.value = done;
    body.replaceChildren(...[
      running && el("div", { className: "progress" }, bar, el("span", {}, total ? `${done} of ${plural(total, "place")}` : "Starting …")),
      sync.failure && problem(sync.failure),
      sync.lost && problem(`How the sync does cannot be read: ${sync.lost}`),
      sync.status ? !running && lastRunLine(sync.status) : el("p", { className: "loading" }, "Loading …"),
      sync.status && el("ul", { className: "place-list" }, sync.status.places.map((place) => placeRow(place, sync.status.running))),
    ].filter(Boolean));
  }, signal);
}
