import { DAY_MS, formatUtcDay } from "../../src/clock.ts";
import { DAYS, LAST_DAY, repositoryName, seededRandom } from "./generated_runs.ts";

/** A kind of request, with enough different paths. */
export interface RequestKind {
  readonly name: string;
  readonly paths: readonly string[];
}

const PATHS = 200;

/** All lists with all filters, and the statistics. */
export function createRequestKinds(): readonly RequestKind[] {
  const random = seededRandom(2);
  const createKind = (name: string, path: () => string): RequestKind => ({
    name,
    paths: Array.from({ length: PATHS }, path),
  });
  const randomBelow = (limit: number) => Math.floor(random() * limit);
  const pickOne = (...values: readonly string[]) => values[randomBelow(values.length)] ?? "";
  const repository = () => repositoryName(randomBelow(500));
  const created = () => {
    const first = randomBelow(DAYS - 30);
    return `${dayAfterLast(-first - 30)}..${dayAfterLast(-first)}`;
  };
  const range = (days: number) => `from=${dayAfterLast(1 - days)}&to=${LAST_DAY}`;
  const runs: Record<string, () => string> = {
    "no filter": () => `page=${1 + randomBelow(20)}`,
    "oldest first": () => `direction=asc&page=${1 + randomBelow(20)}`,
    "page 30": () => `page=${30 + randomBelow(4)}`,
    "100 a page": () => `per_page=100&page=${1 + randomBelow(10)}`,
    status: () =>
      `status=${pickOne("completed", "in_progress", "queued")}&page=${1 + randomBelow(5)}`,
    conclusion: () =>
      `conclusion=${pickOne("success", "failure", "timed_out")}&page=${1 + randomBelow(5)}`,
    event: () => `event=${pickOne("push", "pull_request", "schedule", "workflow_dispatch")}`,
    branch: () => `branch=${pickOne("main", `feature-${randomBelow(150)}`)}`,
    actor: () => `actor=user-${randomBelow(300)}`,
    workflow_id: () => `workflow_id=${1_000 + randomBelow(2_000)}`,
    repository: () => `repository=${repository()}`,
    created: () => `created=${created()}`,
    "q, common": () => `q=${pickOne("fix", "add", "rounding", "login carts", "speed up the")}`,
    "q, rare": () => `q=${randomBelow(1_000_000)}`,
    "q in a repository": () => `q=${pickOne("fix", "login")}&repository=${repository()}`,
    "repository, branch, conclusion": () =>
      `repository=${repository()}&branch=main&conclusion=${pickOne("failure", "success")}`,
    "event, conclusion, actor": () =>
      `event=push&conclusion=failure&actor=user-${randomBelow(300)}`,
  };
  const statistics: Record<string, () => string> = {
    "by day": () => "group_by=day",
    "by week": () => "group_by=week",
    "by workflow": () => `group_by=workflow&page=${1 + randomBelow(3)}`,
    "by repository": () => `group_by=repository&page=${1 + randomBelow(3)}`,
    "of a repository": () => `group_by=day&repository=${repository()}`,
    "of a workflow": () => `group_by=day&workflow=${1_000 + randomBelow(2_000)}`,
    "of main": () => "group_by=day&branch=main",
    "of a branch": () => `group_by=day&branch=feature-${randomBelow(150)}`,
  };
  return [
    ...Object.entries(runs).map(([name, query]) =>
      createKind(`/runs: ${name}`, () => `/runs?${query()}`)
    ),
    createKind("/runs/ID", () => `/runs/${10_000_000_000 + randomBelow(100_000)}`),
    createKind("/repositories", () => `/repositories?sort=${pickOne("pushed", "name")}`),
    createKind("/workflows", () => `/workflows?page=${1 + randomBelow(20)}`),
    createKind("/workflows: repository", () => `/workflows?repository=${repository()}`),
    createKind("/workflows/ID", () => `/workflows/${1_000 + randomBelow(2_000)}`),
    ...[30, 365].flatMap((days) =>
      Object.entries(statistics).map(([name, query]) =>
        createKind(`/stats: ${name}, ${days} days`, () => `/stats?${query()}&${range(days)}`)
      )
    ),
  ];
}

function dayAfterLast(offset: number): string {
  return formatUtcDay(Date.parse(LAST_DAY) + offset * DAY_MS);
}
