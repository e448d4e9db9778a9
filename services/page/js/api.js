// The API: one function per route. Every failure arrives as an ApiError with a sentence for people.

import { API_BASE } from "../config.js";
import { noteServerTime } from "./time.js";

const TIMEOUT_MS = 30_000; // API Gateway itself gives up after 29 s

export class ApiError extends Error {
  /** `status` is 0 when no answer came; `body` is the JSON answer, if there was one. */
  constructor(message, status = 0, body = null) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }

  get code() {
    return this.body?.error ?? null;
  }
}

async function call(method, path, body, signal, read = (response) => response.json()) {
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  let response;
  let answer = null;
  try {
    response = await fetch(API_BASE + path, {
      method,
      headers: body === undefined ? {} : { "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    answer = await (response.ok ? read(response) : response.json());
  } catch (error) {
    if (error.name === "AbortError") throw error;
    if (error.name === "TimeoutError") throw new ApiError(`No answer within ${TIMEOUT_MS / 1000} seconds`);
    if (!response) throw new ApiError("The service cannot be reached");
    if (response.status === 401) throw new ApiError("Your sign-in has ended; reload the page to sign in again", 401);
    throw new ApiError(`The service answered with HTTP ${response.status} and no readable content`, response.status);
  }
  noteServerTime(response.headers.get("date"));
  if (response.ok) return answer;
  throw new ApiError(`${answer?.message ?? "The service failed"} (HTTP ${response.status})`, response.status, answer);
}

/** Every plan with its counts, all pages. The first page's `asOf` and places stand for the whole. */
export async function plans(signal) {
  let page = await call("GET", "/recovery-plans?limit=500", undefined, signal);
  const whole = page;
  while (page.nextToken) {
    const token = encodeURIComponent(page.nextToken);
    page = await call("GET", `/recovery-plans?limit=500&nextToken=${token}`, undefined, signal);
    whole.plans.push(...page.plans);
    whole.degraded ||= page.degraded;
  }
  return whole;
}

export const existing = (planId, signal) =>
  call("GET", `/recovery-plans/${encodeURIComponent(planId)}/check-existing-instances`, undefined, signal);

/** Servers with what is known of their machines; the instances among them once more, as the other routes answer them. */
const withInstances = (answer) => ({ ...answer, existingInstances: answer.servers.flatMap(({ instance }) => instance ?? []) });

/** Every server of a plan, with an instance or without, and what the check of the plan found. */
export const serversOf = async (planId, signal) =>
  withInstances(await call("GET", `/recovery-plans/${encodeURIComponent(planId)}/servers`, undefined, signal));

export const queryServers = async (sourceServerIds, signal) =>
  withInstances(await call("POST", "/source-servers/query", { sourceServerIds }, signal));

export const leftovers = (signal) => call("GET", "/leftovers", undefined, signal);

export const sync = () => call("POST", "/drs/recovery-instance-sync", {});

export const syncStatus = (signal) => call("GET", "/drs/recovery-instance-sync/status", undefined, signal);

export const start = (planId, executionType, replaceExisting) =>
  call("POST", "/executions", { planId, executionType, replaceExisting });

/** The executions of a plan that are not over. A look through the whole history: not for every refresh. */
export const running = (planId, signal) => call("GET", `/executions?planId=${encodeURIComponent(planId)}`, undefined, signal);

const execution = (executionId) => `/executions/${encodeURIComponent(executionId)}`;

export const executionOf = (executionId, signal) => call("GET", execution(executionId), undefined, signal);

export const me = (signal) => call("GET", "/me", undefined, signal);

export const approve = (executionId) => call("POST", `${execution(executionId)}/approve`, {});

export const cancelByForce = (executionId) => call("POST", `${execution(executionId)}/cancel`, { force: true, confirm: true });

export const resume = (executionId) => call("POST", `${execution(executionId)}/resume`, {});
export const cancel = (executionId) => call("POST", `${execution(executionId)}/cancel`, {});

export const terminate = (executionId, { dryRun, confirm }) =>
  call("POST", `${execution(executionId)}/terminate-instances`, { dryRun, confirm });

export const terminationStatus = (executionId, signal) =>
  call("GET", `${execution(executionId)}/termination-status`, undefined, signal);

export const report = (executionId, signal) => call("GET", `${execution(executionId)}/report`, undefined, signal);

/** The report as the text of an HTML page that stands alone. */
export const reportPage = (executionId) =>
  call("GET", `${execution(executionId)}/report?format=html`, undefined, undefined, (response) => response.text());

export const cleanUp = (planId, note, dryRun) =>
  call("POST", `/recovery-plans/${encodeURIComponent(planId)}/clean-up-drill`, { note, dryRun });
