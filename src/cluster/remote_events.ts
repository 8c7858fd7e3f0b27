import type { EncodedEvent, RepositoryEvent, StatusEvent, StoredEvent } from "../feed/event.ts";
import type { Feed } from "../feed/feed.ts";

export interface RemoteEventsOptions {
  readonly feed: Feed;
  readonly onRepository: (data: RepositoryEvent["data"]) => void;
  readonly onStatus: (data: StatusEvent["data"]) => void;
  /** Something that a snapshot may show has changed. */
  readonly onChange: () => void;
}

/** Notices what other instances have kept, as far as it concerns snapshots. */
export class RemoteEvents {
  readonly #options: RemoteEventsOptions;
  /** The numbers of events that were kept here, where whoever is concerned was told of them. */
  readonly #localSeqs = new Set<number>();

  constructor(options: RemoteEventsOptions) {
    this.#options = options;
  }

  /** These were kept here. */
  ignoreLocal(events: readonly StoredEvent[]): void {
    for (const { seq } of events) this.#localSeqs.add(seq);
  }

  /** Resolves when `signal` aborts. Throws what the journal throws. */
  async run(signal: AbortSignal): Promise<void> {
    const { feed, onChange } = this.#options;
    const allVisible = () => "all" as const;
    for await (const batch of await feed.subscribe({ visibility: allVisible, signal })) {
      if ("events" in batch) { for (const event of batch.events) this.#handle(event); }
      else {
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
