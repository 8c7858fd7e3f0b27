import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { sha256Hex } from "../../account/crypto.ts";
import type { Login } from "../../account/login.ts";
import type { SessionStore } from "../../account/session.ts";
import type { Clock } from "../../clock.ts";
import { type Api, newApi, ok, type RequestEnvironment } from "../api.ts";
import {
  clearLoginCookie,
  clearSessionCookie,
  type CookieNames,
  getLoginCookie,
  getSessionToken,
  setLoginCookie,
  setSessionCookie,
} from "../cookie.ts";
import { toProblem } from "../error_handler.ts";
import { type OriginPolicy, originProblem, requestOrigin } from "../origin.ts";
import { enumParam, paramsSchema, withDefault } from "../params.ts";
import {
  DEFAULT_PROBLEM,
  openApiProblems,
  openApiProblemsOrPage,
  toProblemError,
} from "../problem.ts";
import { rateLimit, type RateLimitOptions } from "../rate_limit.ts";
import { PUBLIC } from "../security.ts";
import { loginErrorResponse, prefersHtml } from "./login_page.ts";

const COMMON_PROBLEMS = [
  "invalid_parameter",
  "origin_not_allowed",
  "rate_limited",
  "internal",
] as const;
const Text = z.string().optional();

const LOGIN = createRoute({
  operationId: "login",
  method: "post",
  path: "/login",
  tags: ["accounts"],
  ...PUBLIC,
  summary: "Sign in with GitHub",
  description:
    "GitHub redirects the browser to `/login/callback`, which redirects it to `return_to`.",
  request: {
    query: paramsSchema({
      return_to: Text.openapi({
        description: "Local path to return to; `/` by default",
        example: "/docs",
      }),
    }),
  },
  responses: {
    ...ok(
      z.object({ url: z.url() }).openapi("LoginRedirect"),
      "URL to open in the browser; for clients that accept `application/json` only",
    ),
    303: { description: "Redirect to GitHub" },
    ...openApiProblems(...COMMON_PROBLEMS, "return_path_invalid", "login_not_configured"),
  },
});

const CALLBACK = createRoute({
  operationId: "finishLogin",
  method: "get",
  path: "/login/callback",
  tags: ["accounts"],
  ...PUBLIC,
  summary: "OAuth callback",
  request: {
    // GitHub may add parameters.
    query: z.object({ code: Text, state: Text, error: Text }),
  },
  responses: {
    303: { description: "Signed in; redirect to `return_to`" },
    ...DEFAULT_PROBLEM,
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
  operationId: "logout",
  method: "post",
  path: "/logout",
  tags: ["accounts"],
  ...PUBLIC,
  summary: "Sign out",
  request: {
    query: paramsSchema({
      everywhere: withDefault(
        enumParam(["true", "false"], { description: "End all sessions of the user" }),
        "false",
      ),
    }),
  },
  responses: {
    204: { description: "Signed out" },
    ...openApiProblems(...COMMON_PROBLEMS, "storage_unavailable"),
  },
});

interface LoginRoutesOptions {
  /** `undefined` if sign-in is not configured. */
  readonly login: Pick<Login, "begin" | "finish" | "signOut"> | undefined;
  readonly sessions: Pick<SessionStore, "find">;
  readonly cookies: CookieNames;
  readonly origins: OriginPolicy;
  readonly publicUrl: string | undefined;
  /** Limits the sign-ins of each address. */
  readonly rateLimitOptions: RateLimitOptions;
  readonly clock: Clock;
  /** Aborts requests to GitHub. */
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
    // The cookie is single-use, even if the sign-in fails.
    clearLoginCookie(context, cookies);
    context.header("Cache-Control", "no-store");
    try {
      const { code, state, error } = context.req.valid("query");
      const session = getSessionToken(context, cookies);
      const callback = { code, state, error, cookie, session };
      const { sessionToken, returnTo } = await requireLogin(login).finish(callback, signal);
      setSessionCookie(context, sessionToken, cookies);
      return context.redirect(basePath(options.publicUrl) + returnTo, 303);
    } catch (error) {
      const failure = signal.aborted
        ? toProblemError("shutting_down")
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

/** Pages of other sites must not sign users in: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html#login-csrf */
function rejectCrossSite(context: Context<RequestEnvironment>, origins: OriginPolicy): void {
  if (requestOrigin(context.req.raw.headers, origins) === "foreign") throw originProblem();
}

function requireLogin<T>(login: T | undefined): T {
  if (login !== undefined) return login;
  throw toProblemError("login_not_configured");
}

/** The path prefix that a proxy adds. */
function basePath(publicUrl: string | undefined): string {
  return publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "");
}
