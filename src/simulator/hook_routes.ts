import type { Hono } from "hono";
import { z } from "zod";
import type { Attempt, Hook } from "./hook.ts";
import { attemptJson, configJson, exactJson, hookJson, wholeAttemptJson } from "./hook_json.ts";
import type { Hooks } from "./hooks.ts";
import { pageAfter, pageOf } from "./page.ts";
import { answer, blocked, notFound, type Refusal, refuse, undecodableJwt } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import type { Asked, Caller } from "./routes.ts";

const INTEGRATION = refuse(403, "Resource not accessible by integration");
const IDS = "/:id{[0-9]+}";

/** GitHub wants more than it says: https://docs.github.com/en/rest/repos/webhooks#create-a-repository-webhook */
const newHook = z.object({
  active: z.boolean().default(true),
  events: z.array(z.string()).default(["push"]),
  config: z.object({
    url: z.url({ protocol: /^https?$/ }),
    content_type: z.enum(["json", "form"]).default("form"),
    secret: z.string().optional(),
  }),
});

/** The routes about webhooks, of repositories and of the app. */
export function addHookRoutes(api: Hono<{ Bindings: Caller }>, { hooks, find }: {
  readonly hooks: Hooks;
  /** The repository of the path, when the one who asks may have it. */
  readonly find: (c: Asked) => Repository | Refusal;
}): void {
  const ofRepository = "/repos/:owner/:repo/hooks";

  api.get(ofRepository, (c) => {
    const repository = administered(c);
    if ("status" in repository) return answer(repository);
    const { items, link } = pageOf(hooks.of(repository.full_name), c);
    return c.json(items.map((hook) => hookJson(hook, c.env.origin)), 200, link);
  });

  api.post(ofRepository, async (c) => {
    const repository = administered(c);
    if ("status" in repository) return answer(repository);
    const wanted = newHook.safeParse(await c.req.json().catch(() => undefined));
    if (!wanted.success) return answer(refuse(422, "Validation Failed"));
    const { config, ...fields } = wanted.data;
    if (hooks.of(repository.full_name).some(({ url }) => url === config.url)) {
      return answer(refuse(422, "Hook already exists on this repository"));
    }
    const { secret = null, ...rest } = config;
    const hook = hooks.add(repository.full_name, { ...fields, ...rest, secret });
    hooks.ping(hook, repository);
    return c.json(hookJson(hook, c.env.origin), 201);
  });

  api.get(ofRepository + IDS, (c) => {
    const hook = hookOf(c);
    return "status" in hook ? answer(hook) : c.json(hookJson(hook, c.env.origin));
  });

  api.delete(ofRepository + IDS, (c) => {
    const hook = hookOf(c);
    if ("status" in hook) return answer(hook);
    hooks.remove(hook.id);
    return c.body(null, 204);
  });

  api.get("/app/hook/config", (c) => {
    const hook = hookOfApp(c);
    return "status" in hook ? answer(hook) : c.json(configJson(hook));
  });

  addDeliveryRoutes(`${ofRepository}${IDS}`, hookOf);
  addDeliveryRoutes("/app/hook", hookOfApp);

  function addDeliveryRoutes(path: string, hookOf: (c: Asked) => Hook | Refusal): void {
    api.get(`${path}/deliveries`, (c) => {
      const hook = hookOf(c);
      if ("status" in hook) return answer(hook);
      const { items, link } = pageAfter(hooks.deliveries(hook.id), c);
      return c.body(exactJson(items.map(attemptJson)), 200, link);
    });

    api.get(`${path}/deliveries/:delivery{[0-9]+}`, (c) => {
      const hook = hookOf(c);
      if ("status" in hook) return answer(hook);
      const attempt = hooks.deliveries(hook.id).find(({ id }) => id === deliveryOf(c));
      return attempt ? c.body(exactJson(wholeAttemptJson(attempt, hook))) : answer(notFound());
    });

    api.post(`${path}/deliveries/:delivery{[0-9]+}/attempts`, (c) => {
      const hook = hookOf(c);
      if ("status" in hook) return answer(hook);
      return hooks.redeliver(hook.id, deliveryOf(c)) ? c.json({}, 202) : answer(notFound());
    });
  }

  function administered(c: Asked): Repository | Refusal {
    const { kind } = c.env.credential;
    if (kind === "installation" || kind === "app") return INTEGRATION;
    if (kind === "anonymous") return notFound();
    const repository = find(c);
    if ("status" in repository) return repository;
    if (!repository.admin) return notFound();
    const hidden = hooks.hiddenAs(repository.full_name);
    return hidden === undefined ? repository : blocked(hidden);
  }

  function hookOf(c: Asked): Hook | Refusal {
    const repository = administered(c);
    if ("status" in repository) return repository;
    const id = Number(c.req.param("id"));
    return hooks.of(repository.full_name).find((hook) => hook.id === id) ?? notFound();
  }

  function hookOfApp(c: Asked): Hook | Refusal {
    if (c.env.credential.kind !== "app") return undecodableJwt();
    return hooks.of(null)[0] ?? notFound();
  }
}

function deliveryOf(c: Asked): Attempt["id"] {
  return BigInt(c.req.param("delivery") ?? "0");
}
