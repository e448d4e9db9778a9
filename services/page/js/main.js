// Wires the page together: address → view, fresh data → view, bar and notices.

import { createBar } from "./bar.js";
import { createExecutionView } from "./execution_view.js";
import { createLeftoversView } from "./leftovers_view.js";
import { showNotices } from "./notices.js";
import { createPlanView } from "./plan_view.js";
import { createPlansView } from "./plans_view.js";
import { Refresher } from "./refresh.js";
import { createReportView } from "./report_view.js";
import { createServersView } from "./servers_view.js";
import { copyIdsOnPress } from "./take_away.js";
import { keepCounting } from "./time.js";
import { showWho } from "./who.js";

const content = document.getElementById("content");
let view = null;

const refresher = new Refresher((state) => {
  content.toggleAttribute("data-stale", state.failure !== null);
  content.setAttribute("aria-busy", String(state.busy));
  bar.show(state);
  showNotices(state, refresh);
  if (state.plans && !content.contains(view.node)) content.replaceChildren(view.node);
  if (state.plans) view.show(state);
  document.title = view.title;
});
const refresh = () => refresher.now();
const bar = createBar(refresh);

function viewFor(hash) {
  const [, name = "", id = "", part = ""] = hash.split("/").map(decodeURIComponent);
  if (name === "plans" && id) return createPlanView(id, { refresh });
  if (name === "executions" && id && part === "report") return createReportView(id);
  if (name === "executions" && id) return createExecutionView(id, { refresh });
  if (name === "leftovers") return createLeftoversView({ refresh });
  if (name === "servers") return createServersView();
  return createPlansView(name ? hash : null);
}

function go({ focus }) {
  view?.leave?.();
  view = viewFor(location.hash);
  for (const link of document.querySelectorAll(".bar nav a")) {
    if (link.hash === (location.hash || "#/")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  refresher.show(view);
  if (!focus) return;
  scrollTo(0, 0);
  view.heading.tabIndex = -1;
  view.heading.focus();
}

document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address belongs to the views
  content.focus();
});
addEventListener("hashchange", () => go({ focus: true }));
copyIdsOnPress();
keepCounting();
showWho();
go({ focus: false });
