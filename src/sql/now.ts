import { sql } from "kysely";

/** In ms since the epoch, by the clock of PostgreSQL, so that instances need not agree on the time. */
export const NOW_MS = sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`;
