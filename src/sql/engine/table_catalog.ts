import { sql } from "kysely";
import type { DatabaseKind, Db } from "../handles.ts";

/** A table as the database describes it. */
export interface TableDefinition {
  readonly name: string;
  /** All columns except generated ones. */
  readonly columns: readonly string[];
  /** Columns of type text, which may be long. */
  readonly textColumns: readonly string[];
  /** The columns of the primary key, in its order. */
  readonly primaryKey: readonly string[];
  /** The identity column of PostgreSQL. */
  readonly identityColumn: string | undefined;
  /** The tables that its foreign keys refer to. */
  readonly references: readonly string[];
}

interface ColumnRow {
  readonly table: string;
  readonly column: string;
  readonly type: string;
  /** The position in the primary key; `null` for other columns. */
  readonly position: number | null;
  readonly is_identity: boolean | number;
}

interface ReferenceRow {
  readonly table: string;
  readonly target: string;
}

/** Tables of Kysely's migrator and of SQLite. */
const INTERNAL_TABLES = /^(kysely|sqlite)_/;

/** Reads all tables, each after the ones it refers to. Virtual tables (FTS) are left out: triggers fill them. */
export async function readTables(
  db: Db,
  kind: DatabaseKind,
): Promise<readonly TableDefinition[]> {
  const [columns, references] = kind === "sqlite"
    ? [await sqliteColumns(db), await sqliteReferences(db)]
    : [await postgresColumns(db), await postgresReferences(db)];
  const columnsByTable = Map.groupBy(columns, ({ table }) => table);
  const tables = [...columnsByTable].filter(([name]) => !INTERNAL_TABLES.test(name)).map((
    [name, tableColumns],
  ) => ({
    name,
    columns: tableColumns.map(({ column }) => column),
    textColumns: tableColumns.filter(({ type }) => type === "text").map(({ column }) => column),
    primaryKey: tableColumns.filter(({ position }) => position !== null)
      .sort((a, b) => Number(a.position) - Number(b.position)).map(({ column }) => column),
    identityColumn: tableColumns.find(({ is_identity }) => is_identity)?.column,
    references: references.filter(({ table }) => table === name).map(({ target }) => target)
      .filter((target) => target !== name),
  }));
  return sortByReferences(tables);
}

function sortByReferences(tables: readonly TableDefinition[]): readonly TableDefinition[] {
  const ordered: TableDefinition[] = [];
  let remaining = tables;
  while (remaining.length > 0) {
    const waiting = new Set(remaining.map(({ name }) => name));
    const ready = remaining.filter(({ references }) =>
      !references.some((name) => waiting.has(name))
    );
    if (ready.length === 0) {
      throw new Error(`Cannot sort tables: ${[...waiting]} refer to each other`);
    }
    ordered.push(...ready);
    remaining = remaining.filter((table) => !ready.includes(table));
  }
  return ordered;
}

/** Hidden columns are generated: https://sqlite.org/pragma.html#pragma_table_xinfo */
async function sqliteColumns(db: Db): Promise<readonly ColumnRow[]> {
  const { rows } = await sql<ColumnRow>`select t.name as "table", c.name as "column",
      lower(c.type) as type, nullif(c.pk, 0) as position, 0 as is_identity
    from pragma_table_list as t join pragma_table_xinfo(t.name) as c
    where t.schema = 'main' and t.type = 'table' and c.hidden = 0
    order by t.name, c.cid`.execute(db);
  return rows;
}

async function sqliteReferences(db: Db): Promise<readonly ReferenceRow[]> {
  const { rows } = await sql<ReferenceRow>`select t.name as "table", f."table" as target
    from pragma_table_list as t join pragma_foreign_key_list(t.name) as f
    where t.schema = 'main' and t.type = 'table'`.execute(db);
  return rows;
}

async function postgresColumns(db: Db): Promise<readonly ColumnRow[]> {
  const { rows } = await sql<ColumnRow>`select t.relname as "table", c.attname as "column",
      format_type(c.atttypid, null) as type,
      array_position(i.indkey::int2[], c.attnum) as position, c.attidentity <> '' as is_identity
    from pg_class as t
    join pg_namespace as n on n.oid = t.relnamespace and n.nspname = current_schema()
    join pg_attribute as c on c.attrelid = t.oid and c.attnum > 0
    left join pg_index as i on i.indrelid = t.oid and i.indisprimary
    where t.relkind in ('r', 'p') and not c.attisdropped and c.attgenerated = ''
    order by t.relname, c.attnum`.execute(db);
  return rows;
}

async function postgresReferences(db: Db): Promise<readonly ReferenceRow[]> {
  const { rows } = await sql<ReferenceRow>`select t.relname as "table", r.relname as target
    from pg_constraint as f
    join pg_class as t on t.oid = f.conrelid
    join pg_class as r on r.oid = f.confrelid
    join pg_namespace as n on n.oid = t.relnamespace and n.nspname = current_schema()
    where f.contype = 'f'`.execute(db);
  return rows;
}
