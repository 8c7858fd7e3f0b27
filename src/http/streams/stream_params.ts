import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { invalidValue } from "../../error_text.ts";
import { EVENT_TYPES } from "../../feed/event.ts";
import type { EventFilter } from "../../feed/subscription.ts";
import type { View } from "../../run/snapshot.ts";
import {
  enumParam,
  integerParam,
  listParam,
  paramsSchema,
  parseParams,
  repositoryNameParam,
  withDefault,
} from "../params.ts";
import { ProblemError } from "../problem.ts";

const VIEWS = ["compact", "full"] as const satisfies readonly View[];
const TOPICS = ["runs", "messages", "events"] as const;
type Topics = ReadonlySet<(typeof TOPICS)[number]>;
const DEFAULT_TOPICS: Topics = new Set(["runs", "messages"]);

/** Events of one client; without `since`, events from now on. */
export interface EventQuery extends EventFilter {
  readonly since?: number | undefined;
}

function seqParam(description: string) {
  return integerParam({ min: 0, max: Number.MAX_SAFE_INTEGER, description }).optional();
}

const CommonParams = {
  since: seqParam("Events after this sequence number"),
  repository: repositoryNameParam({ description: "Only events of this repository" }).optional(),
  ticket: z.string().optional().openapi({
    description: "Ticket of `POST /api/v1/tickets`, for clients that cannot set headers",
  }),
};

export const EventParamsSchema = paramsSchema({
  topics: listParam(EVENT_TYPES, { description: "Types of events", example: ["run"] }).optional(),
  ...CommonParams,
});

export const EventHeadersSchema = z.object({
  "Last-Event-ID": seqParam(
    "Sequence number of the last received event; takes precedence over `since`",
  ),
});

export const WebSocketParamsSchema = paramsSchema({
  view: withDefault(enumParam(VIEWS, { description: "Run detail level" }), "compact"),
  topics: listParam(TOPICS, {
    description: "What the client receives; by default `runs` and `messages`",
    example: ["runs", "events"],
  }).optional(),
  batch: withDefault(
    enumParam(["true", "false"], {
      description: "Send events in arrays; requires the topic `events`",
    }),
    "false",
  ),
  ...CommonParams,
});

/** The parameters of a client of `/ws`. */
export interface WebSocketParams {
  readonly view: View;
  /** `runs`: snapshots; `messages`: messages; `events`: all events of the feed, including messages. */
  readonly topics: Topics;
  readonly events: EventQuery;
  /** Whether events are sent as JSON arrays, in order. Snapshots and gaps are always objects. */
  readonly batch: boolean;
}

/**
 * Reads `?since=&topics=&repository=`. A reconnecting EventSource repeats its URL and sends its position in a header, which
 * takes precedence.
 * @throws {ProblemError} `invalid_parameter`
 */
export function parseEventQuery({ req }: Context): EventQuery {
  const { since, topics, repository } = parseParams(EventParamsSchema, req.queries());
  const id = req.header("last-event-id");
  const { "Last-Event-ID": lastEventId } = parseParams(
    EventHeadersSchema,
    id ? { "Last-Event-ID": [id] } : {},
  );
  return { since: lastEventId ?? since, topics, repository };
}

/**
 * Reads `?view=&topics=&since=&repository=&batch=`.
 * @throws {ProblemError} `invalid_parameter`
 */
export function parseWebSocketParams({ req }: Context): WebSocketParams {
  const { view, topics = DEFAULT_TOPICS, batch, since, repository } = parseParams(
    WebSocketParamsSchema,
    req.queries(),
  );
  if (batch === "true" && !topics.has("events")) {
    const detail = invalidValue("batch", batch, 'false, or true with the topic "events"');
    throw new ProblemError("invalid_parameter", detail);
  }
  return { view, topics, events: { since, repository }, batch: batch === "true" };
}
