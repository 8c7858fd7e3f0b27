import { systemClock } from "../../src/clock.ts";
import { ActiveClients } from "../../src/feed/active_clients.ts";
import { PollCycle } from "../../src/run/polling/poll_cycle.ts";
import type { GitHubRateLimit } from "../../src/run/github_rate_limit.ts";
import { type Phase, Poller } from "../../src/run/polling/poller.ts";
import type { Snapshot } from "../../src/run/snapshot.ts";
import { SnapshotBuilder } from "../../src/run/snapshot_builder.ts";
import type { StoredEvent } from "../../src/feed/event.ts";
import { FakeGitHub } from "./github.ts";
import { MemoryRepositoryStore, MemoryRunStore } from "./stores.ts";

const SIZE = { repositories: 3, runs: 2, fetches: 5 };
export const BEAT_MS = 12_000;

/** A running poller over a GitHub in the test's hand. `await using` stops it. */
export class PollerUnderTest {
  readonly github = new FakeGitHub();
  readonly audience = new ActiveClients();
  readonly snapshots: { readonly at: number; readonly snapshot: Snapshot }[] = [];
  readonly phases: Phase[] = [];
  readonly events: StoredEvent[] = [];
  readonly store = new MemoryRunStore();
  readonly picture = new SnapshotBuilder({ size: SIZE, store: this.store });
  budget: () => GitHubRateLimit | undefined = () => undefined;
  readonly poller: Poller;
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;

  constructor() {
    const { github, store, picture } = this;
    const cycle = new PollCycle({
      size: SIZE,
      clock: systemClock,
      random: () => 0,
      repositories: github,
      runs: github,
      store,
      repositoryStore: new MemoryRepositoryStore(),
      snapshotBuilder: picture,
      onEvents: (events) => this.events.push(...events),
    });
    this.poller = new Poller({
      cycle,
      interval: BEAT_MS,
      clock: systemClock,
      random: () => 0,
      activeClients: this.audience,
      rateLimit: () => this.budget(),
      onSnapshot: (snapshot) => this.snapshots.push({ at: systemClock.now(), snapshot }),
      onPhase: (phase) => this.phases.push(phase),
    });
    github.repositories = ["octo/a", "octo/b", "octo/c"];
    this.#finished = this.poller.run(this.#stop.signal);
  }

  get frames(): string[] {
    return this.snapshots.map(({ snapshot }) => snapshot.encode("compact", "all"));
  }

  /** When snapshots came, in ms. */
  get beats(): number[] {
    return this.snapshots.map(({ at }) => at);
  }

  /** Resolves when the poller has stopped. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
