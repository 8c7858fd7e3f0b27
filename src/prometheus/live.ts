import type { Exposition, LabeledValues } from "./exposition.ts";

/** The connected clients of one protocol. */
interface LiveClients {
  readonly size: number;
  readonly metrics: {
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
  readonly feed: { readonly lastSeq: number };
}

/** Connected clients, and the data sent to them. */
export function liveMetrics(exposition: Exposition, sources: LiveSources): void {
  const { websocket, sse, connectionLimit, broadcast, feed } = sources;
  const labels = ["protocol"];
  const each = (read: (clients: LiveClients) => number): LabeledValues => [
    [{ protocol: "websocket" }, read(websocket)],
    [{ protocol: "sse" }, read(sse)],
  ];
  exposition.gauge({
    name: "runwire_connections",
    help: "Connected clients",
    labels,
  }, () => each(({ size }) => size));
  exposition.gauge({
    name: "runwire_connection_slots",
    help: "Maximum number of connections (MAX_CONNECTIONS)",
  }, () => connectionLimit.limit);
  exposition.gauge({
    name: "runwire_connection_slots_used",
    help: "Connections in use, including those being closed",
  }, () => connectionLimit.used);
  exposition.counter(
    {
      name: "runwire_connections_closed_total",
      help: "Closed connections, by reason",
      labels: ["protocol", "reason"],
    },
    () =>
      Object.entries({ websocket, sse }).flatMap(([protocol, { metrics }]) =>
        [...metrics.closed].map(([reason, count]) => [{ protocol, reason }, count] as const)
      ),
  );
  exposition.counter({
    name: "runwire_frames_sent_total",
    help: "WebSocket frames and stream events sent to clients",
    labels,
  }, () => each(({ metrics }) => metrics.framesSent));
  exposition.counter({
    name: "runwire_sent_bytes_total",
    help: "Bytes sent to clients, without protocol overhead",
    labels,
  }, () => each(({ metrics }) => metrics.bytesSent));
  exposition.counter({
    name: "runwire_frames_received_total",
    help: "Frames received from clients",
    labels,
  }, () => each(({ metrics }) => metrics.framesReceived));
  exposition.counter({
    name: "runwire_received_bytes_total",
    help: "Bytes received from clients, without protocol overhead",
    labels,
  }, () => each(({ metrics }) => metrics.bytesReceived));
  exposition.counter({
    name: "runwire_snapshots_total",
    help: "Snapshots published to clients",
  }, () => broadcast.published);
  exposition.counter({
    name: "runwire_snapshots_coalesced_total",
    help: "Snapshots replaced by a later one before a slow client received them",
  }, () => broadcast.coalesced);
  exposition.gauge({
    name: "runwire_clients_behind",
    help: "Slow clients whose snapshot is pending",
  }, () => broadcast.slowClients);
  exposition.gauge({
    name: "runwire_feed_last_seq",
    help:
      "Sequence number of the last published event; it differs between instances that are disconnected",
  }, () => feed.lastSeq);
}
