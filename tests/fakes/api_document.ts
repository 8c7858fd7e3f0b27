import type { Authenticator } from "../../src/account/authenticator.ts";
import { systemClock as clock } from "../../src/clock.ts";
import { RequestMetrics } from "../../src/http/request_metrics.ts";
import { router } from "../../src/http/router.ts";
import { apiKeyRoutes } from "../../src/http/routes/api_key.ts";
import { WebhookEndpoint } from "../../src/http/routes/delivery.ts";
import { loginRoutes } from "../../src/http/routes/login.ts";
import { meRoutes } from "../../src/http/routes/me.ts";
import { messageRoutes } from "../../src/http/routes/message.ts";
import { repositoryRoutes } from "../../src/http/routes/repository.ts";
import { runRoutes } from "../../src/http/routes/run.ts";
import { statisticsRoutes } from "../../src/http/routes/statistics.ts";
import { ticketRoutes } from "../../src/http/routes/ticket.ts";
import { userRoutes } from "../../src/http/routes/user.ts";
import { workflowRoutes } from "../../src/http/routes/workflow.ts";

const ORIGINS = { allowed: [], hosts: [] };
const RATE_LIMIT_OPTIONS = { limit: { perSecond: 1, burst: 1 }, limiter: unused<never>() };
const COOKIES = unused<never>();

/** The text of /openapi.json with every route, without a server or a database. */
export async function buildApiDocument(): Promise<string> {
  const app = router({
    webSockets: unused(),
    eventStreams: unused(),
    health: unused(),
    metrics: { contentType: "text/plain", text: unused() },
    requestMetrics: new RequestMetrics(),
    webhookEndpoint: new WebhookEndpoint({ receiver: unused(), clock }),
    data: [
      runRoutes({ history: unused() }),
      workflowRoutes({ catalog: unused(), history: unused() }),
      repositoryRoutes({ catalog: unused(), followManager: unused(), clock }),
      statisticsRoutes({ statistics: unused(), clock }),
    ],
    accounts: [
      loginRoutes({
        login: undefined,
        sessions: unused(),
        cookies: COOKIES,
        origins: ORIGINS,
        publicUrl: undefined,
        rateLimitOptions: RATE_LIMIT_OPTIONS,
        clock,
        signal: new AbortController().signal,
      }),
      meRoutes(),
      ticketRoutes({ tickets: unused(), clock, random: unused() }),
      userRoutes({ users: unused(), signOut: unused() }),
      apiKeyRoutes({ keys: unused(), clock, random: unused() }),
    ],
    messages: messageRoutes({ messages: unused(), sender: unused() }),
    authenticator: unused<Authenticator>(),
    origins: ORIGINS,
    version: "0.0.0",
    clock,
  });
  return await (await app.request("/openapi.json")).text();
}

/** A dependency that only handlers use. */
function unused<T>(): T {
  return undefined as T;
}
