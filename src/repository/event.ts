import type { RepositoryEvent } from "../feed/event.ts";
import type { Repository } from "./repository.ts";

/** What clients hear when a repository has changed, or is gone. */
export function toRepositoryEvent(
  { id, fullName, pushedAt }: Repository,
  { removed = false } = {},
): RepositoryEvent {
  return {
    type: "repository",
    repository: fullName,
    data: { id, full_name: fullName, pushed_at: pushedAt, removed },
  };
}
