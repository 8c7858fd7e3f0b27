import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { sha256Hex } from "../account/secret.ts";
import type { SessionStore } from "../account/session.ts";
import type { Login } from "../account/login.ts";
import type { Clock } from "../clock.ts";
import { type Api, json, newApi, parameters, type RequestEnvironment } from "./api.ts";
import {
  clearLogin,
  clearSession,
  type CookieNames,
  loginCookie,
  sessionToken,
  setLogin,
  setSession,
} from "./cookie.ts";
import { FOR_ANYBODY } from "./demand.ts";
import { problemOf } from "./failure.ts";
import { loginFailure, prefersPage } from "./login_page.ts";
import { originProblem, type OriginRule, pageOf } from "./origin.ts";
import { ProblemError } from "./problem.ts";
import { problemPages, problems } from "./problem_schema.ts";
import { choice, withDefault } from "./query.ts";
import { type Throttle, throttled } from "./throttle.ts";

const OTHERS = ["bad_parameter", "origin_not_allowed", "throttled", "internal"] as const;
const Text = z.string().optional();

const BEGIN = createRoute({
  method: "post",
  path: "/login",
  tags: ["accounts"],
  ...FOR_ANYBODY,
  summary: "Sign in by GitHub",
  description: "GitHub sends the browser back to `/login/callback`, and that to `return_to`.",
  request: {
    query: parameters({
      return_to: Text.openapi({ description: "A path of ours, by default `/`", example: "/docs" }),
    }),
  },
  responses: {
    200: json(
      z.object({ url: z.url() }),
      "Where to send the browser; for those who accept `application/json` alone",
    ),
    303: { description: "To GitHub" },
    ...problems(...OTHERS, "return_path_invalid", "login_not_configured"),
  },
});

const FINISH = createRoute({
  method: "get",
  path: "/login/callback",
  tags: ["accounts"],
  ...FOR_ANYBODY,
  summary: "Come back from GitHub",
  request: {
    // GitHub may say more than we know.
    query: z.object({ code: Text, state: Text, error: Text }),
  },
  responses: {
    303: { description: "Signed in: to where the browser came from" },
    ...problemPages(
      ...OTHERS,
      "login_expired",
      "login_refused",
      "login_denied",
      "organisation_required",
      "login_not_configured",
      "github_limited",
      "github_unavailable",
      "stopping",
      "storage_unavailable",
      "storage_full",
    ),
  },
});

const END = createRoute({
  method: "post",
  path: "/logout",
  tags: ["accounts"],
  ...FOR_ANYBODY,
  summary: "Sign out",
  request: {
    query: parameters({
      everywhere: withDefault(
        choice(["true", "false"], { description: "Whether to end all sessions of the user" }),
        "false",
      ),
    }),
  },
  responses: {
    204: { description: "There is no session any more" },
    ...problems(...OTHERS, "storage_unavailable"),
  },
});

export interface LoginRoutesOptions {
  /** `undefined` where none is configured. */
  readonly login: Pick<Login, "begin" | "finish" | "signOut"> | undefined;
  readonly sessions: Pick<SessionStore, "find">;
  readonly cookies: CookieNames;
  readonly origins: OriginRule;
  readonly publicUrl: string | undefined;
  /** What each address may begin. */
  readonly throttle: Throttle;
  readonly clock: Clock;
  /** Ends what is asked of GitHub. */
  readonly signal: AbortSignal;
}

/** `POST /login`, `GET /login/callback` and `POST /logout`. */
export function loginRoutes(options: LoginRoutesOptions): Api {
  const { login, sessions, cookies, origins, throttle, clock, signal } = options;
  const api = newApi();
  api.use("/login", throttled(throttle, { kind: "login" }));
  api.use("/login/callback", throttled(throttle, { kind: "callback" }));
  api.openapi(BEGIN, async (context) => {
    refuseForeign(context, origins);
    const { url, cookie } = await configured(login).begin(context.req.valid("query").return_to);
    setLogin(context, cookie, cookies);
    context.header("Cache-Control", "no-store");
    return prefersPage(context) ? context.redirect(url, 303) : context.json({ url }, 200);
  });
  api.openapi(FINISH, async (context) => {
    const cookie = loginCookie(context, cookies);
    // It counts once, whatever becomes of it.
    clearLogin(context, cookies);
    context.header("Cache-Control", "no-store");
    try {
      const { code, state, error } = context.req.valid("query");
      const session = sessionToken(context, cookies);
      const callback = { code, state, error, cookie, session };
      const { sessionToken: token, returnTo } = await configured(login).finish(callback, signal);
      setSession(context, token, cookies);
      return context.redirect(pathBefore(options.publicUrl) + returnTo, 303);
    } catch (error) {
      const failure = signal.aborted
        ? new ProblemError("stopping", "Cannot sign in while Runwire stops: try again")
        : error instanceof Error && problemOf(error, clock.now());
      if (!failure) throw error;
      return await loginFailure(context, failure) as never;
    }
  });
  api.openapi(END, async (context) => {
    const token = sessionToken(context, cookies);
    if (token !== undefined) {
      if (pageOf(context.req.raw.headers, origins) !== "own") throw originProblem();
      const session = await sessions.find(sha256Hex(token));
      const isEverywhere = context.req.valid("query").everywhere === "true";
      if (session) await login?.signOut(session, { isEverywhere });
      clearSession(context, cookies);
    }
    return context.body(null, 204);
  });
  return api;
}

/** A page of another site must not sign anybody in: https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html#login-csrf */
function refuseForeign(context: Context<RequestEnvironment>, origins: OriginRule): void {
  if (pageOf(context.req.raw.headers, origins) === "foreign") throw originProblem();
}

function configured<T>(login: T | undefined): T {
  if (login !== undefined) return login;
  throw new ProblemError(
    "login_not_configured",
    "Cannot sign anybody in: set GITHUB_OAUTH_CLIENT_ID, GITHUB_OAUTH_CLIENT_SECRET and SESSION_SECRET",
  );
}

/** What a proxy puts before our paths. */
function pathBefore(publicUrl: string | undefined): string {
  return publicUrl === undefined ? "" : new URL(publicUrl).pathname.replace(/\/$/, "");
}
