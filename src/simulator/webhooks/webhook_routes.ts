import type { Hono } from "hono";
import { z } from "zod";
import type { DeliveryAttempt, Webhook } from "./webhook.ts";
import {
  attemptDetailJson,
  attemptJson,
  stringifyWithBigInts,
  webhookConfigJson,
  webhookJson,
} from "./webhook_json.ts";
import type { Webhooks } from "./webhooks.ts";
import { paginate, paginateByCursor } from "../pagination.ts";
import {
  createError,
  type ErrorResponse,
  notFound,
  repositoryBlocked,
  toResponse,
  undecodableJwt,
} from "../error_response.ts";
import type { Repository } from "../world/repository.ts";
import type { RequestContext, SimulatedPrincipal } from "../request_context.ts";

const NOT_FOR_INTEGRATIONS = createError(403, "Resource not accessible by integration");
const ID_PATH = "/:id{[0-9]+}";

/** https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook */
const newWebhookSchema = z.object({
  active: z.boolean().default(true),
  events: z.array(z.string()).default(["push"]),
  config: z.object({
    url: z.url({ protocol: /^https?$/ }),
    content_type: z.enum(["json", "form"]).default("form"),
    secret: z.string().optional(),
  }),
});

/** Webhook routes of repositories and of the app. */
export function addWebhookRoutes(
  api: Hono<{ Bindings: SimulatedPrincipal }>,
  { webhooks, findRepository }: {
    readonly webhooks: Webhooks;
    /** The repository in the path, if it is visible to the caller. */
    readonly findRepository: (c: RequestContext) => Repository | ErrorResponse;
  },
): void {
  const repositoryPath = "/repos/:owner/:repo/hooks";

  api.get(repositoryPath, (c) => {
    const repository = findAdministered(c);
    if ("status" in repository) return toResponse(repository);
    const { items, link } = paginate(webhooks.list(repository.full_name), c);
    return c.json(items.map((webhook) => webhookJson(webhook, c.env.origin)), 200, link);
  });

  api.post(repositoryPath, async (c) => {
    const repository = findAdministered(c);
    if ("status" in repository) return toResponse(repository);
    const input = newWebhookSchema.safeParse(await c.req.json().catch(() => undefined));
    if (!input.success) return toResponse(createError(422, "Validation Failed"));
    const { config, ...fields } = input.data;
    if (webhooks.list(repository.full_name).some(({ url }) => url === config.url)) {
      return toResponse(createError(422, "Hook already exists on this repository"));
    }
    const { secret = null, ...rest } = config;
    const webhook = webhooks.add(repository.full_name, { ...fields, ...rest, secret });
    webhooks.ping(webhook, repository);
    return c.json(webhookJson(webhook, c.env.origin), 201);
  });

  api.get(repositoryPath + ID_PATH, (c) => {
    const webhook = findWebhook(c);
    return "status" in webhook ? toResponse(webhook) : c.json(webhookJson(webhook, c.env.origin));
  });

  api.delete(repositoryPath + ID_PATH, (c) => {
    const webhook = findWebhook(c);
    if ("status" in webhook) return toResponse(webhook);
    webhooks.remove(webhook.id);
    return c.body(null, 204);
  });

  api.get("/app/hook/config", (c) => {
    const webhook = findAppWebhook(c);
    return "status" in webhook ? toResponse(webhook) : c.json(webhookConfigJson(webhook));
  });

  addDeliveryRoutes(`${repositoryPath}${ID_PATH}`, findWebhook);
  addDeliveryRoutes("/app/hook", findAppWebhook);

  function addDeliveryRoutes(
    path: string,
    findWebhook: (c: RequestContext) => Webhook | ErrorResponse,
  ): void {
    api.get(`${path}/deliveries`, (c) => {
      const webhook = findWebhook(c);
      if ("status" in webhook) return toResponse(webhook);
      const { items, link } = paginateByCursor(webhooks.deliveries(webhook.id), c);
      return c.body(stringifyWithBigInts(items.map(attemptJson)), 200, link);
    });

    api.get(`${path}/deliveries/:delivery{[0-9]+}`, (c) => {
      const webhook = findWebhook(c);
      if ("status" in webhook) return toResponse(webhook);
      const attempt = webhooks.deliveries(webhook.id).find(({ id }) => id === parseDeliveryId(c));
      return attempt
        ? c.body(stringifyWithBigInts(attemptDetailJson(attempt, webhook)))
        : toResponse(notFound());
    });

    api.post(`${path}/deliveries/:delivery{[0-9]+}/attempts`, (c) => {
      const webhook = findWebhook(c);
      if ("status" in webhook) return toResponse(webhook);
      return webhooks.redeliver(webhook.id, parseDeliveryId(c))
        ? c.json({}, 202)
        : toResponse(notFound());
    });
  }

  function findAdministered(c: RequestContext): Repository | ErrorResponse {
    const { kind } = c.env.credential;
    if (kind === "installation" || kind === "app") return NOT_FOR_INTEGRATIONS;
    if (kind === "anonymous") return notFound();
    const repository = findRepository(c);
    if ("status" in repository) return repository;
    if (!repository.admin) return notFound();
    const hiddenStatus = webhooks.hiddenStatus(repository.full_name);
    return hiddenStatus === undefined ? repository : repositoryBlocked(hiddenStatus);
  }

  function findWebhook(c: RequestContext): Webhook | ErrorResponse {
    const repository = findAdministered(c);
    if ("status" in repository) return repository;
    const id = Number(c.req.param("id"));
    return webhooks.list(repository.full_name).find((webhook) => webhook.id === id) ?? notFound();
  }

  function findAppWebhook(c: RequestContext): Webhook | ErrorResponse {
    if (c.env.credential.kind !== "app") return undecodableJwt();
    return webhooks.list(null)[0] ?? notFound();
  }
}

function parseDeliveryId(c: RequestContext): DeliveryAttempt["id"] {
  return BigInt(c.req.param("delivery") ?? "0");
}
