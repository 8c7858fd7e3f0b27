import type { Clock } from "../../clock.ts";
import { type RepositoryProfile, TeamActivity, type Trigger } from "./activity.ts";
import { seededRandom } from "./random.ts";
import { timestamp } from "./timestamp.ts";
import { World } from "./world.ts";

interface DemoWorkflowSpec {
  readonly name: string;
  readonly on: readonly Trigger[];
  readonly seconds: readonly [number, number];
}

interface DemoRepositorySpec {
  readonly full_name: string;
  readonly description: string;
  readonly language: string;
  readonly private?: boolean;
  readonly weight: number;
  readonly workflows: readonly DemoWorkflowSpec[];
}

const CI: DemoWorkflowSpec = { name: "CI", on: ["push", "pull_request"], seconds: [35, 110] };
const LINT: DemoWorkflowSpec = { name: "Lint", on: ["push", "pull_request"], seconds: [12, 40] };
const CODEQL: DemoWorkflowSpec = {
  name: "CodeQL",
  on: ["push", "pull_request", "schedule"],
  seconds: [50, 120],
};
const DEPLOY: DemoWorkflowSpec = {
  name: "Deploy",
  on: ["push", "workflow_dispatch"],
  seconds: [40, 90],
};
const RELEASE: DemoWorkflowSpec = {
  name: "Release",
  on: ["workflow_dispatch"],
  seconds: [60, 150],
};
const NIGHTLY: DemoWorkflowSpec = { name: "Nightly", on: ["schedule"], seconds: [90, 200] };

const REPOSITORIES: readonly DemoRepositorySpec[] = [
  {
    full_name: "octo-org/storefront",
    description: "What customers see",
    language: "TypeScript",
    weight: 6,
    workflows: [CI, DEPLOY, LINT],
  },
  {
    full_name: "octo-org/payments-api",
    description: "Cards, refunds and invoices",
    language: "Go",
    private: true,
    weight: 5,
    workflows: [CI, CODEQL, DEPLOY],
  },
  {
    full_name: "octo-org/mobile-app",
    description: "The shop in a pocket",
    language: "Kotlin",
    weight: 4,
    workflows: [CI, LINT, RELEASE],
  },
  {
    full_name: "octo-org/search-indexer",
    description: "Finds things before they are asked for",
    language: "Rust",
    weight: 3,
    workflows: [CI, NIGHTLY],
  },
  {
    full_name: "octo-org/design-system",
    description: "Buttons, and when to use them",
    language: "TypeScript",
    weight: 3,
    workflows: [LINT, CI, RELEASE],
  },
  {
    full_name: "octo-org/infrastructure",
    description: "Everything as code",
    language: "HCL",
    private: true,
    weight: 2,
    workflows: [{ name: "Plan", on: ["push", "pull_request"], seconds: [20, 60] }, DEPLOY, NIGHTLY],
  },
  {
    full_name: "octo-org/docs",
    description: "The manual",
    language: "MDX",
    weight: 2,
    workflows: [{ name: "Build docs", on: ["push", "pull_request"], seconds: [15, 45] }, DEPLOY],
  },
];

const DAY_MS = 24 * 60 * 60 * 1000;
const HISTORY_MS = 60 * 60 * 1000;

/** A world with an active team and an hour of history. The same seed and clock give the same world. */
export function createDemoWorld({ clock, seed = 1, maxRuns = 300 }: {
  readonly clock: Clock;
  readonly seed?: number;
  /** Maximum runs per repository; the oldest are deleted. */
  readonly maxRuns?: number;
}): World {
  const world = new World({ clock, seed, maxRuns });
  const now = clock.now();
  const profiles = REPOSITORIES.map((spec, i) =>
    addRepository(world, spec, now - (400 + 90 * i) * DAY_MS)
  );
  world.setActivity(
    new TeamActivity(profiles, { random: seededRandom(seed), start: now - HISTORY_MS }),
  );
  return world;
}

function addRepository(
  world: World,
  spec: DemoRepositorySpec,
  createdAt: number,
): RepositoryProfile {
  const { weight, workflows, ...fields } = spec;
  const created_at = timestamp(createdAt);
  const repository = world.addRepository({
    ...fields,
    created_at,
    pushed_at: created_at,
    workflows: workflows.map(({ name }) => ({ name, created_at })),
  });
  return {
    repository,
    weight,
    workflows: repository.workflows.flatMap(({ id, name }) =>
      workflows.filter((workflow) => workflow.name === name)
        .map(({ on, seconds }) => ({ workflow_id: id, name, on, seconds }))
    ),
  };
}
