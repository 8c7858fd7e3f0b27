import type { Kysely } from "kysely";
import { createAccountTables } from "./initial/account.ts";
import { createClusterTables } from "./initial/cluster.ts";
import { createDeliveryTables } from "./initial/delivery.ts";
import { createEventTables } from "./initial/event.ts";
import { createRepositoryTables } from "./initial/repository.ts";
import { createRunTables } from "./initial/run.ts";
import { createStatisticsTables } from "./initial/statistics.ts";

/** The whole schema of the first release. The columns are described in tables.ts. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await createRepositoryTables(db);
  await createRunTables(db);
  await createStatisticsTables(db);
  await createEventTables(db);
  await createDeliveryTables(db);
  await createAccountTables(db);
  await createClusterTables(db);
}
