import type { View } from "../run/snapshot.ts";
import { type EventQuery, resumeQuery } from "./event_query.ts";
import { listOf, oneOf, ParameterError, type Parameters } from "./parameter.ts";

const VIEWS = ["compact", "full"] as const satisfies readonly View[];
const TOPICS = ["runs", "messages", "events"] as const;
const DEFAULT_TOPICS = "runs,messages";

/** What a client of `/ws` asks for. */
export interface SocketParameters {
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
export function socketParameters(parameters: Parameters): SocketParameters {
  const { view = "compact", topics: list = DEFAULT_TOPICS } = parameters;
  const topics = listOf({ name: "topics", value: list, allowed: TOPICS });
  return {
    view: oneOf({ name: "view", value: view, allowed: VIEWS }),
    topics,
    events: resumeQuery(parameters),
    batch: isBatch(parameters, topics.has("events")),
  };
}

function isBatch({ batch = "false" }: Parameters, hasEvents: boolean): boolean {
  const isWanted = oneOf({ name: "batch", value: batch, allowed: ["true", "false"] }) === "true";
  if (!isWanted || hasEvents) return isWanted;
  throw new ParameterError({
    name: "batch",
    value: batch,
    allowed: "false, or true where topics has events",
  });
}
