import type { Context } from "hono";
import type { Credential } from "./auth/credentials.ts";
import type { Origin } from "./user_json.ts";

/** The caller of a request and the origin it used. */
export interface SimulatedPrincipal {
  readonly credential: Credential;
  readonly origin: Origin;
}

export type RequestContext = Context<{ Bindings: SimulatedPrincipal }>;
