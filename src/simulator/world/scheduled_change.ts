import type { User } from "../user_json.ts";
import type { Repository } from "./repository.ts";
import type { RunFields, WorkflowRun } from "./run.ts";

/** A scheduled change of a repository: a push, or a run with another trigger. */
export interface ScheduledChange {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly full_name: string;
  /** Whether commits are pushed, which updates `pushed_at`. */
  readonly hasCommits: boolean;
  readonly runs: readonly RunFields[];
}

/** A source of automatic changes in a world. */
export interface Activity {
  /** The next change at or before `until` (ms since the epoch), each once, in chronological order. */
  next(until: number): ScheduledChange | undefined;
}

/** An event in the world with the state at that time. */
export type WorldEvent =
  /** Commits were pushed; `run` is the first run they started. */
  | {
    readonly kind: "push";
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly repository: Repository;
    readonly run: WorkflowRun | undefined;
  }
  /** A run or an attempt was queued, started or completed. */
  | {
    readonly kind: "run";
    readonly at: number;
    readonly repository: Repository;
    readonly run: WorkflowRun;
  }
  /** A repository was renamed, transferred, deleted, or its visibility changed. */
  | {
    readonly kind: "repository";
    readonly action: "renamed" | "transferred" | "privatized" | "publicized" | "deleted";
    readonly at: number;
    readonly repository: Repository;
    /** The previous full name. */
    readonly from?: string;
  }
  /** A user got or lost access to a repository. */
  | {
    readonly kind: "member";
    readonly action: "added" | "removed";
    readonly at: number;
    readonly repository: Repository;
    readonly user: User;
  }
  /** A user joined or left an organization. */
  | {
    readonly kind: "organization";
    readonly action: "member_added" | "member_removed";
    readonly at: number;
    readonly organization: string;
    readonly user: User;
  }
  /** The App was installed on repositories or removed from them: single ones here, all with `installation`. */
  | {
    readonly kind: "installation_repositories";
    readonly action: "added" | "removed";
    readonly at: number;
    readonly repositories: readonly Repository[];
  }
  | {
    readonly kind: "installation";
    readonly action: "created" | "deleted";
    readonly at: number;
    readonly repositories: readonly Repository[];
  }
  /** A user revoked the authorization of the App. */
  | {
    readonly kind: "github_app_authorization";
    readonly action: "revoked";
    readonly at: number;
    readonly user: User;
  };

/** The phase of a run; all waiting statuses are `queued`. */
export type RunPhase = "queued" | "in_progress" | "completed";

export function toRunPhase({ status }: WorkflowRun): RunPhase {
  return status === "completed" || status === "in_progress" ? status : "queued";
}
