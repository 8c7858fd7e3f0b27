import { RedeliveryOnStart, type RedeliveryOnStartOptions } from "../delivery/start.ts";
import { Sweep } from "../delivery/sweep.ts";
import type { GitHub } from "../github/client.ts";
import { GitHubHooks } from "../github/hook.ts";

export interface RedeliveryOptions extends Omit<RedeliveryOnStartOptions, "sweep"> {
  readonly github: GitHub;
  readonly publicUrl: string | undefined;
}

/** The part of App that asks GitHub for what it could not deliver. */
export function redeliveryOnStart(options: RedeliveryOptions): RedeliveryOnStart {
  const { github, publicUrl, clock } = options;
  return new RedeliveryOnStart({
    ...options,
    sweep: (repositories) =>
      new Sweep({
        attempts: new GitHubHooks({
          github,
          repositories: () => repositories,
          ...(publicUrl === undefined ? {} : { publicUrl }),
        }),
        clock,
      }),
  });
}
