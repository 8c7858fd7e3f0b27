import { systemClock } from "../clock.ts";
import { readConfig } from "../config.ts";
import type { DeliveryState } from "../delivery/delivery.ts";
import { Redelivery } from "../delivery/redelivery.ts";
import { GitHubError, UsageError } from "../errors.ts";
import { GitHubWebhookDeliveries } from "../github/webhook_deliveries.ts";
import { SqlDeliveryStore } from "../sql/delivery/delivery.ts";
import { SqlRepositoryStore } from "../sql/repository.ts";
import { connectDatabase, connectGitHub, environment } from "./environment.ts";
import { sanitize } from "./format.ts";
import { print } from "./print.ts";
import { ProgressBar } from "./progress.ts";

const MAX_REPOSITORIES = 100;

/** `runwire deliveries list`: the latest deliveries, one per line, tab-separated. */
export async function listDeliveries(
  { state, limit }: { state: DeliveryState | undefined; limit: number },
): Promise<void> {
  await using database = await connectDatabase();
  const store = new SqlDeliveryStore(database, systemClock);
  for (const delivery of await store.list({ limit, ...(state ? { state } : {}) })) {
    const { id, event, action, receivedAt, failures, error } = delivery;
    print(
      [
        new Date(receivedAt).toISOString(),
        delivery.state,
        id,
        action === null ? event : `${event}.${action}`,
        failures === 1 ? "1 failure" : `${failures} failures`,
        error ?? "-",
      ].map(sanitize).join("\t"),
    );
  }
}

/** `runwire deliveries retry ID`: queues a parked delivery to be applied again. */
export async function retryDelivery(id: string): Promise<void> {
  await using database = await connectDatabase();
  if (!await new SqlDeliveryStore(database, systemClock).retry(id)) {
    throw new UsageError(
      `Delivery "${id}" is not parked; run "runwire deliveries list --state parked"`,
    );
  }
  print(`Queued delivery ${id}; a running server applies it within 30 s`);
}

/** `runwire deliveries redeliver`: asks GitHub to redeliver the failed deliveries of the last 3 days. */
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
  const bar = new ProgressBar("Requesting redeliveries", systemClock);
  try {
    const redelivery = new Redelivery({ attempts: deliveries, clock: systemClock });
    const { found, requested, remaining } = await redelivery.run(signal, {
      onProgress: ({ found, requested }) => bar.show(requested, found),
    });
    bar.close();
    print(`Found ${found} failed deliveries, requested ${requested}, remaining ${remaining}`);
    for (const name of deliveries.skippedRepositories) {
      print(`No access to the webhooks of ${sanitize(name)}`);
    }
  } catch (error) {
    bar.close();
    if (error instanceof GitHubError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
