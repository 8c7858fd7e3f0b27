import { assertEquals } from "@std/assert";
import { z } from "zod";
import { DATABASE_KINDS } from "../fakes/database.ts";
import { type WebhookExample, webhookExamples } from "../fakes/fixtures/delivery_examples.ts";
import { DeliveryPipeline } from "../fakes/apps/delivery_pipeline.ts";

const SUPPORTED_EVENTS = [
  "github_app_authorization",
  "installation",
  "installation_repositories",
  "member",
  "membership",
  "organization",
  "push",
  "repository",
  "team",
  "team_add",
  "workflow_job",
  "workflow_run",
];

const runPayload = z.looseObject({
  workflow_run: z.looseObject({
    id: z.number(),
    status: z.string(),
    conclusion: z.string().nullable(),
    event: z.string(),
    head_branch: z.string(),
    updated_at: z.string(),
    repository: z.object({ full_name: z.string() }),
  }),
});
const jobPayload = z.object({
  action: z.string(),
  workflow_job: z.object({
    run_id: z.number(),
    started_at: z.string(),
    created_at: z.string().optional(),
  }),
  repository: z.object({ full_name: z.string() }),
});

const wholeJobPayload = z.object({
  action: z.string(),
  workflow_job: z.object({
    id: z.number(),
    name: z.string(),
    run_id: z.number(),
    run_attempt: z.number().optional(),
    html_url: z.string(),
  }),
});

/** Posts payloads in order. Returns each response as `STATUS status`. */
async function post(
  system: DeliveryPipeline,
  payloads: readonly WebhookExample[],
): Promise<string[]> {
  const answers = [];
  for (const { event, payload } of payloads) {
    const { status, body } = await system.server.post(JSON.stringify(payload), { event });
    answers.push(`${status} ${body.status}`);
  }
  await system.waitUntilDrained();
  return answers;
}

for (const { kind, ignore } of DATABASE_KINDS) {
  Deno.test({
    name: `The webhook accepts and applies every example payload of GitHub (${kind})`,
    ignore,
    fn: async () => {
      await using system = await DeliveryPipeline.start(kind);
      const all = webhookExamples();
      assertEquals(new Set(all.map(({ event }) => event)).size, 58);
      const expected = all.map(({ event }) =>
        event === "ping"
          ? "200 pong"
          : SUPPORTED_EVENTS.includes(event)
          ? "202 accepted"
          : "202 ignored"
      );
      assertEquals(await post(system, all), expected);
      const stored = await system.deliveries.list({ limit: 1_000 });
      assertEquals(
        stored.length,
        all.filter(({ event }) => SUPPORTED_EVENTS.includes(event)).length,
      );
      assertEquals(stored.filter(({ state, failures }) => state !== "done" || failures > 0), []);
      assertEquals(
        await system.repositories.listRecentlyPushed(10),
        [
          { id: 186853002, fullName: "Codertocat/Hello-World", pushedAt: "2019-05-15T15:20:57Z" },
          { id: 186853261, fullName: "Octocoders/Hello-World", pushedAt: "2019-05-15T15:20:33Z" },
          { id: 186853007, fullName: "Codertocat/Space", pushedAt: null },
        ],
      );
      const runs = await system.runs.latest("octo-org/octo-repo", 10);
      assertEquals(
        runs.map((run) => [run.id, run.status, run.conclusion, run.updatedAt, run.displayTitle]),
        [
          [
            1589141559,
            "queued",
            null,
            "2021-12-16T19:37:22Z",
            "Manually triggered workflow",
          ],
          [
            289782451,
            "completed",
            "success",
            "2020-10-05T16:33:49Z",
            "ci(action): update actions/setup-node digest to 8c91899",
          ],
        ],
      );
    },
  });
}

Deno.test("The webhook stores the run of each example of workflow_run", async () => {
  for (const example of webhookExamples("workflow_run")) {
    await using system = await DeliveryPipeline.start();
    await post(system, [example]);
    const { workflow_run: sent } = runPayload.parse(example.payload);
    const [run] = await system.runs.latest(sent.repository.full_name, 2);
    assertEquals(
      [run?.id, run?.status, run?.conclusion, run?.event, run?.branch, run?.updatedAt, run?.source],
      [
        sent.id,
        sent.status,
        sent.conclusion,
        sent.event,
        sent.head_branch,
        sent.updated_at,
        "webhook",
      ],
    );
    assertEquals(system.events.map(({ type, repository }) => [type, repository]), [
      ["run", sent.repository.full_name],
    ]);
  }
});

/** A queued run, as GitHub would send it before its job. */
function toQueuedRun(job: z.infer<typeof jobPayload>): WebhookExample {
  const [{ payload } = { payload: {} }] = webhookExamples("workflow_run");
  const { workflow_run: template } = runPayload.parse(payload);
  const workflow_run = {
    ...template,
    id: job.workflow_job.run_id,
    status: "queued",
    conclusion: null,
    repository: job.repository,
    updated_at: job.workflow_job.created_at ?? job.workflow_job.started_at,
  };
  return { event: "workflow_run", payload: { action: "requested", workflow_run } };
}

Deno.test("The webhook stores the attempts and jobs of GitHub's examples", async () => {
  for (const example of webhookExamples("workflow_job")) {
    await using system = await DeliveryPipeline.start();
    const sent = wholeJobPayload.parse(example.payload);
    await post(system, [toQueuedRun(jobPayload.parse(example.payload)), example]);
    const detail = await system.history.detail(sent.workflow_job.run_id, "all");
    assertEquals(detail?.attempts.map(({ runAttempt }) => runAttempt), [detail?.run.runAttempt]);
    const { workflow_job: job } = sent;
    const { id, name, run_attempt: runAttempt = 1 } = job;
    assertEquals(
      detail?.jobs.map((each) => [each.id, each.name, each.runAttempt, each.status, each.htmlUrl]),
      [[id, name, runAttempt, sent.action, job.html_url]],
    );
  }
});

Deno.test("The webhook starts the run of a started job of GitHub's examples", async () => {
  const started = webhookExamples("workflow_job").filter(({ payload }) =>
    payload.action === "in_progress" && "created_at" in Object(payload.workflow_job)
  );
  assertEquals(started.length, 2);
  for (const example of started) {
    await using system = await DeliveryPipeline.start();
    const job = jobPayload.parse(example.payload);
    await post(system, [toQueuedRun(job), example]);
    const [run] = await system.runs.latest(job.repository.full_name, 2);
    assertEquals(
      [run?.id, run?.status, run?.updatedAt],
      [job.workflow_job.run_id, "in_progress", job.workflow_job.started_at],
    );
    assertEquals(system.events.length, 2);
  }
});
