import { type Kysely, PostgresAdapter, type RawBuilder, sql, type SqlBool } from "kysely";
import type { Visibility } from "../visibility.ts";
import type { Db } from "./database.ts";

export function isPostgres(db: Pick<Kysely<unknown>, "getExecutor">): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter;
}

const EMPTY_VISIBILITY: Visibility = new Set<string>();

/**
 * The condition that `name`, a repository's in lower case, is of one that may be seen; `undefined` where all may be, so that a
 * query is none the slower. However many they are, they are one value.
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

/** What may be seen of what is asked for: of one repository that is named all or nothing, which the name then decides. */
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
