import {
  RedeliveryOnStart,
  type RedeliveryOnStartOptions,
} from "../delivery/redelivery_on_start.ts";
import { Redelivery } from "../delivery/redelivery.ts";
import type { GitHub } from "../github/client.ts";
import { GitHubWebhookDeliveries } from "../github/webhook_deliveries.ts";

export interface RedeliveryOptions extends Omit<RedeliveryOnStartOptions, "createRedelivery"> {
  readonly github: GitHub;
  readonly publicUrl: string | undefined;
}

/** The part of App that asks GitHub for what it could not deliver. */
export function createRedeliveryOnStart(options: RedeliveryOptions): RedeliveryOnStart {
  const { github, publicUrl, clock } = options;
  return new RedeliveryOnStart({
    ...options,
    createRedelivery: (repositories) =>
      new Redelivery({
        attempts: new GitHubWebhookDeliveries({
          github,
          repositories: () => repositories,
          ...(publicUrl === undefined ? {} : { publicUrl }),
        }),
        clock,
      }),
  });
}
