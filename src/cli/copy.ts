import { systemClock } from "../clock.ts";
import { readDatabaseUrl } from "../config.ts";
import { notFound } from "../error_text.ts";
import { UsageError } from "../errors.ts";
import { copyDatabase, openForCopy } from "../sql/copy.ts";
import { environment } from "./environment.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";

export interface CopyUrls {
  readonly from: string;
  /** Default: `DATABASE_URL`. */
  readonly to?: string;
}

/** `runwire copy --from URL --to URL`: copies all data into an empty database, in one transaction. */
export async function copy({ from, ...urls }: CopyUrls, signal: AbortSignal): Promise<void> {
  const to = urls.to ?? readDatabaseUrl(environment());
  await checkUrls(from, to);
  await using source = await openForCopy(from, systemClock);
  await using target = await openForCopy(to, systemClock);
  const bar = new ProgressBar("Copying rows", systemClock);
  const tables = await copyDatabase(source, target, {
    signal,
    clock: systemClock,
    onProgress: ({ done, total }) => bar.show(done, total),
  }).catch((error) => {
    if (!signal.aborted) throw error;
    throw new Error("Interrupted: nothing was copied", { cause: error });
  }).finally(() => bar.close());
  for (const { name, rows } of tables) print(`${rows}\t${name}`);
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  print(
    `Copied ${rows} rows of ${tables.length} tables from ${source.name} to ${target.name}; ` +
      "counts match",
  );
}

async function checkUrls(from: string, to: string): Promise<void> {
  if (from === to) throw new UsageError("Cannot copy a database into itself");
  if ([from, to].includes("sqlite::memory:")) {
    throw new UsageError("Cannot copy an in-memory database");
  }
  const path = from.startsWith("sqlite:") ? from.slice("sqlite:".length) : undefined;
  // SQLite would create the file.
  if (path && !await Deno.stat(path).catch(() => undefined)) {
    throw new UsageError(notFound("Database file", path));
  }
}
