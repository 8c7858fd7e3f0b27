import type { Hono } from "hono";
import { jobJson } from "./job_json.ts";
import { type ErrorResponse, notFound, toResponse } from "./error_response.ts";
import type { Repository } from "./world/repository.ts";
import type { RequestContext, SimulatedPrincipal } from "./request_context.ts";
import type { World } from "./world/world.ts";

/** The jobs of runs: https://docs.github.com/en/rest/actions/workflow-jobs. Past attempts are not stored. */
export function addJobRoutes(
  api: Hono<{ Bindings: SimulatedPrincipal }>,
  { world, findRepository }: {
    readonly world: World;
    readonly findRepository: (c: RequestContext) => Repository | ErrorResponse;
  },
): void {
  const list = (c: RequestContext, attempt?: number) => {
    const repository = findRepository(c);
    if ("status" in repository) return toResponse(repository);
    const run = world.run(Number(c.req.param("id")));
    if (run?.repository !== repository.full_name) return toResponse(notFound());
    if (attempt !== undefined && attempt !== (run.run_attempt ?? 1)) return toResponse(notFound());
    return c.json({ total_count: 1, jobs: [jobJson(run, repository, c.env.origin)] });
  };
  api.get("/repos/:owner/:repo/actions/runs/:id{[0-9]+}/jobs", (c) => list(c));
  api.get(
    "/repos/:owner/:repo/actions/runs/:id{[0-9]+}/attempts/:attempt{[0-9]+}/jobs",
    (c) => list(c, Number(c.req.param("attempt"))),
  );
}
