// How far DRS is with terminating an execution's instances.

import * as api from "./api.js";
import { announce, el, plural } from "./dom.js";
import { poll, problem } from "./dialog.js";
import { idList } from "./instance_list.js";
import { placeName, statusWord } from "./words.js";

const POLL_MS = 2000;

const VERDICTS = {
  COMPLETED: "DRS is done: all of them are terminated.",
  PARTIAL: "DRS is done, but some instances are still there.",
};

function draw(host, { status, jobs, remaining, terminated }) {
  const total = remaining.length + terminated.length;
  const bar = el("progress", { max: total || 1, value: terminated.length, attrs: { "aria-label": "Instances terminated" } });
  const verdict = VERDICTS[status] ?? "DRS is terminating them; this goes on when you close this.";
  host.replaceChildren(...[
    el("p", {}, el("strong", {}, verdict)),
    el("div", { className: "progress" }, bar, el("span", {}, `${terminated.length} of ${plural(total, "instance")} terminated`)),
    el("ul", { className: "jobs" }, jobs.map((job) => el("li", {}, el("span", { className: "mono" }, job.jobId), ` · ${placeName(job)} · ${statusWord(job.status)}`))),
    status === "PARTIAL" && idList("Still there", "stays", remaining),
  ].filter(Boolean));
}

/** Follows the jobs until they are done or the signal aborts. A lost answer is said and asked for again. */
export async function watchTermination(executionId, host, signal) {
  await poll(async () => {
    try {
      const answer = await api.terminationStatus(executionId, signal);
      if (answer.status === "NONE") return true;
      draw(host, answer);
      if (answer.status === "IN_PROGRESS") return false;
      announce(VERDICTS[answer.status] ?? "");
      return true;
    } catch (error) {
      if (error.name === "AbortError") return true;
      host.append(problem(`${error.message}. Asking again.`));
      return false;
    }
  }, POLL_MS, signal);
}
