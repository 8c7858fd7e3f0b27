import { systemClock } from "../../../src/clock.ts";
import { ActiveClients } from "../../../src/feed/active_clients.ts";
import { PollCycle } from "../../../src/run/polling/poll_cycle.ts";
import type { GitHubRateLimit } from "../../../src/run/github_rate_limit.ts";
import { type Phase, Poller } from "../../../src/run/polling/poller.ts";
import { SnapshotPublisher } from "../../../src/run/polling/snapshot_publisher.ts";
import type { Snapshot } from "../../../src/run/snapshot.ts";
import { SnapshotBuilder } from "../../../src/run/snapshot_builder.ts";
import type { StoredEvent } from "../../../src/feed/event.ts";
import { FakeGitHub } from "../stores/github.ts";
import { MemoryRepositoryStore, MemoryRunStore } from "../stores/memory_stores.ts";

const SNAPSHOT_SIZE = { repositories: 3, runs: 2, fetches: 5 };
export const POLLER_INTERVAL_MS = 12_000;

/** A running poller with a fake GitHub. `await using` stops it. */
export class PollerUnderTest {
  readonly github = new FakeGitHub();
  readonly activeClients = new ActiveClients();
  readonly snapshots: { readonly at: number; readonly snapshot: Snapshot }[] = [];
  readonly phases: Phase[] = [];
  readonly events: StoredEvent[] = [];
  readonly store = new MemoryRunStore();
  readonly snapshotBuilder = new SnapshotBuilder({ size: SNAPSHOT_SIZE, store: this.store });
  rateLimit: () => GitHubRateLimit | undefined = () => undefined;
  readonly publisher: SnapshotPublisher;
  readonly poller: Poller;
  readonly #stop = new AbortController();
  readonly #finished: Promise<void>;

  constructor() {
    const { github, store, snapshotBuilder } = this;
    const cycle = new PollCycle({
      size: SNAPSHOT_SIZE,
      clock: systemClock,
      random: () => 0,
      repositories: github,
      runs: github,
      store,
      repositoryStore: new MemoryRepositoryStore(),
      snapshotBuilder,
      onEvents: (events) => this.events.push(...events),
    });
    const record = (snapshot: Snapshot) => {
      this.snapshots.push({ at: systemClock.now(), snapshot });
    };
    this.publisher = new SnapshotPublisher({
      broadcast: { publish: record, publishIfChanged: record },
      intervalMs: POLLER_INTERVAL_MS,
      clock: systemClock,
    });
    const readRateLimit = () => this.rateLimit();
    this.poller = new Poller({
      cycle,
      intervalMs: POLLER_INTERVAL_MS,
      clock: systemClock,
      activeClients: this.activeClients,
      github: {
        get rateLimit() {
          return readRateLimit();
        },
        get backoff() {
          return github.gate.backoff;
        },
      },
      snapshots: this.publisher,
      onPhase: (phase) => this.phases.push(phase),
    });
    github.repositories = ["octo/a", "octo/b", "octo/c"];
    this.#finished = this.poller.run(this.#stop.signal);
  }

  /** The snapshot for a client that connects now. */
  get current(): Snapshot | undefined {
    return this.publisher.current({ isNextDue: this.poller.isSnapshotDue });
  }

  get frames(): string[] {
    return this.snapshots.map(({ snapshot }) => snapshot.encode("compact", "all"));
  }

  /** The times of the snapshots, in ms. */
  get snapshotTimes(): number[] {
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
