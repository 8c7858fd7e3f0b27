import type { User } from "./users.ts";
import type { Repository } from "./repository.ts";
import type { RunFields, WorkflowRun } from "./run.ts";

/** Something that happens in a repository: a push, or a run that starts for another reason. */
export interface ScheduledChange {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly full_name: string;
  /** Whether commits arrived, which moves `pushed_at`. */
  readonly hasCommits: boolean;
  readonly runs: readonly RunFields[];
}

/** What happens in a world without anyone asking for it. */
export interface Activity {
  /** The next thing that happens at or before `until` (ms since the epoch), each once, in the order of time. */
  next(until: number): ScheduledChange | undefined;
}

/** Something that has happened in the world, as it stood then. */
export type WorldEvent =
  /** Commits arrived; `run` is the first that they started. */
  | {
    readonly kind: "push";
    /** Milliseconds since the epoch. */
    readonly at: number;
    readonly repository: Repository;
    readonly run: WorkflowRun | undefined;
  }
  /** A run, or another attempt of it, began to wait, to run, or ended. */
  | {
    readonly kind: "run";
    readonly at: number;
    readonly repository: Repository;
    readonly run: WorkflowRun;
  }
  /** A repository has another name or owner, may be seen by others than before, or is gone. */
  | {
    readonly kind: "repository";
    readonly action: "renamed" | "transferred" | "privatized" | "publicized" | "deleted";
    readonly at: number;
    readonly repository: Repository;
    /** The full name that it had before. */
    readonly from?: string;
  }
  /** A repository was granted to a user, or is no longer. */
  | {
    readonly kind: "member";
    readonly action: "added" | "removed";
    readonly at: number;
    readonly repository: Repository;
    readonly user: User;
  }
  /** A user has joined an organisation, or left it. */
  | {
    readonly kind: "organization";
    readonly action: "member_added" | "member_removed";
    readonly at: number;
    readonly organization: string;
    readonly user: User;
  }
  /** The App has come to repositories, or was taken from them: one by one, or as a whole. */
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
  /** A user no longer lets the App act for them. */
  | {
    readonly kind: "github_app_authorization";
    readonly action: "revoked";
    readonly at: number;
    readonly user: User;
  };

/** How far a run has come, whatever it waits for. */
export type RunPhase = "queued" | "in_progress" | "completed";

export function toRunPhase({ status }: WorkflowRun): RunPhase {
  return status === "completed" || status === "in_progress" ? status : "queued";
}
