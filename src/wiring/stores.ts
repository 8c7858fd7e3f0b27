import type { Cipher } from "../account/crypto.ts";
import type { Clock } from "../clock.ts";
import { SqlAccessStore } from "../sql/account/access.ts";
import { SqlApiKeyStore } from "../sql/account/api_key.ts";
import { SqlSessionStore } from "../sql/account/session.ts";
import { SqlTicketStore } from "../sql/account/ticket.ts";
import { SqlUserStore } from "../sql/account/user.ts";
import { SqlCatalog } from "../sql/catalog.ts";
import { SqlSharedSnapshotStore } from "../sql/cluster/shared_snapshot.ts";
import type { Database } from "../sql/database.ts";
import { SqlDeliveryStore } from "../sql/delivery/delivery.ts";
import { SqlEventLog } from "../sql/event_log.ts";
import { SqlFollowStore } from "../sql/follow_store.ts";
import { SqlMessageStore } from "../sql/message.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { SqlBackfillStore } from "../sql/run/backfill.ts";
import { SqlJobStore } from "../sql/run/job.ts";
import { SqlRunStore } from "../sql/run/run.ts";
import { SqlRunHistory } from "../sql/run/run_history.ts";
import { SqlRecomputeQueue } from "../sql/statistics/recompute_queue.ts";
import { SqlStatisticsStore } from "../sql/statistics/statistics.ts";

export type Stores = ReturnType<typeof sqlStores>;

/** Every store over one database. */
export function sqlStores(
  database: Database,
  { clock, cipher }: { readonly clock: Clock; readonly cipher: Cipher },
) {
  return {
    runs: new SqlRunStore(database, clock),
    jobs: new SqlJobStore(database),
    history: new SqlRunHistory(database),
    statistics: new SqlStatisticsStore(database),
    recomputeQueue: new SqlRecomputeQueue(database),
    backfills: new SqlBackfillStore(database, clock),
    sharedSnapshots: new SqlSharedSnapshotStore(database),
    repositories: new SqlRepositoryStore(database, clock),
    follows: new SqlFollowStore(database, clock),
    catalog: new SqlCatalog(database),
    deliveries: new SqlDeliveryStore(database, clock),
    eventLog: new SqlEventLog(database, clock),
    messages: new SqlMessageStore(database, clock),
    users: new SqlUserStore({ database, clock, cipher }),
    sessions: new SqlSessionStore(database, clock),
    apiKeys: new SqlApiKeyStore(database, clock),
    tickets: new SqlTicketStore(database, clock),
    access: new SqlAccessStore(database),
  };
}
