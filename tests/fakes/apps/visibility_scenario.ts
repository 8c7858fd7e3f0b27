import type { Browser } from "../clients/browser.ts";
import { LoginApp, type LoginAppSettings } from "./login_app.ts";
import { waitUntil } from "../wait.ts";

/** A repository with unique words and numbers. */
export interface MarkedRepository {
  readonly fullName: string;
  readonly id: number;
  readonly workflowId: number;
  readonly runIds: readonly number[];
  /** Every text that would reveal the repository or its contents. */
  readonly markers: readonly string[];
  /** Its IDs, by kind. */
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
}

export interface VisibilityScenario {
  readonly app: LoginApp;
  /** By login: mona (admin) sees all of them, hubot (member) all except `octo/secret`, nat (viewer) only the public one. */
  readonly browsers: ReadonlyMap<string, Browser>;
  readonly repositories: readonly MarkedRepository[];
  /** The repositories that are hidden from a user. */
  readonly hiddenFrom: (login: string) => readonly MarkedRepository[];
}

const READERS_BY_REPOSITORY: Readonly<Record<string, readonly string[]>> = {
  open: ["mona", "hubot", "nat"],
  team: ["mona", "hubot"],
  secret: ["mona"],
};

/** The program with three users of different roles and three followed repositories with runs. */
export async function startVisibilityScenario(
  settings: LoginAppSettings = {},
): Promise<VisibilityScenario> {
  const app = await new LoginApp(settings).start();
  for (const [name, readers] of Object.entries(READERS_BY_REPOSITORY)) {
    app.world.addRepository({
      full_name: markedFullName(name),
      private: name !== "open",
      workflows: [{ name: `Deploy${name}marked` }],
    });
    for (const reader of readers) app.world.users.grant(reader, markedFullName(name));
    addMarkedRun(app, name, "completed");
    addMarkedRun(app, name, "in_progress");
  }
  const mona = await app.signIn("mona");
  const hubot = await app.signIn("hubot");
  const browsers = new Map([["mona", mona], ["hubot", hubot], ["nat", await app.signIn("nat")]]);
  await app.makeMember(mona, "hubot");
  app.startDeliveries();
  for (const name of Object.keys(READERS_BY_REPOSITORY)) {
    const answer = await mona.request("POST", "/repositories", { full_name: markedFullName(name) });
    const { webhook } = await answer.json();
    if (webhook.state !== "active") throw new Error(`${name} has no webhook: ${webhook.reason}`);
  }
  const repositories = Object.keys(READERS_BY_REPOSITORY).map((name) =>
    toMarkedRepository(app, name)
  );
  await waitUntil(async () => {
    const ids = repositories.flatMap(({ runIds }) => runIds);
    const runs = await Promise.all(ids.map((id) => mona.get(`/runs/${id}`)));
    await Promise.all(runs.map((run) => run.body?.cancel()));
    return runs.every(({ status }) => status === 200);
  }, "all runs are known");
  const hiddenFrom = (login: string) =>
    repositories.filter(({ fullName }) =>
      !READERS_BY_REPOSITORY[fullName.slice(5, -6)]?.includes(login)
    );
  return { app, browsers, repositories, hiddenFrom };
}

/** A run whose words all contain the name of its repository. */
export function addMarkedRun(app: LoginApp, name: string, status: string): void {
  app.world.addRun(markedFullName(name), {
    status,
    conclusion: status === "completed" ? "failure" : null,
    display_title: `Title${name}marked of a run`,
    head_branch: `branch-${name}marked`,
    actor: `actor-${name}marked`,
  });
}

export function markedFullName(name: string): string {
  return `octo/${name}marked`;
}

function toMarkedRepository(app: LoginApp, name: string): MarkedRepository {
  const fullName = markedFullName(name);
  const { id = 0, workflows: [workflow] = [] } = app.world.repository(fullName) ?? {};
  const runs = app.world.runs(fullName);
  const workflowId = workflow?.id ?? 0;
  const runIds = runs.map((run) => run.id);
  const numbers = [id, workflowId, ...runIds];
  const shas = runs.map(({ head_sha }) => head_sha);
  return {
    fullName,
    id,
    workflowId,
    runIds,
    numbers,
    texts: [
      fullName,
      fullName.toUpperCase(),
      `Deploy${name}marked`,
      `branch-${name}marked`,
      `actor-${name}marked`,
      `Title${name}marked`,
      ...shas,
    ],
    markers: [`${name}marked`, ...numbers.map(String), ...shas],
  };
}
