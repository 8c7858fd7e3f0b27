import { z } from "zod";
import type { AccessSource, RepositoryRef } from "../account/access_cache.ts";
import { GitHubError } from "../errors.ts";
import { parseResetTime } from "./error.ts";
import { ResponseCache } from "./response_cache.ts";
import type { GitHubResponse } from "./transport.ts";
import { UserClient, type UserClientOptions } from "./user_client.ts";

/** Repositories per query, which costs one point of 5,000 per hour. */
const BATCH_SIZE = 100;

/**
 * Error types for a missing permission: GitHub reports a hidden repository as not found; the rules of an organization (SAML, IP
 * allow list) or of the App forbid access.
 */
const NO_ACCESS_TYPES = ["NOT_FOUND", "FORBIDDEN"];

/** https://docs.github.com/en/graphql/guides/forming-calls-with-graphql */
const queryResponseSchema = z.object({
  data: z.record(z.string(), z.object({ databaseId: z.int().nullish() }).nullable()).nullish(),
  errors: z.array(z.object({
    type: z.string().nullish(),
    path: z.array(z.union([z.string(), z.number()])).nullish(),
  })).nullish(),
});

type QueryResponse = z.infer<typeof queryResponseSchema>;

/** Checks access with the tokens of users. */
export class GitHubAccess implements AccessSource {
  readonly #client: UserClient;
  readonly #url: string;
  readonly #responses = new ResponseCache<QueryResponse>(queryResponseSchema);

  constructor(options: UserClientOptions) {
    this.#client = new UserClient(options);
    this.#url = toGraphqlUrl(options.baseUrl);
  }

  async filterReadable(
    repositories: readonly RepositoryRef[],
    accessToken: string,
    signal: AbortSignal,
  ): Promise<ReadonlySet<number>> {
    const readable = new Set<number>();
    const valid = repositories.filter(({ fullName }) => /^[^/]+\/[^/]+$/.test(fullName));
    for (let start = 0; start < valid.length; start += BATCH_SIZE) {
      const batch = valid.slice(start, start + BATCH_SIZE);
      for (const id of await this.#filterBatch(batch, accessToken, signal)) readable.add(id);
    }
    return readable;
  }

  async #filterBatch(
    batch: readonly RepositoryRef[],
    accessToken: string,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const parameters = buildQuery(batch);
    const request = { method: "POST", url: this.#url, accessToken, parameters } as const;
    const response = await this.#client.send(request, signal);
    const { data, errors } = this.#responses.parse(response);
    assertNoErrors({ data, errors }, response);
    // The name may now belong to another repository.
    return batch.filter(({ id }, index) => data?.[toAlias(index)]?.databaseId === id).map((
      { id },
    ) => id);
  }
}

/** https://docs.github.com/en/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint, and `/api/graphql` beside `/api/v3` */
function toGraphqlUrl(baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, "").replace(/\/api\/v3$/, "/api")}/graphql`;
}

/** Names are passed as variables, never in the text of the query. */
function buildQuery(batch: readonly RepositoryRef[]) {
  const names = batch.map(({ fullName }, index) => {
    const [owner = "", name = ""] = fullName.split("/");
    return [[`owner${index}`, owner], [`name${index}`, name]] as const;
  }).flat();
  const declarations = names.map(([variable]) => `$${variable}: String!`).join(", ");
  const fields = batch.map((_, index) =>
    `${toAlias(index)}: repository(owner: $owner${index}, name: $name${index}) { databaseId }`
  ).join(" ");
  return { query: `query (${declarations}) { ${fields} }`, variables: Object.fromEntries(names) };
}

function toAlias(index: number): string {
  return `r${index}`;
}

/**
 * Checks the errors of a response with status 200. Only a missing permission for one repository is an answer; after any other
 * error nothing is known.
 * @throws {GitHubError}
 */
function assertNoErrors({ data, errors }: QueryResponse, response: GitHubResponse): void {
  const unexpected = (errors ?? []).filter(({ type, path }) =>
    !NO_ACCESS_TYPES.includes(type ?? "") || typeof path?.[0] !== "string" ||
    data?.[path[0]] !== null
  );
  if (data && unexpected.length === 0) return;
  const types = [...new Set(unexpected.map(({ type }) => type ?? "error"))].join(", ");
  const message = `GitHub answered ${response.endpoint} with ${types || "no data"}`;
  if (/RATE_LIMIT/.test(types) || (!data && response.headers["x-ratelimit-remaining"] === "0")) {
    const retryAt = parseResetTime(response);
    const failure = { kind: "rate_limited", ...(retryAt !== undefined && { retryAt }) } as const;
    throw new GitHubError(failure, message);
  }
  throw new GitHubError({ kind: "unavailable" }, message);
}
