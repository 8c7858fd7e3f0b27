import type { Hono } from "hono";
import type { OAuth } from "./oauth.ts";
import { paginate } from "../pagination.ts";
import { createError, notFound, toResponse } from "../error_response.ts";
import type { RequestContext, SimulatedPrincipal } from "../request_context.ts";
import { organizationJson, userJson } from "../user_json.ts";

const REQUIRES_AUTHENTICATION = createError(401, "Requires authentication");
const MISSING_SCOPE = createError(
  403,
  "You need at least read:org scope or user scope to list your organizations.",
);

/** Routes about the consents and the organizations of users. */
export function addOAuthConsentRoutes(api: Hono<{ Bindings: SimulatedPrincipal }>, { oauth }: {
  readonly oauth: OAuth;
}): void {
  // https://docs.github.com/en/rest/apps/oauth-applications
  for (const target of ["token", "grant"] as const) {
    api.delete(`/applications/:client/${target}`, async (c) => {
      const token = await parseAccessToken(c);
      const client = c.req.param("client");
      if (c.env.credential.token !== client) return toResponse(notFound());
      if (token === undefined) return toResponse(createError(422, "Validation Failed"));
      const holder = oauth.findHolder(token);
      if (holder?.token.app.clientId !== client) return toResponse(notFound());
      if (target === "token") oauth.tokens.revoke(token);
      else oauth.tokens.revokeAll(holder.user.id, client);
      return c.body(null, 204);
    });
  }

  // https://docs.github.com/en/rest/orgs/members#list-organization-memberships-for-the-authenticated-user
  api.get("/user/memberships/orgs", (c) => {
    const organizations = listOrganizations(c);
    if (organizations instanceof Response) return organizations;
    const state = c.req.query("state");
    // Open invitations are pending; the simulator has none.
    const { items, link } = paginate(state === "pending" ? [] : organizations, c);
    const { origin: { api: url }, origin, credential: { grant } } = c.env;
    const memberships = items.map((login) => ({
      url: `${url}/orgs/${login}/memberships/${grant?.user.login}`,
      state: "active",
      role: "member",
      organization_url: `${url}/orgs/${login}`,
      organization: organizationJson(login, origin),
      user: grant && userJson(grant.user.login, origin, grant.user.id),
    }));
    return c.json(memberships, 200, link);
  });

  // https://docs.github.com/en/rest/orgs/orgs#list-organizations-for-the-authenticated-user
  api.get("/user/orgs", (c) => {
    const organizations = listOrganizations(c);
    if (organizations instanceof Response) return organizations;
    const { items, link } = paginate(organizations, c);
    const list = items.map((login) => organizationJson(login, c.env.origin));
    return c.json(list, 200, link);
  });
}

function listOrganizations({ env: { credential: { kind, grant } } }: RequestContext) {
  if (kind !== "user") return toResponse(REQUIRES_AUTHENTICATION);
  const isScoped = grant?.app !== "oauth_app" ||
    ["read:org", "write:org", "admin:org"].some((scope) => grant.scopes.includes(scope));
  return isScoped ? grant?.user.organizations ?? [] : toResponse(MISSING_SCOPE);
}

async function parseAccessToken(c: RequestContext): Promise<string | undefined> {
  const body: unknown = await c.req.json().catch(() => undefined);
  const isObject = typeof body === "object" && body !== null && "access_token" in body;
  return isObject && typeof body.access_token === "string" ? body.access_token : undefined;
}
