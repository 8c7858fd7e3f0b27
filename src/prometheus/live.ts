import type { Exposition, LabeledValues } from "./exposition.ts";

/** Clients of one protocol that stay connected. */
export interface LiveClients {
  readonly size: number;
  readonly traffic: {
    readonly framesSent: number;
    readonly bytesSent: number;
    readonly framesReceived: number;
    readonly bytesReceived: number;
    readonly closed: ReadonlyMap<string, number>;
  };
}

export interface LiveSources {
  readonly websocket: LiveClients;
  readonly sse: LiveClients;
  readonly connectionLimit: { readonly used: number; readonly limit: number };
  readonly broadcast: {
    readonly published: number;
    readonly coalesced: number;
    readonly slowClients: number;
  };
  /** The number of the last event that followers see. */
  readonly feed: { readonly lastSeq: number };
}

/** Clients that stay connected, and what they are sent. */
export function liveMetrics(exposition: Exposition, sources: LiveSources): void {
  const { websocket, sse, connectionLimit, broadcast, feed } = sources;
  const labels = ["protocol"];
  const each = (read: (clients: LiveClients) => number): LabeledValues => [
    [{ protocol: "websocket" }, read(websocket)],
    [{ protocol: "sse" }, read(sse)],
  ];
  exposition.gauge({
    name: "runwire_connections",
    help: "Clients that are connected",
    labels,
  }, () => each(({ size }) => size));
  exposition.gauge({
    name: "runwire_connection_slots",
    help: "How many clients there may be, MAX_CONNECTIONS",
  }, () => connectionLimit.limit);
  exposition.gauge({
    name: "runwire_connection_slots_used",
    help: "How many of them are taken, also by those who are about to leave",
  }, () => connectionLimit.used);
  exposition.counter(
    {
      name: "runwire_connections_closed_total",
      help: "Connections that have ended, by the reason: the client has left, or we have closed it",
      labels: ["protocol", "reason"],
    },
    () =>
      Object.entries({ websocket, sse }).flatMap(([protocol, { traffic }]) =>
        [...traffic.closed].map(([reason, count]) => [{ protocol, reason }, count] as const)
      ),
  );
  exposition.counter({
    name: "runwire_frames_sent_total",
    help: "Frames, or events of a stream, that were handed to a client's connection",
    labels,
  }, () => each(({ traffic }) => traffic.framesSent));
  exposition.counter({
    name: "runwire_sent_bytes_total",
    help: "Their bytes, without what the protocol adds",
    labels,
  }, () => each(({ traffic }) => traffic.bytesSent));
  exposition.counter({
    name: "runwire_frames_received_total",
    help: "Frames that clients have sent",
    labels,
  }, () => each(({ traffic }) => traffic.framesReceived));
  exposition.counter({
    name: "runwire_received_bytes_total",
    help: "Their bytes, without what the protocol adds",
    labels,
  }, () => each(({ traffic }) => traffic.bytesReceived));
  exposition.counter({
    name: "runwire_snapshots_total",
    help: "Snapshots that were sent to all clients",
  }, () => broadcast.published);
  exposition.counter({
    name: "runwire_snapshots_coalesced_total",
    help: "Snapshots that a client did not get, since a later one has replaced them",
  }, () => broadcast.coalesced);
  exposition.gauge({
    name: "runwire_clients_behind",
    help: "Clients that have yet to read what they were sent, and get the latest snapshot then",
  }, () => broadcast.slowClients);
  exposition.gauge({
    name: "runwire_feed_last_seq",
    help:
      "The number of the last event that clients see here: instances that differ for long do not hear of each other",
  }, () => feed.lastSeq);
}
