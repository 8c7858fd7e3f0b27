/** Parts of SQL that several queries share. */
import {
  type Kysely,
  PostgresAdapter,
  type RawBuilder,
  type SelectQueryBuilder,
  sql,
  type SqlBool,
} from "kysely";
import type { Visibility } from "../visibility.ts";
import type { Db } from "./handles.ts";
import type { Tables } from "./tables.ts";

/** Milliseconds since the epoch by PostgreSQL's clock, so that the clocks of instances do not matter. */
export const NOW_MS = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;

export function isPostgres(db: Pick<Kysely<unknown>, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

/** Page numbers start at 1. */
export interface PageRequest {
  readonly page: number;
  readonly perPage: number;
}

/** Limits a query to the rows of a page: `query.$call(limitOffset(page))`. */
export function limitOffset({ page, perPage }: PageRequest) {
  return <T extends keyof Tables, Row>(
    query: SelectQueryBuilder<Tables, T, Row>,
  ): SelectQueryBuilder<Tables, T, Row> => query.limit(perPage).offset((page - 1) * perPage);
}

const EMPTY_VISIBILITY: Visibility = new Set<string>();

/**
 * The condition that `name`, a repository's name in lower case, is visible; `undefined` if all repositories are, so that such
 * a query costs nothing extra. Binds one parameter, however many names there are.
 */
export function visibleCondition(
  db: Db,
  visibility: Visibility,
  name: RawBuilder<unknown>,
): RawBuilder<SqlBool> | undefined {
  if (visibility === "all") return undefined;
  const names = [...visibility];
  return isPostgres(db)
    ? sql<SqlBool>`${name} = any(${names}::text[])`
    : sql<SqlBool>`${name} in (select value from json_each(${JSON.stringify(names)}))`;
}

/** Narrows a visibility to the requested repository. The query filters by its name, so the result is all or nothing. */
export function narrowVisibility(
  { visibility, repository }: {
    readonly visibility: Visibility;
    readonly repository?: string | undefined;
  },
): Visibility {
  if (visibility === "all" || repository === undefined) return visibility;
  return visibility.has(repository.toLowerCase()) ? "all" : EMPTY_VISIBILITY;
}

export function isEmptyVisibility(visibility: Visibility): boolean {
  return visibility !== "all" && visibility.size === 0;
}
