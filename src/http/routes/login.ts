import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { sha256Hex } from "../../account/secret.ts";
import type { SessionStore } from "../../account/session.ts";
import type { Login } from "../../account/login.ts";
import type { Clock } from "../../clock.ts";
import { type Api, jsonResponse, newApi, paramsSchema, type RequestEnvironment } from "../api.ts";
import {
  clearLoginCookie,
  clearSessionCookie,
  type CookieNames,
  getLoginCookie,
  getSessionToken,
  setLoginCookie,
  setSessionCookie,
} from "../cookie.ts";
import { PUBLIC } from "../security.ts";
import { toProblem } from "../error_handler.ts";
import { loginErrorResponse, prefersHtml } from "./login_page.ts";
import { type OriginPolicy, originProblem, requestOrigin } from "../origin.ts";
import { ProblemError } from "../problem.ts";
import { openApiProblems, openApiProblemsOrPage } from "../problem_schema.ts";
import { enumParam, withDefault } from "../query.ts";
import { rateLimit, type RateLimitOptions } from "../rate_limit.ts";

const COMMON_PROBLEMS = [
  "invalid_parameter",
  "origin_not_allowed",
  "rate_limited",
  "internal",
] as const;
const Text = z.string().optional();

const LOGIN = createRoute({
  method: "post",
  path: "/login",
  tags: ["accounts"],
  ...PUBLIC,
  summary: "Sign in by GitHub",
  description: "GitHub sends the browser back to `/login/callback`, and that to `return_to`.",
  request: {
    query: paramsSchema({
      return_to: Text.openapi({ description: "A path of ours, by default `/`", example: "/docs" }),
    }),
  },
  responses: {
    200: jsonResponse(
      z.object({ url: z.url() }),
      "Where to send the browser; for those who accept `application/json` alone",
    ),
    303: { description: "To GitHub" },
    ...openApiProblems(...COMMON_PROBLEMS, "return_path_invalid", "login_not_configured"),
  },
});

const CALLBACK = createRoute({
  method: "get",
  path: "/login/callback",
  tags: ["accounts"],
  ...PUBLIC,
  summary: "Come back from GitHub",
  request: {
    // GitHub may say more than we know.
    query: z.object({ code: Text, state: Text, error: Text }),
  },
  responses: {
    303: { description: "Signed in: to where the browser came from" },
    ...openApiProblemsOrPage(
      ...COMMON_PROBLEMS,
      "login_expired",
      "login_refused",
      "login_denied",
      "organization_required",
      "login_not_configured",
      "github_rate_limited",
      "github_unavailable",
      "shutting_down",
      "storage_unavailable",
      "storage_full",
    ),
  },
});

const LOGOUT = createRoute({
  method: "post",
  path: "/logout",
  tags: ["accounts"],
  ...PUBLIC,
  summary: "Sign out",
  request: {
    query: paramsSchema({
      everywhere: withDefault(
        enumParam(["true", "false"], { description: "Whether to end all sessions of the user" }),
        "false",
      ),
    }),
  },
  responses: {
    204: { description: "There is no session any more" },
    ...openApiProblems(...COMMON_PROBLEMS, "storage_unavailable"),
  },
});

export interface LoginRoutesOptions {
  /** `undefined` where none is configured. */
  readonly login: Pick<Login, "begin" | "finish" | "signOut"> | undefined;
  readonly sessions: Pick<SessionStore, "find">;
  readonly cookies: CookieNames;
  readonly origins: OriginPolicy;
  readonly publicUrl: string | undefined;
  /** What each address may begin. */
  readonly rateLimitOptions: RateLimitOptions;
  readonly clock: Clock;
  /** Ends what is asked of GitHub. */
  readonly signal: AbortSignal;
}

/** `POST /login`, `GET /login/callback` and `POST /logout`. */
export function loginRoutes(options: LoginRoutesOptions): Api {
  const { login, sessions, cookies, origins, rateLimitOptions, clock, signal } = options;
  const api = newApi();
  api.use("/login", rateLimit(rateLimitOptions, { kind: "login" }));
  api.use("/login/callback", rateLimit(rateLimitOptions, { kind: "callback" }));
  api.openapi(LOGIN, async (context) => {
    rejectCrossSite(context, origins);
    const { url, cookie } = await requireLogin(login).begin(context.req.valid("query").return_to);
    setLoginCookie(context, cookie, cookies);
    context.header("Cache-Control", "no-store");
    return prefersHtml(context) ? context.redirect(url, 303) : context.json({ url }, 200);
  });
  api.openapi(CALLBACK, async (context) => {
    const cookie = getLoginCookie(context, cookies);
    // It counts once, whatever becomes of it.
    clearLoginCookie(context, cookies);
    context.header("Cache-Control", "no-store");
    try {
      const { code, state, error } = context.req.valid("query");
      const session = getSessionToken(context, cookies);
      const callback = { code, state, error, cookie, session };
      const { sessionToken: token, returnTo } = await requireLogin(login).finish(callback, signal);
      setSessionCookie(context, token, cookies);
      return context.redirect(basePath(options.publicUrl) + returnTo, 303);
    } catch (error) {
      const failure = signal.aborted
        ? new ProblemError("shutting_down", "Cannot sign in while Runwire stops: try again")
        : error instanceof Error && toProblem(error, clock.now());
      if (!failure) throw error;
      return await loginErrorResponse(context, failure) as never;
    }
  });
  api.openapi(LOGOUT, async (context) => {
    const token = getSessionToken(context, cookies);
    if (token !== undefined) {
      if (requestOrigin(context.req.raw.headers, origins) !== "own") throw originProblem();
      const session = await sessions.find(sha256Hex(token));
      const isEverywhere = context.req.valid("query").everywhere === "true";
      if (session) await login?.signOut(session, { isEverywhere });
      clearSessionCookie(context, cookies);
    }
    return context.body(null, 204);
  });
  return api;
}

/** A page of another site must not sign anybody in: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html#login-csrf */
function rejectCrossSite(context: Context<RequestEnvironment>, origins: OriginPolicy): void {
  if (requestOrigin(context.req.raw.headers, origins) === "foreign") throw originProblem();
}

function requireLogin<T>(login: T | undefined): T {
  if (login !== undefined) return login;
  throw new ProblemError(
    "login_not_configured",
    "Cannot sign anybody in: set GITHUB_OAUTH_CLIENT_ID, GITHUB_OAUTH_CLIENT_SECRET and SESSION_SECRET",
  );
}

/** What a proxy puts before our paths. */
function basePath(publicUrl: string | undefined): string {
  return publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "");
}
