// The bar: how old the data is, the places, and Sync now.

import { el } from "./dom.js";
import { icon } from "./icons.js";
import { openPlaces, Sync } from "./sync.js";
import { ageOf, timeOf, zone } from "./time.js";
import { wasSeen } from "./words.js";

/** `{show(state)}`; `refresh` loads everything anew. */
export function createBar(refresh) {
  const freshness = document.getElementById("freshness");
  const placesButton = document.getElementById("places-button");
  const syncButton = document.getElementById("sync-button");
  const sync = new Sync({ refresh, onProgress: label });
  let shownAsOf;
  let taken = null; // the last status: an old one told again must not revive a sync that is done

  function label() {
    const { done, total, running } = sync.progress;
    const text = running ? `Syncing ${done} of ${total || "…"}` : "Sync now";
    syncButton.replaceChildren(icon("sync"), el("span", {}, text));
    syncButton.classList.toggle("working", running);
  }

  syncButton.addEventListener("click", () => {
    sync.start();
    openPlaces(sync);
  });
  placesButton.addEventListener("click", () => openPlaces(sync));
  label();

  return {
    show({ plans, status, busy }) {
      if (status !== taken) sync.take(status);
      taken = status;
      document.body.classList.toggle("refreshing", busy);
      if (!plans) return;
      const failed = plans.places.filter(({ outcome }) => !wasSeen(outcome)).length;
      const seen = plans.places.length - failed;
      const isKnown = plans.places.length > 0;
      placesButton.replaceChildren(icon(failed || !isKnown ? "warning" : "ok"),
        el("span", {}, isKnown ? `${seen} of ${plans.places.length} places` : "Places not known"));
      placesButton.classList.toggle("alarmed", failed > 0 || !isKnown);
      if (plans.asOf === shownAsOf) return;
      shownAsOf = plans.asOf;
      freshness.replaceChildren(icon("clock"), ...(plans.asOf
        ? [el("span", {}, "as of ", timeOf(plans.asOf), " ", el("span", { title: "Every time on this page is of this zone; UTC on hover" }, zone), ", "), ageOf(plans.asOf, { grade: true, suffix: " ago" }), el("span", { className: "verdict" })]
        : [el("span", {}, "age of the data unknown")]));
    },
  };
}
