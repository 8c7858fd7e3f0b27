import { type DatabaseIntrospector, type Kysely, sql, type TableMetadata } from "kysely";

/**
 * Lists the tables of the current schema for the migrator. Kysely's introspector reads all schemas with all their columns, and
 * fails if one is dropped at the same time.
 */
export class CurrentSchemaIntrospector implements DatabaseIntrospector {
  // deno-lint-ignore no-explicit-any -- the type that Kysely declares
  readonly #db: Kysely<any>;

  // deno-lint-ignore no-explicit-any -- the type that Kysely declares
  constructor(db: Kysely<any>) {
    this.#db = db;
  }

  async getSchemas(): Promise<{ name: string }[]> {
    const { rows } = await sql<{ name: string }>`select current_schema() as name`.execute(this.#db);
    return rows;
  }

  async getTables(): Promise<TableMetadata[]> {
    const { rows } = await sql<{ schema: string; name: string }>`
      select schemaname as schema, tablename as name from pg_tables
      where schemaname = current_schema()`.execute(this.#db);
    return rows.map((row) => ({ ...row, isView: false, isForeign: false, columns: [] }));
  }

  async getMetadata(): Promise<{ tables: TableMetadata[] }> {
    return { tables: await this.getTables() };
  }
}
