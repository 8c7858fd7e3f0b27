import type { SelectQueryBuilder } from "kysely";
import type { Tables } from "./tables.ts";

/** Counted from 1. */
export interface PageRequest {
  readonly page: number;
  readonly perPage: number;
}

/** Takes the rows of a page alone: `query.$call(pageOf(page))`. */
export function limitOffset({ page, perPage }: PageRequest) {
  return <T extends keyof Tables, Row>(
    query: SelectQueryBuilder<Tables, T, Row>,
  ): SelectQueryBuilder<Tables, T, Row> => query.limit(perPage).offset((page - 1) * perPage);
}
