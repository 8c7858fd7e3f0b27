import { buildSchema, graphql, GraphQLError, type GraphQLFormattedError } from "graphql";
import type { Credential } from "./auth/credentials.ts";
import { createError } from "./error_response.ts";
import type { Repository } from "./world/repository.ts";
import type { Origin } from "./user_json.ts";
import { isVisible } from "./visibility.ts";
import type { World } from "./world/world.ts";

/** The supported part of GitHub's schema: https://docs.github.com/en/graphql/reference/queries */
const SCHEMA = `
  type Query {
    repository(owner: String!, name: String!, followRenames: Boolean = true): Repository
    viewer: User!
  }
  type Repository {
    databaseId: Int
    name: String!
    nameWithOwner: String!
    isPrivate: Boolean!
    url: String!
  }
  type User { login: String!, databaseId: Int, name: String }
`;

/** GitHub's errors have a type next to the message. */
interface TypedError extends Omit<GraphQLFormattedError, "extensions"> {
  readonly type?: unknown;
}

export interface GraphQLResponse {
  readonly data?: unknown;
  readonly errors?: readonly TypedError[];
}

/** https://docs.github.com/en/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql */
export const AUTHENTICATION_REQUIRED = createError(
  401,
  "This endpoint requires you to be authenticated.",
  "https://docs.github.com/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql",
);

/** The response for an exhausted limit, with status 200: https://docs.github.com/en/graphql/overview/rate-limits-and-query-limits-for-the-graphql-api */
export function rateLimitedResponse(holder: string): GraphQLResponse {
  return { errors: [{ type: "RATE_LIMITED", message: `API rate limit exceeded for ${holder}.` }] };
}

/** Executes queries on a world, limited to the visibility of the caller. */
export class GraphQL {
  readonly #world: World;
  readonly #schema = buildSchema(SCHEMA);

  constructor(world: World) {
    this.#world = world;
  }

  async execute(body: string, principal: {
    readonly credential: Credential;
    readonly origin: Origin;
    /** The owner of tokens without a grant. */
    readonly login: string;
  }): Promise<GraphQLResponse> {
    const request = parseRequest(body);
    if (!request) {
      return { errors: [{ message: "A query attribute must be specified and must be a string." }] };
    }
    const { user } = principal.credential.grant ?? {};
    const { data, errors } = await graphql({
      schema: this.#schema,
      source: request.query,
      variableValues: request.variables,
      rootValue: {
        repository: (repositoryArguments: RepositoryArguments) =>
          this.#repository(repositoryArguments, principal),
        viewer: () => ({
          login: user?.login ?? principal.login,
          databaseId: user?.id ?? 1,
          name: user?.name ?? null,
        }),
      },
    });
    return {
      ...(data === undefined ? {} : { data }),
      ...(errors && { errors: errors.map(toTypedError) }),
    };
  }

  #repository({ owner, name, followRenames }: RepositoryArguments, { credential, origin }: {
    readonly credential: Credential;
    readonly origin: Origin;
  }) {
    const fullName = `${owner}/${name}`;
    const repository = this.#world.repository(fullName) ??
      (followRenames ? this.#world.findByPreviousName(fullName) : undefined);
    const isFound = repository && isVisible(repository, credential, this.#world.users);
    const block = repository && this.#world.block(repository.full_name);
    if (!isFound || block === 404) {
      const message = `Could not resolve to a Repository with the name '${fullName}'.`;
      throw new GraphQLError(message, { extensions: { type: "NOT_FOUND" } });
    }
    if (block !== undefined) {
      const message = "Resource not accessible by integration";
      throw new GraphQLError(message, { extensions: { type: "FORBIDDEN" } });
    }
    return toRepositoryFields(repository, origin);
  }
}

interface RepositoryArguments {
  readonly owner: string;
  readonly name: string;
  readonly followRenames: boolean;
}

function toRepositoryFields({ id, full_name, private: isPrivate }: Repository, { html }: Origin) {
  const [, name] = full_name.split("/");
  return {
    databaseId: id,
    name,
    nameWithOwner: full_name,
    isPrivate,
    url: `${html}/${full_name}`,
  };
}

function toTypedError(error: GraphQLError): TypedError {
  const { extensions, ...rest } = error.toJSON();
  return extensions?.["type"] === undefined ? rest : { type: extensions["type"], ...rest };
}

function parseRequest(body: string) {
  try {
    const request: unknown = JSON.parse(body);
    if (typeof request !== "object" || request === null || !("query" in request)) return undefined;
    if (typeof request.query !== "string") return undefined;
    const variables = "variables" in request ? request.variables : {};
    const isObject = typeof variables === "object" && variables !== null;
    return { query: request.query, variables: isObject ? { ...variables } : {} };
  } catch {
    return undefined;
  }
}
