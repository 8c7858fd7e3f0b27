import { z } from "zod";
import type { AccessSource, RepositoryRef } from "../account/access.ts";
import { RefusedError } from "../errors.ts";
import { Answers } from "./answers.ts";
import { resetAt } from "./refusal.ts";
import type { Answer } from "./transport.ts";
import { UserRequests, type UserRequestsOptions } from "./user_requests.ts";

/** Asked for in one query, which costs one point of 5,000 an hour. */
const BATCH = 100;

/**
 * How GitHub says that somebody may not see something: it is as if it were not there, or an organisation's rules (SAML, its
 * list of addresses) or those of the App keep it back.
 */
const NOT_FOR_THEM = ["NOT_FOUND", "FORBIDDEN"];

/** https://docs.github.com/en/graphql/guides/forming-calls-with-graphql */
const queryAnswer = z.object({
  data: z.record(z.string(), z.object({ databaseId: z.int().nullish() }).nullable()).nullish(),
  errors: z.array(z.object({
    type: z.string().nullish(),
    path: z.array(z.union([z.string(), z.number()])).nullish(),
  })).nullish(),
});

type QueryAnswer = z.infer<typeof queryAnswer>;

/** What users may read, as GitHub tells each of them. `new GitHubAccess({ baseUrl, version, clock })` */
export class GitHubAccess implements AccessSource {
  readonly #users: UserRequests;
  readonly #url: string;
  readonly #answers = new Answers<QueryAnswer>(queryAnswer);

  constructor(options: UserRequestsOptions) {
    this.#users = new UserRequests(options);
    this.#url = graphqlUrl(options.baseUrl);
  }

  async filterReadable(
    repositories: readonly RepositoryRef[],
    accessToken: string,
    signal: AbortSignal,
  ): Promise<ReadonlySet<number>> {
    const readable = new Set<number>();
    const named = repositories.filter(({ fullName }) => /^[^/]+\/[^/]+$/.test(fullName));
    for (let start = 0; start < named.length; start += BATCH) {
      const batch = named.slice(start, start + BATCH);
      for (const id of await this.#readable(batch, accessToken, signal)) readable.add(id);
    }
    return readable;
  }

  async #readable(
    batch: readonly RepositoryRef[],
    accessToken: string,
    signal: AbortSignal,
  ): Promise<readonly number[]> {
    const parameters = queryFor(batch);
    const request = { method: "POST", url: this.#url, accessToken, parameters } as const;
    const answer = await this.#users.send(request, signal);
    const { data, errors } = this.#answers.read(answer);
    assertAnswered({ data, errors }, answer);
    // Another repository may have that name by now, and the user may read that one alone.
    return batch.filter(({ id }, at) => data?.[aliasOf(at)]?.databaseId === id).map(({ id }) => id);
  }
}

/** https://docs.github.com/en/graphql/guides/forming-calls-with-graphql#the-graphql-endpoint, and `/api/graphql` beside `/api/v3` */
function graphqlUrl(baseUrl: string): string {
  return `${baseUrl.replace(/\/+$/, "").replace(/\/api\/v3$/, "/api")}/graphql`;
}

/** The names are variables: they are never part of the query's text. */
function queryFor(batch: readonly RepositoryRef[]) {
  const names = batch.map(({ fullName }, at) => {
    const [owner = "", name = ""] = fullName.split("/");
    return [[`owner${at}`, owner], [`name${at}`, name]] as const;
  }).flat();
  const declared = names.map(([variable]) => `$${variable}: String!`).join(", ");
  const fields = batch.map((_, at) =>
    `${aliasOf(at)}: repository(owner: $owner${at}, name: $name${at}) { databaseId }`
  ).join(" ");
  return { query: `query (${declared}) { ${fields} }`, variables: Object.fromEntries(names) };
}

function aliasOf(at: number): string {
  return `r${at}`;
}

/**
 * Errors come with status 200. Only those that say of one repository that it is not for this user are an answer; after any
 * other nothing is known, and nothing may be shown.
 * @throws {RefusedError}
 */
function assertAnswered({ data, errors }: QueryAnswer, answer: Answer): void {
  const others = (errors ?? []).filter(({ type, path }) =>
    !NOT_FOR_THEM.includes(type ?? "") || typeof path?.[0] !== "string" || data?.[path[0]] !== null
  );
  if (data && others.length === 0) return;
  const types = [...new Set(others.map(({ type }) => type ?? "error"))].join(", ");
  const message = `GitHub answered ${answer.to} with ${types || "no data"}`;
  if (/RATE_LIMIT/.test(types) || (!data && answer.headers["x-ratelimit-remaining"] === "0")) {
    const retryAt = resetAt(answer);
    const refusal = { kind: "limited", ...(retryAt !== undefined && { retryAt }) } as const;
    throw new RefusedError(refusal, message);
  }
  throw new RefusedError({ kind: "unavailable" }, message);
}
