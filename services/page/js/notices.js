// What is wrong, on every view and without a click: a failed refresh, places not looked at, answers that are not whole.

import { el, plural } from "./dom.js";
import { icon } from "./icons.js";
import { ageOf, timeOf } from "./time.js";
import { outcomeOf, placeName, reasonOf, wasSeen } from "./words.js";

const OPEN_PLACES = 6; // more of them are listed behind a click; the count is always there

const shown = new Map();

function failureNotice({ failure, loadedAt, busy, answer, needsAnswer }, refresh) {
  const last = loadedAt && (answer || !needsAnswer)
    ? el("p", {}, "What you see was loaded at ", timeOf(loadedAt), " (", ageOf(loadedAt, { suffix: " ago" }), ") and may have changed since.")
    : el("p", {}, "Nothing has been loaded yet.");
  const again = el("button", { type: "button", className: "button", onclick: refresh, disabled: busy }, icon("sync"), "Try again");
  return el("div", { className: "notice bad", attrs: { role: "alert" } }, icon("warning"),
    el("div", {}, el("p", {}, el("strong", {}, failure.status === 404 ? "Not found. " : "Refreshing failed. "), failure.message, "."), last), again);
}

function placeItem(place, told) {
  const { message, completedAt } = told.get(placeName(place)) ?? place;
  const since = completedAt ?? place.completedAt;
  return el("li", {}, el("strong", {}, placeName(place)), ` – ${outcomeOf(place.outcome)}${message ? ": " : ""}`,
    message && el("span", { className: "why" }, reasonOf(message)),
    el("span", { className: "sub" }, since ? [" · last looked at ", ageOf(since, { grade: true, suffix: " ago" })] : " · never looked at"));
}

function placesNotice(places, status) {
  const told = new Map((status?.places ?? []).map((place) => [placeName(place), place]));
  const items = places.map((place) => placeItem(place, told));
  const rest = items.splice(OPEN_PLACES);
  return el("div", { className: "notice warn" }, icon("warning"), el("div", {},
    el("p", {}, el("strong", {}, `${plural(places.length, "place")} could not be looked at.`),
      " What was known there stays as it was; servers never seen there are unknown."),
    el("ul", {}, items),
    rest.length > 0 && el("details", {}, el("summary", {}, `and ${rest.length} more`), el("ul", {}, rest))));
}

function detailsNotice(places) {
  return el("div", { className: "notice info" }, icon("warning"), el("div", {},
    el("p", {}, el("strong", {}, `Details of ${plural(places.length, "place")} are older than the look.`),
      " Names, addresses and types are as they were last seen."),
    el("ul", {}, places.map((place) => el("li", {}, el("strong", {}, placeName(place)), " – ", el("span", { className: "why" }, reasonOf(place.message)),
      el("span", { className: "sub" }, place.detailsSeenAt ? [" · details of ", ageOf(place.detailsSeenAt, { grade: true, suffix: " ago" })] : " · details never seen"))))));
}

const degradedNotice = (asOf) =>
  el("div", { className: "notice info" }, icon("warning"), el("p", {},
    el("strong", {}, "Not everything could be read."),
    asOf ? " What is shown is as it was last seen; what could not be read is marked unknown." : " What could not be read is marked unknown."));

/** Draws each notice anew only when what it says changed, so that screen readers hear it once. */
export function showNotices(state, refresh) {
  const { plans, answer, status, failure } = state;
  const unseen = (plans?.places ?? []).filter(({ outcome }) => !wasSeen(outcome));
  const reasons = (status?.places ?? []).filter(({ outcome }) => !wasSeen(outcome));
  // The most urgent first.
  draw("failure", failure && [failure.message, state.loadedAt, state.busy, state.answer !== null], () => failureNotice(state, refresh));
  draw("places", unseen.length > 0 && [unseen, reasons], () => placesNotice(unseen, status));
  const partly = (status?.places ?? []).filter(({ outcome, message }) => wasSeen(outcome) && message)
    .map(({ accountId, region, message, detailsSeenAt }) => ({ accountId, region, message, detailsSeenAt }));
  draw("details", partly.length > 0 && partly, () => detailsNotice(partly));
  draw("degraded", (plans?.degraded || answer?.degraded) && [plans.asOf !== null], () => degradedNotice(plans.asOf));
}

function draw(name, what, build) {
  const text = what ? JSON.stringify(what) : null;
  if (!shown.has(name)) {
    const slot = el("div", { hidden: true });
    document.getElementById("notices").append(slot);
    shown.set(name, { text: null, slot });
  }
  const notice = shown.get(name);
  if (notice.text === text) return;
  notice.text = text;
  notice.slot.replaceChildren(...(text === null ? [] : [build()]));
  notice.slot.hidden = text === null;
}
