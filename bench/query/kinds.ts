import { DAY_MS, dayOf } from "../../src/clock.ts";
import { DAYS, LAST_DAY, repositoryName, seeded } from "./world.ts";

/** One sort of request, with enough paths of it that no two in a row are the same. */
export interface Kind {
  readonly name: string;
  readonly paths: readonly string[];
}

const PATHS = 200;

/** Every list with every filter, and the statistics. */
export function kinds(): readonly Kind[] {
  const random = seeded(2);
  const of = (name: string, path: () => string): Kind => ({
    name,
    paths: Array.from({ length: PATHS }, path),
  });
  const below = (limit: number) => Math.floor(random() * limit);
  const one = (...values: readonly string[]) => values[below(values.length)] ?? "";
  const repository = () => repositoryName(below(500));
  const created = () => {
    const first = below(DAYS - 30);
    return `${day(-first - 30)}..${day(-first)}`;
  };
  const range = (days: number) => `from=${day(1 - days)}&to=${LAST_DAY}`;
  const runs: Record<string, () => string> = {
    "no filter": () => `page=${1 + below(20)}`,
    "oldest first": () => `direction=asc&page=${1 + below(20)}`,
    "page 30": () => `page=${30 + below(4)}`,
    "100 a page": () => `per_page=100&page=${1 + below(10)}`,
    status: () => `status=${one("completed", "in_progress", "queued")}&page=${1 + below(5)}`,
    conclusion: () => `conclusion=${one("success", "failure", "timed_out")}&page=${1 + below(5)}`,
    event: () => `event=${one("push", "pull_request", "schedule", "workflow_dispatch")}`,
    branch: () => `branch=${one("main", `feature-${below(150)}`)}`,
    actor: () => `actor=user-${below(300)}`,
    workflow_id: () => `workflow_id=${1_000 + below(2_000)}`,
    repository: () => `repository=${repository()}`,
    created: () => `created=${created()}`,
    "q, common": () => `q=${one("fix", "add", "rounding", "login carts", "speed up the")}`,
    "q, rare": () => `q=${below(1_000_000)}`,
    "q in a repository": () => `q=${one("fix", "login")}&repository=${repository()}`,
    "repository, branch, conclusion": () =>
      `repository=${repository()}&branch=main&conclusion=${one("failure", "success")}`,
    "event, conclusion, actor": () => `event=push&conclusion=failure&actor=user-${below(300)}`,
  };
  const figures: Record<string, () => string> = {
    "by day": () => "group_by=day",
    "by week": () => "group_by=week",
    "by workflow": () => `group_by=workflow&page=${1 + below(3)}`,
    "by repository": () => `group_by=repository&page=${1 + below(3)}`,
    "of a repository": () => `group_by=day&repository=${repository()}`,
    "of a workflow": () => `group_by=day&workflow=${1_000 + below(2_000)}`,
    "of main": () => "group_by=day&branch=main",
    "of a branch": () => `group_by=day&branch=feature-${below(150)}`,
  };
  return [
    ...Object.entries(runs).map(([name, query]) => of(`/runs: ${name}`, () => `/runs?${query()}`)),
    of("/runs/ID", () => `/runs/${10_000_000_000 + below(100_000)}`),
    of("/repositories", () => `/repositories?sort=${one("pushed", "name")}`),
    of("/workflows", () => `/workflows?page=${1 + below(20)}`),
    of("/workflows: repository", () => `/workflows?repository=${repository()}`),
    of("/workflows/ID", () => `/workflows/${1_000 + below(2_000)}`),
    ...[30, 365].flatMap((days) =>
      Object.entries(figures).map(([name, query]) =>
        of(`/stats: ${name}, ${days} days`, () => `/stats?${query()}&${range(days)}`)
      )
    ),
  ];
}

/** So many days after the last one. */
function day(offset: number): string {
  return dayOf(Date.parse(LAST_DAY) + offset * DAY_MS);
}
