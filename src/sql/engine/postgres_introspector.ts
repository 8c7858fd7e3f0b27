import { type DatabaseIntrospector, type Kysely, sql, type TableMetadata } from "kysely";

/**
 * What the migrator asks of PostgreSQL: which tables are in our own schema. Kysely's looks through all schemas with all their
 * columns, and fails when somebody else drops one meanwhile.
 */
export class CurrentSchemaIntrospector implements DatabaseIntrospector {
  // deno-lint-ignore no-explicit-any -- as Kysely hands it over
  readonly #db: Kysely<any>;

  // deno-lint-ignore no-explicit-any -- as Kysely hands it over
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
