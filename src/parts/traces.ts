import type { Tracing } from "../tracing/tracing.ts";
import { monotonicNow } from "../clock.ts";
import type { Receiver } from "../delivery/receiver.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { View } from "../run/snapshot.ts";
import type { SqlDeliveryStore } from "../sql/delivery/delivery.ts";

type Emit = (events: readonly StoredEvent[]) => void;
type Store = Pick<SqlDeliveryStore, "store" | "storeAndApply">;
type SnapshotSink = Pick<Broadcast<View>, "publish" | "publishIfChanged">;
type SpanContext = Tracing["context"];

/** Of what has changed between two snapshots; of the rest is not told what it came to. */
const MAX_PENDING_CAUSES = 32;
/** A snapshot that comes later comes of something else. */
const CAUSE_WINDOW_MS = 5_000;

/** Puts spans around the way of a webhook: it is received, stored, told to the feed, and shown in a snapshot. */
export class WebhookTracing {
  readonly #tracing: Tracing;
  #causes: { readonly cause: SpanContext; readonly at: number }[] = [];

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  receiver<Changes>(
    receiver: Receiver<Changes>,
  ): Pick<Receiver<Changes>, "isConfigured" | "receive"> {
    return {
      isConfigured: receiver.isConfigured,
      receive: (webhook) =>
        this.#tracing.runInSpan("delivery.receive", {
          "runwire.delivery.bytes": webhook.body.byteLength,
        }, async (span) => {
          const result = await receiver.receive(webhook);
          const isVerified = result.status !== "rejected";
          span.setAttributes({
            "runwire.delivery.outcome": isVerified ? result.status : result.code,
            // Of what is not believed nothing is repeated.
            ...(isVerified ? { "runwire.delivery.id": webhook.id ?? "" } : {}),
            ...(isVerified ? { "runwire.delivery.event": webhook.event ?? "" } : {}),
          });
          return result;
        }),
    };
  }

  store(store: Store): Store {
    return {
      store: (delivery) =>
        this.#tracing.runInSpan("delivery.store", {}, async (span) => {
          const status = await store.store(delivery);
          span.setAttribute("runwire.delivery.receipt", status);
          return status;
        }),
      storeAndApply: (delivery, changes) =>
        this.#tracing.runInSpan("delivery.store", {}, async (span) => {
          const result = await store.storeAndApply(delivery, changes);
          span.setAttribute("runwire.delivery.receipt", result.status);
          return result;
        }),
    };
  }

  emit(emit: Emit): Emit {
    return (events) => {
      const [first] = events;
      if (!first) return emit(events);
      const attributes = {
        "runwire.events": events.length,
        "runwire.event.first": first.seq,
      };
      this.#tracing.runInSpanSync("feed.emit", { causes: [], attributes }, () => {
        this.#causes.push({ cause: this.#tracing.context, at: monotonicNow() });
        if (this.#causes.length > MAX_PENDING_CAUSES) this.#causes.shift();
        emit(events);
      });
    };
  }

  broadcast(broadcast: Broadcast<View>): SnapshotSink {
    return {
      publish: (frame) => this.#runInBroadcastSpan(broadcast, () => broadcast.publish(frame)),
      publishIfChanged: (frame) =>
        this.#runInBroadcastSpan(broadcast, () => broadcast.publishIfChanged(frame)),
    };
  }

  #runInBroadcastSpan({ size }: Broadcast<View>, show: () => void): void {
    const since = monotonicNow() - CAUSE_WINDOW_MS;
    const causes = this.#causes.filter(({ at }) => at >= since).map(({ cause }) => cause);
    this.#causes = [];
    const attributes = { "runwire.clients": size };
    this.#tracing.runInSpanSync("broadcast", { causes, attributes }, show);
  }
}
