// Times in the reader's zone with UTC on hover, and ages that keep counting.

import { el } from "./dom.js";

export const AMBER_AFTER = 7 * 60; // seconds: a look every five minutes, and two for the look and the next refresh
export const RED_AFTER = 15 * 60; // seconds: the life of a mirror entry

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const dayAndClock = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

/** The name of the reader's zone, as `GMT+1`: said once, in the bar. */
export const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts()
  .find(({ type }) => type === "timeZoneName").value;

let skew = 0; // milliseconds the server's clock is ahead of this machine's

/** Ages are counted on the server's clock: the operator's may be wrong. `date` is the Date header, or null. */
export function noteServerTime(date) {
  const ahead = date ? Date.parse(date) - Date.now() : NaN;
  if (!Number.isNaN(ahead)) skew = Math.abs(ahead) > 2000 ? ahead : 0;
}

/** Now on the server's clock, epoch milliseconds. */
export const now = () => Date.now() + skew;

/** Seconds since an ISO time; never negative. */
export const secondsSince = (iso) => Math.max(0, (now() - Date.parse(iso)) / 1000);

/** `40 s`, `3 min`, `2 h 5 min`, `4 d 3 h`. */
export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 1) return `${Math.floor(seconds)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return hours % 24 ? `${Math.floor(hours / 24)} d ${hours % 24} h` : `${hours / 24} d`;
}

/** `fresh`, `old` (amber) or `stale` (red). */
export function freshness(seconds) {
  if (seconds > RED_AFTER) return "stale";
  return seconds > AMBER_AFTER ? "old" : "fresh";
}

const utc = (iso) => `${new Date(iso).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** The local wording: the time of day when it is today, with the day when it is not. */
export function local(iso) {
  const date = new Date(iso);
  const isToday = date >= new Date().setHours(0, 0, 0, 0);
  return (isToday ? clock : dayAndClock).format(date);
}

/** A local time, UTC on hover. */
export function timeOf(iso) {
  return el("time", { dateTime: iso, title: utc(iso) }, local(iso));
}

/** The age of something, counting on. With `grade` it takes the colours of data age. */
export function ageOf(iso, { grade = false, suffix = "" } = {}) {
  const node = el("time", { dateTime: iso, title: utc(iso), className: "age", data: { suffix } });
  if (grade) node.dataset.grade = "";
  retell(node);
  return node;
}

function retell(node) {
  const seconds = secondsSince(node.dateTime);
  const text = duration(seconds) + node.dataset.suffix;
  if (node.textContent !== text) node.textContent = text;
  if ("grade" in node.dataset) node.dataset.grade = freshness(seconds);
}

/** Keeps every age on the page counting. */
export function keepCounting() {
  setInterval(() => document.querySelectorAll("time.age").forEach(retell), 5000);
}
