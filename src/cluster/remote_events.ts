import type { EncodedEvent, RepositoryEvent, StatusEvent, StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";

interface RemoteEventsOptions {
  readonly feed: Feed;
  readonly onRepository: (data: RepositoryEvent["data"]) => void;
  readonly onStatus: (data: StatusEvent["data"]) => void;
  /** Called when anything that a snapshot may show has changed. */
  readonly onChange: () => void;
}

/** Passes the events of other instances to the snapshots of this one. */
export class RemoteEvents {
  readonly #options: RemoteEventsOptions;
  /** The numbers of events that this instance stored, which the snapshots show already. */
  readonly #localSeqs = new Set<number>();

  constructor(options: RemoteEventsOptions) {
    this.#options = options;
  }

  /** Call this with the events that this instance stored. */
  ignoreLocal(events: readonly StoredEvent[]): void {
    for (const { seq } of events) this.#localSeqs.add(seq);
  }

  /** Resolves when `signal` aborts. Throws the errors of the event log. */
  async run(signal: AbortSignal): Promise<void> {
    const { feed, onChange } = this.#options;
    const allVisible = () => "all" as const;
    for await (const batch of await feed.subscribe({ visibility: allVisible, signal })) {
      if ("events" in batch) {
        for (const event of batch.events) this.#handle(event);
      } else {
        this.#localSeqs.clear();
        onChange();
      }
    }
  }

  #handle({ seq, type, json }: EncodedEvent): void {
    const { onRepository, onStatus, onChange } = this.#options;
    if (this.#localSeqs.delete(seq)) return;
    if (type === "status") onStatus(JSON.parse(json).data);
    if (type === "repository") onRepository(JSON.parse(json).data);
    if (type === "run" || type === "repository") onChange();
  }
}
