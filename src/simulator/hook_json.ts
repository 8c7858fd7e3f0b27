import { type Attempt, headersOf, type Hook } from "./hook.ts";
import type { Origin } from "./user_json.ts";

/** https://docs.github.com/en/rest/repos/webhooks */
export function hookJson(hook: Hook, { api }: Origin) {
  const { id, repository, events, active, created_at } = hook;
  const url = `${api}/repos/${repository}/hooks/${id}`;
  return {
    type: repository === null ? "App" : "Repository",
    id,
    name: "web",
    active,
    events,
    config: configJson(hook),
    updated_at: created_at,
    created_at,
    url,
    test_url: `${url}/test`,
    ping_url: `${url}/pings`,
    deliveries_url: `${url}/deliveries`,
    last_response: { code: null, status: "unused", message: null },
  };
}

/** The secret is never shown. */
export function configJson({ url, secret, content_type }: Hook) {
  const masked = secret === null ? {} : { secret: "********" };
  return { content_type, insecure_ssl: "0", url, ...masked };
}

/** An attempt as it is in lists: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook */
export function attemptJson(attempt: Attempt) {
  const { id, guid, at, redelivery, duration, status, status_code, event, action } = attempt;
  return {
    id,
    guid,
    delivered_at: new Date(at).toISOString(),
    redelivery,
    duration,
    status,
    status_code,
    event,
    action,
    installation_id: attempt.installation_id,
    repository_id: attempt.repository_id,
    throttled_at: null,
  };
}

/** An attempt with what was sent; what was answered is not kept. */
export function wholeAttemptJson(attempt: Attempt, hook: Hook) {
  const { payload } = attempt;
  return {
    ...attemptJson(attempt),
    url: hook.url,
    request: { headers: headersOf(hook, attempt, payload), payload: JSON.parse(payload) },
    response: { headers: {}, payload: null },
  };
}

/** JSON with the digits of every bigint. */
export function exactJson(value: unknown): string {
  const marked = JSON.stringify(
    value,
    (_key, part) => typeof part === "bigint" ? `exactly ${part}` : part,
  );
  return marked.replaceAll(/"exactly (\d+)"/g, "$1");
}
