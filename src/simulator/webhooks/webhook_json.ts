import { type DeliveryAttempt, toDeliveryHeaders, type Webhook } from "./webhook.ts";
import type { Origin } from "../user_json.ts";

/** https://docs.github.com/en/rest/repos/webhooks */
export function webhookJson(webhook: Webhook, { api }: Origin) {
  const { id, repository, events, active, created_at } = webhook;
  const url = `${api}/repos/${repository}/hooks/${id}`;
  return {
    type: repository === null ? "App" : "Repository",
    id,
    name: "web",
    active,
    events,
    config: webhookConfigJson(webhook),
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
export function webhookConfigJson({ url, secret, content_type }: Webhook) {
  const masked = secret === null ? {} : { secret: "********" };
  return { content_type, insecure_ssl: "0", url, ...masked };
}

/** An attempt in lists: https://docs.github.com/en/rest/repos/webhooks#list-deliveries-for-a-repository-webhook */
export function attemptJson(attempt: DeliveryAttempt) {
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

/** An attempt with its request; the response is not stored. */
export function attemptDetailJson(attempt: DeliveryAttempt, webhook: Webhook) {
  const { payload } = attempt;
  return {
    ...attemptJson(attempt),
    url: webhook.url,
    request: {
      headers: toDeliveryHeaders(webhook, attempt, payload),
      payload: JSON.parse(payload),
    },
    response: { headers: {}, payload: null },
  };
}

/** JSON with bigints as numbers. */
export function stringifyWithBigInts(value: unknown): string {
  const withMarkers = JSON.stringify(
    value,
    (_key, item) => typeof item === "bigint" ? `exactly ${item}` : item,
  );
  return withMarkers.replaceAll(/"exactly (\d+)"/g, "$1");
}
