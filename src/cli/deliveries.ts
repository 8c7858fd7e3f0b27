import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import type { DeliveryState } from "../delivery/delivery.ts";
import { Redelivery } from "../delivery/redelivery.ts";
import { GitHubError, UsageError } from "../errors.ts";
import { GitHubWebhookDeliveries } from "../github/webhook_deliveries.ts";
import { SqlDeliveryStore } from "../sql/delivery/delivery.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { environment } from "./environment.ts";
import { connectDatabase, connectGitHub } from "./connect.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";
import { sanitize } from "./format.ts";

const MAX_REPOSITORIES = 100;

/** `runwire deliveries list`: the latest deliveries, a line each, parted by tabs. */
export async function listDeliveries(
  { state, limit }: { state: DeliveryState | undefined; limit: number },
): Promise<void> {
  await using database = await connectDatabase();
  const store = new SqlDeliveryStore(database, systemClock);
  for (const delivery of await store.list({ limit, ...(state ? { state } : {}) })) {
    const { id, event, action, receivedAt, failures, error: reason } = delivery;
    print(
      [
        new Date(receivedAt).toISOString(),
        delivery.state,
        id,
        action === null ? event : `${event}.${action}`,
        failures === 1 ? "1 failure" : `${failures} failures`,
        reason ?? "-",
      ].map(sanitize).join("\t"),
    );
  }
}

/** `runwire deliveries retry ID`: applies a parked delivery again. */
export async function retryDelivery(id: string): Promise<void> {
  await using database = await connectDatabase();
  if (!await new SqlDeliveryStore(database, systemClock).retry(id)) {
    throw new UsageError(
      `Cannot retry "${id}": it is not parked; see runwire deliveries list --state parked`,
    );
  }
  print(`Delivery ${id} is due again, and is applied within 30 s by the Runwire that serves`);
}

/** `runwire deliveries redeliver`: asks GitHub for what it could not deliver in the last 3 days. */
export async function redeliver(signal: AbortSignal): Promise<void> {
  const config = readConfig(environment());
  await using database = await connectDatabase();
  const repositories = await new SqlRepositoryStore(database, systemClock).listRecentlyPushed(
    MAX_REPOSITORIES,
  );
  const { publicUrl } = config.server;
  const deliveries = new GitHubWebhookDeliveries({
    github: connectGitHub(config),
    repositories: () => repositories.map((repository) => repository.fullName),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  });
  const bar = new ProgressBar("Asking GitHub", systemClock);
  try {
    const redelivery = new Redelivery({ attempts: deliveries, clock: systemClock });
    const { found, requested: asked, remaining: left } = await redelivery.run(signal, {
      onProgress: ({ found, requested: asked }) => bar.show(asked, found),
    });
    bar.close();
    print(`${found} deliveries never arrived, asked for ${asked}, left ${left}`);
    for (const name of deliveries.skippedRepositories) {
      print(`Cannot see the hooks of ${sanitize(name)}`);
    }
  } catch (error) {
    bar.close();
    if (error instanceof GitHubError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
