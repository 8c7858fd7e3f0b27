import type { Tracing } from "../tracing/tracing.ts";
import { monotonicNow } from "../clock.ts";
import type { Receiver } from "../delivery/receiver.ts";
import type { Broadcast } from "../feed/broadcast.ts";
import type { StoredEvent } from "../feed/event.ts";
import type { View } from "../run/snapshot.ts";
import type { SqlDeliveryStore } from "../sql/delivery/delivery.ts";

type Tell = (events: readonly StoredEvent[]) => void;
type Store = Pick<SqlDeliveryStore, "store" | "storeAndApply">;
type Frames = Pick<Broadcast<View>, "publish" | "publishIfChanged">;
type Cause = Tracing["context"];

/** Of what has changed between two snapshots; of the rest is not told what it came to. */
const MAX_CAUSES = 32;
/** A snapshot that comes later comes of something else. */
const CAUSE_MS = 5_000;

/** Puts spans around the way of a webhook: it is received, stored, told to the feed, and shown in a snapshot. */
export class WebhookTraces {
  readonly #tracing: Tracing;
  #causes: { readonly cause: Cause; readonly at: number }[] = [];

  constructor(tracing: Tracing) {
    this.#tracing = tracing;
  }

  receiver<Changes>(
    receiver: Receiver<Changes>,
  ): Pick<Receiver<Changes>, "isConfigured" | "receive"> {
    return {
      isConfigured: receiver.isConfigured,
      receive: (posted) =>
        this.#tracing.span("delivery.receive", {
          "runwire.delivery.bytes": posted.body.byteLength,
        }, async (span) => {
          const reception = await receiver.receive(posted);
          const isBelieved = reception.status !== "refused";
          span.setAttributes({
            "runwire.delivery.outcome": isBelieved ? reception.status : reception.code,
            // Of what is not believed nothing is repeated.
            ...(isBelieved ? { "runwire.delivery.id": posted.id ?? "" } : {}),
            ...(isBelieved ? { "runwire.delivery.event": posted.event ?? "" } : {}),
          });
          return reception;
        }),
    };
  }

  store(store: Store): Store {
    return {
      store: (delivery) =>
        this.#tracing.span("delivery.store", {}, async (span) => {
          const receipt = await store.store(delivery);
          span.setAttribute("runwire.delivery.receipt", receipt);
          return receipt;
        }),
      storeAndApply: (delivery, changes) =>
        this.#tracing.span("delivery.store", {}, async (span) => {
          const taken = await store.storeAndApply(delivery, changes);
          span.setAttribute("runwire.delivery.receipt", taken.status);
          return taken;
        }),
    };
  }

  tell(tell: Tell): Tell {
    return (events) => {
      const [first] = events;
      if (!first) return tell(events);
      const attributes = {
        "runwire.events": events.length,
        "runwire.event.first": first.seq,
      };
      this.#tracing.spanOf("feed.tell", { causes: [], attributes }, () => {
        this.#causes.push({ cause: this.#tracing.context, at: monotonicNow() });
        if (this.#causes.length > MAX_CAUSES) this.#causes.shift();
        tell(events);
      });
    };
  }

  broadcast(broadcast: Broadcast<View>): Frames {
    return {
      publish: (frame) => this.#show(broadcast, () => broadcast.publish(frame)),
      publishIfChanged: (frame) => this.#show(broadcast, () => broadcast.publishIfChanged(frame)),
    };
  }

  #show({ size }: Broadcast<View>, show: () => void): void {
    const since = monotonicNow() - CAUSE_MS;
    const causes = this.#causes.filter(({ at }) => at >= since).map(({ cause }) => cause);
    this.#causes = [];
    const attributes = { "runwire.clients": size };
    this.#tracing.spanOf("broadcast", { causes, attributes }, show);
  }
}
