import { monotonicNow } from "../clock.ts";
import type { DeliveryStore } from "../delivery/delivery.ts";
import type { Receiver } from "../delivery/receiver.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { View } from "../run/snapshot.ts";
import type { Tracing } from "./tracing.ts";

type Emit = (events: readonly StoredEvent[]) => void;
type Store<Changes> = Pick<DeliveryStore<Changes>, "store" | "storeAndApply">;
type SnapshotSink = Pick<Broadcast<View>, "publish" | "publishIfChanged">;
type SpanContext = Tracing["context"];

/** The most events that one snapshot is linked to. */
const MAX_PENDING_CAUSES = 32;
/** A snapshot published later than this has another cause. */
const CAUSE_WINDOW_MS = 5_000;

/** Adds spans to the path of a webhook from its reception to the snapshot that shows it. Without tracing it returns its arguments. */
export class WebhookTracing {
  readonly #tracing: Tracing | undefined;
  #causes: { readonly cause: SpanContext; readonly at: number }[] = [];

  constructor(tracing: Tracing | undefined) {
    this.#tracing = tracing;
  }

  wrapReceiver<Changes>(
    receiver: Receiver<Changes>,
  ): Pick<Receiver<Changes>, "isConfigured" | "receive"> {
    const tracing = this.#tracing;
    if (!tracing) return receiver;
    return {
      isConfigured: receiver.isConfigured,
      receive: (webhook) =>
        tracing.runInSpan("delivery.receive", {
          "runwire.delivery.bytes": webhook.body.byteLength,
        }, async (span) => {
          const result = await receiver.receive(webhook);
          const isVerified = result.status !== "rejected";
          span.setAttributes({
            "runwire.delivery.outcome": isVerified ? result.status : result.code,
            // Unverified input is not recorded.
            ...(isVerified ? { "runwire.delivery.id": webhook.id ?? "" } : {}),
            ...(isVerified ? { "runwire.delivery.event": webhook.event ?? "" } : {}),
          });
          return result;
        }),
    };
  }

  wrapStore<Changes>(store: Store<Changes>): Store<Changes> {
    const tracing = this.#tracing;
    if (!tracing) return store;
    return {
      store: (delivery) =>
        tracing.runInSpan("delivery.store", {}, async (span) => {
          const status = await store.store(delivery);
          span.setAttribute("runwire.delivery.status", status);
          return status;
        }),
      storeAndApply: (delivery, changes) =>
        tracing.runInSpan("delivery.store", {}, async (span) => {
          const result = await store.storeAndApply(delivery, changes);
          span.setAttribute("runwire.delivery.status", result.status);
          return result;
        }),
    };
  }

  wrapEmit(emit: Emit): Emit {
    const tracing = this.#tracing;
    if (!tracing) return emit;
    return (events) => {
      const [first] = events;
      if (!first) return emit(events);
      const attributes = {
        "runwire.events": events.length,
        "runwire.event.first": first.seq,
      };
      tracing.runInSpanSync("feed.emit", { causes: [], attributes }, () => {
        this.#causes.push({ cause: tracing.context, at: monotonicNow() });
        if (this.#causes.length > MAX_PENDING_CAUSES) this.#causes.shift();
        emit(events);
      });
    };
  }

  wrapBroadcast(broadcast: Broadcast<View>): SnapshotSink {
    const tracing = this.#tracing;
    if (!tracing) return broadcast;
    const runInSpan = (publish: () => void) => {
      const causes = this.#drainCauses();
      if (causes.length === 0) return publish();
      tracing.runInSpanSync("broadcast", {
        causes,
        attributes: { "runwire.clients": broadcast.size },
      }, publish);
    };
    return {
      publish: (snapshot) => runInSpan(() => broadcast.publish(snapshot)),
      publishIfChanged: (snapshot) => runInSpan(() => broadcast.publishIfChanged(snapshot)),
    };
  }

  #drainCauses(): SpanContext[] {
    const since = monotonicNow() - CAUSE_WINDOW_MS;
    const causes = this.#causes.filter(({ at }) => at >= since).map(({ cause }) => cause);
    this.#causes = [];
    return causes;
  }
}
