// Runwire's own server, connections and broadcast; input lines replace the poller.
import { ANONYMOUS_ADMIN } from "../../src/account/principal.ts";
import type { Authenticator } from "../../src/account/authenticator.ts";
import type { Visibility } from "../../src/visibility.ts";
import { systemClock } from "../../src/clock.ts";
import { ActiveClients } from "../../src/feed/active_clients.ts";
import { Broadcast } from "../../src/feed/broadcast.ts";
import { Feed } from "../../src/feed/feed.ts";
import type { EventLog } from "../../src/feed/event_log.ts";
import { TopicFanout } from "../../src/feed/topic_fanout.ts";
import { SessionMonitor } from "../../src/http/streams/session_monitor.ts";
import { ConnectionLimit } from "../../src/http/streams/connection_limit.ts";
import { checkHealth } from "../../src/http/routes/health.ts";
import { toOriginPolicy } from "../../src/http/origin.ts";
import { RequestMetrics } from "../../src/http/request_metrics.ts";
import { Server } from "../../src/http/server.ts";
import { EventStreams } from "../../src/http/streams/sse.ts";
import { WebSocketServer } from "../../src/http/streams/websocket.ts";
import type { Run } from "../../src/run/run.ts";
import { Snapshot, type View } from "../../src/run/snapshot.ts";
import { listening, onBroadcast } from "./broadcasts.mjs";
import type { snapshot } from "./frame.mjs";

type CompactRun = ReturnType<typeof snapshot>["runs"][number];

const emptyEventLog: EventLog = {
  append: () => Promise.resolve([]),
  readAfter: () => Promise.resolve([]),
  seqRange: () => Promise.resolve({ first: 1, last: 0 }),
  prune: () => Promise.resolve(0),
};

const authenticator: Authenticator = {
  isAnonymousAllowed: true,
  authenticate: () => Promise.resolve(ANONYMOUS_ADMIN),
  reauthenticate: (principal) => Promise.resolve(principal),
};

let current: Snapshot | undefined;
const activeClients = new ActiveClients();
const broadcast = new Broadcast<View>({ clock: systemClock, activeClients });
const shared = {
  feed: new Feed({ eventLog: emptyEventLog, clock: systemClock }),
  activeClients,
  encodeSnapshot: (view: View, visibility: Visibility) =>
    Promise.resolve(current?.encode(view, visibility)),
  connectionLimit: new ConnectionLimit(20_000),
  sessionMonitor: new SessionMonitor({ authenticator, clock: systemClock }),
  clock: systemClock,
};

const messages = {
  messageFanout: new TopicFanout({
    feed: shared.feed,
    topics: new Set(["message"]),
    clock: systemClock,
  }),
  sender: { send: () => Promise.reject(new Error("not supported")) },
};

const server = new Server({
  hostname: "127.0.0.1",
  port: 0,
  clock: systemClock,
  connectionLimit: shared.connectionLimit,
  webSockets: new WebSocketServer({
    ...shared,
    ...messages,
    broadcast,
    currentSnapshot: () => current,
  }),
  eventStreams: new EventStreams(shared),
  data: [],
  accounts: [],
  authenticator,
  origins: toOriginPolicy({ allowed: [], publicUrl: undefined, isLoopback: true }),
  requestMetrics: new RequestMetrics(),
  version: "0.0.0",
  health: () =>
    checkHealth({
      poller: { status: { state: "polling", waitingUntil: null, lastSuccessAt: null } },
      rateLimit: () => undefined,
      services: {},
      clock: systemClock,
    }),
  onListen: ({ port }) => listening(port),
});

onBroadcast(({ runs }) => {
  current = new Snapshot(runs.map(toRun), Date.now());
  broadcast.publish(current);
});

await server.run(new AbortController().signal);

/** The run as the poller would return it. */
function toRun({ repositoryName, ...fields }: CompactRun): Run {
  return {
    ...fields,
    repository: repositoryName,
    workflowId: 161335,
    conclusion: null,
    branch: "main",
    headSha: "acb5820ced9479c074f688cc328bf03f341a511d",
    actor: "octocat",
    runNumber: 1,
    runAttempt: 1,
    startedAt: fields.createdAt,
    source: "poll",
  };
}
