import { EVENT_TYPES } from "../feed/event.ts";
import type { EventFilter } from "../feed/subscription.ts";
import {
  eventNumber,
  listOf,
  onlyParameters,
  type Parameters,
  repositoryName,
} from "./parameter.ts";

/** Which events a client wants, and after which number: without one, from now on. */
export interface EventQuery extends EventFilter {
  readonly since?: number | undefined;
}

/**
 * Reads `?since=&topics=&repository=`. An EventSource that comes back says in a header where it was, which goes before the
 * URL it was given.
 * @throws {ParameterError}
 */
export function eventQuery(parameters: Parameters, headers: Headers): EventQuery {
  onlyParameters(parameters, ["since", "topics", "repository", "ticket"]);
  const { topics } = parameters;
  const lastEventId = headers.get("last-event-id");
  const resume = resumeQuery(parameters);
  return {
    ...resume,
    since: lastEventId ? eventNumber("Last-Event-ID", lastEventId) : resume.since,
    topics: topics === undefined
      ? undefined
      : listOf({ name: "topics", value: topics, allowed: EVENT_TYPES }),
  };
}

/**
 * Reads `?since=&repository=`.
 * @throws {ParameterError}
 */
export function resumeQuery({ since, repository }: Parameters): EventQuery {
  return {
    since: since === undefined ? undefined : eventNumber("since", since),
    repository: repository === undefined ? undefined : repositoryName("repository", repository),
  };
}
