import type { Clock } from "../clock.ts";
import type { Api } from "../http/api.ts";
import { repositoryRoutes } from "../http/routes/repository.ts";
import { runRoutes } from "../http/routes/run.ts";
import { statisticsRoutes } from "../http/routes/statistics.ts";
import { workflowRoutes } from "../http/routes/workflow.ts";
import type { FollowManager } from "../repository/follow_manager.ts";
import { SqlCatalog } from "../sql/catalog.ts";
import type { Database } from "../sql/database.ts";
import { SqlRunHistory } from "../sql/run/run_history.ts";
import { SqlStatisticsStore } from "../sql/statistics/statistics.ts";

export interface ApiRoutesOptions {
  readonly database: Database;
  readonly followManager: FollowManager;
  readonly clock: Clock;
}

/** The REST API over what is kept. */
export function createApiRoutes(
  { database, followManager, clock }: ApiRoutesOptions,
): readonly Api[] {
  const catalog = new SqlCatalog(database);
  const history = new SqlRunHistory(database);
  return [
    runRoutes({ history }),
    workflowRoutes({ catalog, history }),
    repositoryRoutes({ catalog, following: followManager, clock }),
    statisticsRoutes({ statistics: new SqlStatisticsStore(database), clock }),
  ];
}
