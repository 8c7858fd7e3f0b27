/** The URLs of the simulated API and web pages, without a trailing slash. */
export interface Origin {
  readonly api: string;
  readonly html: string;
}

export interface User {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  /** Logins of organizations with an active membership. */
  readonly organizations: readonly string[];
}

/** GitHub's "simple user" (https://docs.github.com/en/rest/users/users). */
export function userJson(login: string, { api, html }: Origin, id = userId(login)) {
  const url = `${api}/users/${login}`;
  return {
    login,
    id,
    node_id: nodeId("User", id),
    avatar_url: `${html}/avatars/u/${id}?v=4`,
    gravatar_id: "",
    url,
    html_url: `${html}/${login}`,
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: login.endsWith("[bot]") ? "Bot" : "User",
    user_view_type: "public",
    site_admin: false,
  };
}

/** The response of `GET /user`. */
export function authenticatedUserJson(
  { login, id = userId(login), name = login }: {
    readonly login: string;
    readonly id?: number;
    readonly name?: string | null;
  },
  origin: Origin,
) {
  return {
    ...userJson(login, origin, id),
    name,
    company: null,
    blog: "",
    location: null,
    email: null,
    hireable: null,
    bio: null,
    twitter_username: null,
    public_repos: 8,
    public_gists: 0,
    followers: 0,
    following: 0,
    created_at: "2011-01-25T18:44:36Z",
    updated_at: "2026-01-01T00:00:00Z",
  };
}

/** An organization in lists and webhooks: https://docs.github.com/en/rest/orgs/orgs */
export function organizationJson(login: string, { api, html }: Origin) {
  const id = userId(login);
  const url = `${api}/orgs/${login}`;
  return {
    login,
    id,
    node_id: nodeId("Organization", id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: `${html}/avatars/u/${id}?v=4`,
    description: null,
  };
}

/** GitHub's older node id format: length of the type name, type and id in base64. */
export function nodeId(type: string, id: number): string {
  return btoa(`0${type.length}:${type}${id}`);
}

/** A stable id derived from a login. */
export function userId(login: string): number {
  let id = 7;
  for (const letter of login) id = (id * 31 + (letter.codePointAt(0) ?? 0)) % 90_000_000;
  return id;
}
