import type { Hono } from "hono";
import { jobJson } from "./job_json.ts";
import { answer, notFound, type Refusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";
import type { Asked, Caller } from "./routes.ts";
import type { World } from "./world.ts";

/** The jobs of runs: https://docs.github.com/en/rest/actions/workflow-jobs. Of past attempts nothing is kept. */
export function addJobRoutes(api: Hono<{ Bindings: Caller }>, { world, find }: {
  readonly world: World;
  readonly find: (c: Asked) => Repository | Refusal;
}): void {
  const list = (c: Asked, attempt?: number) => {
    const repository = find(c);
    if ("status" in repository) return answer(repository);
    const run = world.run(Number(c.req.param("id")));
    if (run?.repository !== repository.full_name) return answer(notFound());
    if (attempt !== undefined && attempt !== (run.run_attempt ?? 1)) return answer(notFound());
    return c.json({ total_count: 1, jobs: [jobJson(run, repository, c.env.origin)] });
  };
  api.get("/repos/:owner/:repo/actions/runs/:id{[0-9]+}/jobs", (c) => list(c));
  api.get(
    "/repos/:owner/:repo/actions/runs/:id{[0-9]+}/attempts/:attempt{[0-9]+}/jobs",
    (c) => list(c, Number(c.req.param("attempt"))),
  );
}
