import { assert, assertEquals, assertGreater, assertLess, assertMatch } from "@std/assert";
import { pick, randomInteger, seededRandom } from "../../src/simulator/world/random.ts";
import { sign } from "../fakes/fixtures/delivery.ts";
import { webhookExamples } from "../fakes/fixtures/delivery_examples.ts";
import { mutatePayload, MUTATIONS } from "../fakes/fixtures/delivery_mutations.ts";
import { DeliveryPipeline } from "../fakes/apps/delivery_pipeline.ts";

const SEED = Number(Deno.env.get("TEST_SEED") ?? 20_260_101);
const MUTANTS = 5_000;
const INVALID_SIGNATURES = 500;
/** Concurrent requests. */
const CONCURRENCY = 8;
const SUPPORTED_EVENTS = [
  "workflow_run",
  "workflow_job",
  "push",
  "repository",
  "installation",
  "installation_repositories",
];

interface Mutant {
  readonly event: string;
  readonly body: string;
}

/** Half of them are supported events. */
function* mutants(random: () => number, count: number): Generator<Mutant> {
  const all = webhookExamples();
  const used = all.filter(({ event }) => SUPPORTED_EVENTS.includes(event));
  for (; count > 0; count--) {
    const example = pick(random, random() < 0.5 ? used : all);
    yield { event: example.event, body: mutatePayload(example, pick(random, MUTATIONS), random) };
  }
}

/** Runs `work` for each item, with limited concurrency. */
async function each<T>(items: Iterator<T>, work: (item: T) => Promise<void>): Promise<void> {
  const lane = async () => {
    for (let next = items.next(); !next.done; next = items.next()) await work(next.value);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, lane));
}

Deno.test(`The webhook handles ${MUTANTS} mutated signed payloads (seed ${SEED})`, async () => {
  await using system = await DeliveryPipeline.start();
  const counts = new Map<string, number>();
  let sent = 0;
  await each(mutants(seededRandom(SEED), MUTANTS), async ({ event, body }) => {
    const response = await system.server.post(body, {
      id: `mutant-${sent++}`,
      event,
    });
    const what = `${response.status} ${response.body.code ?? response.body.status}`;
    counts.set(what, (counts.get(what) ?? 0) + 1);
  });
  assertEquals([...counts.keys()].toSorted(), [
    "200 pong",
    "202 accepted",
    "202 ignored",
    "400 invalid_body",
  ]);
  await system.waitUntilDrained();
  const stored = await system.deliveries.list({ limit: MUTANTS });
  const parked = stored.filter(({ state }) => state === "parked");
  assertGreater(stored.length, MUTANTS / 4);
  assertGreater(parked.length, MUTANTS / 100);
  assertLess(parked.length, stored.length);
  for (const { failures, error, id } of parked) {
    assertEquals(failures, 5);
    assertMatch(error ?? "", /^The payload of \w+ is not as documented: /, id);
  }
  // No payload stays outside the store.
  assertEquals(stored.length, counts.get("202 accepted"));
  assertEquals(system.server.deliveries.pendingBytes, 0);
  const example = webhookExamples("workflow_run")[0];
  assert(example);
  const again = await system.server.post(JSON.stringify(example.payload), { event: example.event });
  assertEquals(again.status, 202);
});

Deno.test(`The webhook stores none of ${INVALID_SIGNATURES} payloads with an invalid signature (seed ${SEED})`, async () => {
  await using system = await DeliveryPipeline.start();
  const random = seededRandom(SEED + 1);
  await each(mutants(random, INVALID_SIGNATURES), async ({ event, body }) => {
    const signature = sign(body);
    const at = randomInteger(random, [0, signature.length - 1]);
    const garbled = pick(random, [
      "",
      signature.slice(0, at),
      `${signature.slice(0, at)}${signature[at] === "x" ? "y" : "x"}${signature.slice(at + 1)}`,
      sign(`${body} `),
      sign(body, "another secret"),
    ]);
    const headers = { "X-Hub-Signature-256": garbled };
    const response = await system.server.post(body, { event, headers });
    assertEquals([response.status, response.body.code], [401, "invalid_signature"]);
  });
  assertEquals(await system.deliveries.list({ limit: 1 }), []);
});
