import type { Hono } from "hono";
import type { OAuth } from "./oauth.ts";
import { pageOf } from "./page.ts";
import { answer, notFound, refuse } from "./refusal.ts";
import type { Asked, Caller } from "./routes.ts";
import { organisationJson, userJson } from "./user_json.ts";

const REQUIRES_AUTHENTICATION = refuse(401, "Requires authentication");
const NO_SCOPE = refuse(
  403,
  "You need at least read:org scope or user scope to list your organizations.",
);

/** The routes about what a user has consented to, and which organisations the user is in. */
export function addConsentRoutes(api: Hono<{ Bindings: Caller }>, { oauth }: {
  readonly oauth: OAuth;
}): void {
  // https://docs.github.com/en/rest/apps/oauth-applications
  for (const what of ["token", "grant"] as const) {
    api.delete(`/applications/:client/${what}`, async (c) => {
      const token = await tokenOf(c);
      const client = c.req.param("client");
      if (c.env.credential.token !== client) return answer(notFound());
      if (token === undefined) return answer(refuse(422, "Validation Failed"));
      const holder = oauth.holder(token);
      if (holder?.token.app.clientId !== client) return answer(notFound());
      if (what === "token") oauth.tokens.revoke(token);
      else oauth.tokens.revokeAll(holder.user.id, client);
      return c.body(null, 204);
    });
  }

  // https://docs.github.com/en/rest/orgs/members#list-organization-memberships-for-the-authenticated-user
  api.get("/user/memberships/orgs", (c) => {
    const organisations = organisationsOf(c);
    if (organisations instanceof Response) return organisations;
    const state = c.req.query("state");
    // Whoever is invited and has not answered is pending; here nobody is.
    const { items, link } = pageOf(state === "pending" ? [] : organisations, c);
    const { origin: { api: url }, origin, credential: { grant } } = c.env;
    const memberships = items.map((login) => ({
      url: `${url}/orgs/${login}/memberships/${grant?.user.login}`,
      state: "active",
      role: "member",
      organization_url: `${url}/orgs/${login}`,
      organization: organisationJson(login, origin),
      user: grant && userJson(grant.user.login, origin, grant.user.id),
    }));
    return c.json(memberships, 200, link);
  });

  // https://docs.github.com/en/rest/orgs/orgs#list-organizations-for-the-authenticated-user
  api.get("/user/orgs", (c) => {
    const organisations = organisationsOf(c);
    if (organisations instanceof Response) return organisations;
    const { items, link } = pageOf(organisations, c);
    const list = items.map((login) => organisationJson(login, c.env.origin));
    return c.json(list, 200, link);
  });
}

function organisationsOf({ env: { credential: { kind, grant } } }: Asked) {
  if (kind !== "user") return answer(REQUIRES_AUTHENTICATION);
  const isScoped = grant?.app !== "oauth_app" ||
    ["read:org", "write:org", "admin:org"].some((scope) => grant.scopes.includes(scope));
  return isScoped ? grant?.user.organisations ?? [] : answer(NO_SCOPE);
}

async function tokenOf(c: Asked): Promise<string | undefined> {
  const body: unknown = await c.req.json().catch(() => undefined);
  const isObject = typeof body === "object" && body !== null && "access_token" in body;
  return isObject && typeof body.access_token === "string" ? body.access_token : undefined;
}
