import type { View } from "../run/snapshot.ts";
import { type EventQuery, resumeQuery } from "./event_query.ts";
import { listOf, oneOf, type Parameters } from "./parameter.ts";

const VIEWS = ["compact", "full"] as const satisfies readonly View[];
const TOPICS = ["runs", "events"] as const;

/** What a client of `/ws` asks for. */
export interface SocketParameters {
  readonly view: View;
  /** `runs`: every snapshot; `events`: every event of the feed. */
  readonly topics: ReadonlySet<(typeof TOPICS)[number]>;
  readonly events: EventQuery;
}

/**
 * Reads `?view=&topics=&since=&repository=`.
 * @throws {ParameterError}
 */
export function socketParameters(parameters: Parameters): SocketParameters {
  const { view = "compact", topics = "runs" } = parameters;
  return {
    view: oneOf({ name: "view", value: view, allowed: VIEWS }),
    topics: listOf({ name: "topics", value: topics, allowed: TOPICS }),
    events: resumeQuery(parameters),
  };
}
