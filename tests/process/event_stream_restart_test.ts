import { assertEquals, assertGreater } from "@std/assert";
import { z } from "zod";
import { seededRandom } from "../../src/simulator/world/random.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { Program } from "../fakes/program.ts";
import { waitUntil } from "../fakes/wait.ts";
import { SimulatedGitHub } from "./github.ts";
import { type Query, sqliteQuery, waitUntilDrained } from "./store_assertions.ts";
import { createRunDeliveries } from "./run_deliveries.ts";
import { WEBHOOK_ENVIRONMENT, WebhookSender } from "./webhook_sender.ts";

const KILLS = 2;
/** Deliveries during which the program is killed. */
const BATCH = 200;
const TYPES = ["run", "repository", "status", "gap", "snapshot"];
const EVENTS = z.array(
  z.object({
    seq: z.number(),
    event: z.string().transform((json) =>
      z.looseObject({ type: z.string() }).parse(JSON.parse(json))
    ),
  }),
);

/** An EventSource, which reconnects with the last sequence number it received. */
class EventSourceClient {
  readonly received: { readonly seq: number; readonly type: string; readonly event: unknown }[] =
    [];
  /** How often it was connected. */
  connections = 0;
  readonly #source: EventSource;

  constructor(url: string) {
    this.#source = new EventSource(url);
    this.#source.onopen = () => this.connections++;
    for (const type of TYPES) {
      this.#source.addEventListener(type, ({ lastEventId, data }) => {
        const { seq: _seq, at: _at, ...event } = JSON.parse(data);
        this.received.push({ seq: Number(lastEventId), type, event });
      });
    }
  }

  [Symbol.dispose](): void {
    this.#source.close();
  }
}

Deno.test(`An event stream sends each event once and in order while runwire serve is killed ${KILLS} times`, async () => {
  await using github = new SimulatedGitHub();
  await using folder = await TemporaryFolder.create();
  const file = `${folder.path}/runwire.db`;
  await using programs = new AsyncDisposableStack();
  const start = async (port: string) =>
    programs.use(
      await Program.start(["serve"], {
        ...github.environment,
        ...WEBHOOK_ENVIRONMENT,
        DATABASE_URL: `sqlite:${file}`,
        SERVER_PORT: port,
      }),
    );
  let program = await start("0");
  const url = await program.url();
  using client = new EventSourceClient(`${url}/api/v1/events`);
  await waitUntil(() => client.connections === 1, "the client is connected");

  const deliveries = createRunDeliveries(BATCH * (KILLS + 1), { random: seededRandom(3) });
  const sender = new WebhookSender(url);
  for (let kill = 0; kill < KILLS; kill++) {
    const before = sender.responses.size;
    const sending = sender.send(deliveries.slice(kill * BATCH, (kill + 1) * BATCH));
    await waitUntil(
      () => sender.responses.size >= before + BATCH / 2,
      "half of a batch is answered",
    );
    program.kill("SIGKILL");
    await program.exit();
    program = await start(new URL(url).port);
    await program.url();
    await sending;
    await waitUntil(() => client.connections > kill + 1, "the client is connected again");
  }
  await sender.send(deliveries.slice(KILLS * BATCH));

  const query = sqliteQuery(file);
  await waitUntilDrained(query);
  const stored = await readEvents(query);
  const isReceived = () => client.received.at(-1)?.seq === stored.at(-1)?.seq;
  await waitUntil(isReceived, "the client has received the last event");
  const [first] = client.received;
  assertGreater(client.received.length, sender.acknowledged.length / 4);
  assertEquals(client.received, stored.filter(({ seq }) => seq >= Number(first?.seq)));
});

async function readEvents(query: Query): Promise<EventSourceClient["received"]> {
  const rows = EVENTS.parse(await query("select seq, event from events order by seq"));
  return rows.map(({ seq, event }) => ({ seq, type: event.type, event }));
}
