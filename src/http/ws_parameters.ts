import type { View } from "../run/snapshot.ts";
import { type EventQuery, parseResumeQuery } from "./streams/stream_params.ts";
import { ParameterError, parseChoice, parseList, type QueryParams } from "./params.ts";

const VIEWS = ["compact", "full"] as const satisfies readonly View[];
const TOPICS = ["runs", "messages", "events"] as const;
const DEFAULT_TOPICS = "runs,messages";

/** What a client of `/ws` asks for. */
export interface WebSocketParams {
  readonly view: View;
  /** `runs`: every snapshot; `messages`: every message; `events`: every event of the feed, messages too. */
  readonly topics: ReadonlySet<(typeof TOPICS)[number]>;
  readonly events: EventQuery;
  /**
   * Whether every message about events is a JSON array of them, in order: those that came within a short window. Every other
   * message is an object: a snapshot has `runs`, a gap says `"type":"gap"`.
   */
  readonly batch: boolean;
}

/**
 * Reads `?view=&topics=&since=&repository=&batch=`.
 * @throws {ParameterError}
 */
export function parseWebSocketParams(parameters: QueryParams): WebSocketParams {
  const { view = "compact", topics: list = DEFAULT_TOPICS } = parameters;
  const topics = parseList({ name: "topics", value: list, allowed: TOPICS });
  return {
    view: parseChoice({ name: "view", value: view, allowed: VIEWS }),
    topics,
    events: parseResumeQuery(parameters),
    batch: parseBatch(parameters, topics.has("events")),
  };
}

function parseBatch({ batch = "false" }: QueryParams, hasEvents: boolean): boolean {
  const isEnabled =
    parseChoice({ name: "batch", value: batch, allowed: ["true", "false"] }) === "true";
  if (!isEnabled || hasEvents) return isEnabled;
  throw new ParameterError({
    name: "batch",
    value: batch,
    allowed: "false, or true where topics has events",
  });
}
