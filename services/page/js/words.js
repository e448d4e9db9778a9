// The words people read for the words the API sends. An unfamiliar one is shown as it came.

export const STATES = {
  running: { word: "Running", icon: "running" },
  stopped: { word: "Stopped", icon: "stopped" },
  pending: { word: "Pending", icon: "pending" },
  stopping: { word: "Stopping", icon: "pending" },
  "shutting-down": { word: "Shutting down", icon: "pending" },
  unrecognised: { word: "Exists, state unclear", icon: "warning" },
  none: { word: "None", icon: "none", title: "Looked: this server has no recovery instance" },
  unknown: { word: "Unknown", icon: "unknown", title: "Could not look: this server may have a recovery instance" },
};

/** How a state is shown. */
export const stateOf = (state) => STATES[state] ?? { word: `State “${state}”`, icon: "warning" };

/** The counts people read, in reading order. A state outside the first three is alive, and counts as other. */
export const BUCKETS = {
  running: { word: "Running", icon: "running" },
  stopped: { word: "Stopped", icon: "stopped" },
  pending: { word: "Pending", icon: "pending" },
  other: { word: "Other", icon: "warning", title: "Stopping, shutting down, or a state EC2 has no name for" },
  none: STATES.none,
  unknown: STATES.unknown,
  drill: { word: "Drill", icon: "drill", title: "Instances launched by a drill" },
  recovery: { word: "Real", icon: "recovery", title: "Instances launched by a real recovery" },
};

/** The buckets that part all servers: every server is in exactly one. */
export const STATE_BUCKETS = ["running", "stopped", "pending", "other", "none", "unknown"];

export const bucketOf = (state) => (STATE_BUCKETS.includes(state) ? state : "other");

const OUTCOMES = {
  seen: "Looked at",
  not_initialized: "DRS is not set up here",
  denied: "Access denied",
  throttled: "AWS throttled the look",
  unreachable: "Cannot be reached",
  timeout: "No answer in time",
  error: "The look failed",
  never_looked: "Never looked at yet",
  not_configured: "No longer configured",
};

export const outcomeOf = (outcome) => OUTCOMES[outcome] ?? outcome;

/** A place's message without the words that every error of an AWS call begins with: `Code at Operation: what AWS said`. */
export const reasonOf = (message) =>
  message.replace(/^An error occurred \((\w+)\) when calling the (\w+) operation[^:]*: /, "$1 at $2: ");

/** Whether the place was looked at whole: DRS not being set up is a complete, empty answer. */
export const wasSeen = (outcome) => outcome === "seen" || outcome === "not_initialized";

/** `111111111111 · us-east-1` */
export const placeName = ({ accountId, region }) => accountId && region ? `${accountId} · ${region}` : "place not known";

/** A status word of an execution, a wave or a launch, as people write it. */
export function statusWord(status) {
  const text = String(status ?? "waiting").replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `drill`, `recovery` or `unclear`, from an item's `isDrill`. */
export function kindOf(isDrill) {
  if (isDrill === true) return "drill";
  return isDrill === false ? "recovery" : "unclear";
}

export const KINDS = { drill: "Drill", recovery: "Real", unclear: "Drill or real?" };

/** Whether a server could be launched now, the worst first. */
export const READINESS = {
  gone: { word: "Gone from DRS", icon: "trash", title: "DRS no longer has this source server" },
  no_data: { word: "No data", icon: "none", title: "Replication is stopped: DRS keeps no data of it" },
  disconnected: { word: "Disconnected", icon: "close", title: "Its replication agent is disconnected" },
  stalled: { word: "Stalled", icon: "warning", title: "Replication makes no progress" },
  initial_sync: { word: "Initial sync", icon: "sync", title: "Not copied whole yet: it cannot be launched" },
  paused: { word: "Paused", icon: "pause", title: "Replication is paused" },
  lagging: { word: "Lagging", icon: "clock", title: "It would launch from older data" },
  unknown: { word: "Unknown", icon: "unknown", title: "Nobody could look at its replication lately" },
  ready: { word: "Ready", icon: "ok", title: "It replicates and could be launched" },
};

export const readinessOf = (word) => READINESS[word] ?? { word: `“${word}”`, icon: "warning" };

/** What a finding of the plan check means. */
export const SEVERITIES = {
  critical: { word: "Critical", icon: "warning", title: "A launch would fail or do harm" },
  warning: { word: "Warning", icon: "warning", title: "A launch would work worse than people expect" },
  unknown: { word: "Not looked at", icon: "unknown", title: "Neither good nor bad news" },
  info: { word: "To know", icon: "report" },
};
