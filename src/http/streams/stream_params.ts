import { EVENT_TYPES } from "../../feed/event.ts";
import type { EventFilter } from "../../feed/subscription.ts";
import {
  parseList,
  parseRepositoryName,
  parseSeq,
  type QueryParams,
  rejectUnknownParams,
} from "../params.ts";

/** Which events a client wants, and after which number: without one, from now on. */
export interface EventQuery extends EventFilter {
  readonly since?: number | undefined;
}

/**
 * Reads `?since=&topics=&repository=`. An EventSource that comes back says in a header where it was, which goes before the
 * URL it was given.
 * @throws {ParameterError}
 */
export function parseEventQuery(parameters: QueryParams, headers: Headers): EventQuery {
  rejectUnknownParams(parameters, ["since", "topics", "repository", "ticket"]);
  const { topics } = parameters;
  const lastEventId = headers.get("last-event-id");
  const resume = parseResumeQuery(parameters);
  return {
    ...resume,
    since: lastEventId ? parseSeq("Last-Event-ID", lastEventId) : resume.since,
    topics: topics === undefined
      ? undefined
      : parseList({ name: "topics", value: topics, allowed: EVENT_TYPES }),
  };
}

/**
 * Reads `?since=&repository=`.
 * @throws {ParameterError}
 */
export function parseResumeQuery({ since, repository }: QueryParams): EventQuery {
  return {
    since: since === undefined ? undefined : parseSeq("since", since),
    repository: repository === undefined
      ? undefined
      : parseRepositoryName("repository", repository),
  };
}
