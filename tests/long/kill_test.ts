import { assertEquals, assertGreater } from "@std/assert";
import { randomInteger, seededRandom } from "../../src/simulator/world/random.ts";
import { DATABASE_KINDS, openTestDatabase } from "../fakes/database.ts";
import { Program } from "../fakes/program.ts";
import { waitUntil } from "../fakes/wait.ts";
import { SimulatedGitHub } from "../process/github.ts";
import {
  assertNothingLost,
  postgresQuery,
  sqliteQuery,
  waitUntilDrained,
} from "../process/store_assertions.ts";
import { createRunDeliveries } from "../process/run_deliveries.ts";
import { WEBHOOK_ENVIRONMENT, WebhookSender } from "../process/webhook_sender.ts";

const SEED = Number(Deno.env.get("TEST_SEED") ?? 20_261_122);
const DELIVERIES = 2_000;
const KILLS = 10;
/** Few deliveries are lost while the program restarts, so that most of them are accepted. */
const RETRY_PAUSE_MS = 600;

for (const { kind, ignore } of DATABASE_KINDS.filter(({ kind }) => kind !== "memory")) {
  Deno.test({
    name:
      `runwire serve killed ${KILLS} times in ${DELIVERIES} deliveries applies each accepted one once (${kind})`,
    ignore,
    async fn() {
      const random = seededRandom(SEED);
      await using github = new SimulatedGitHub();
      await using opened = await openTestDatabase(kind);
      await opened.database.close();
      await using programs = new AsyncDisposableStack();
      const start = async () =>
        programs.use(
          await Program.start(["serve"], {
            ...github.environment,
            ...WEBHOOK_ENVIRONMENT,
            DATABASE_URL: opened.url,
          }),
        );

      const sent = createRunDeliveries(DELIVERIES, { random });
      let program = await start();
      const sender = new WebhookSender(await program.url(), { retryPauseMs: RETRY_PAUSE_MS });
      const sending = sender.send(sent);
      for (const killPoint of killPoints(random)) {
        await waitUntil(
          () => sender.responses.size >= killPoint,
          `${killPoint} deliveries are answered`,
        );
        program.kill("SIGKILL");
        await program.exit();
        program = await start();
        sender.url = await program.url();
      }
      await sending;

      const { acknowledged } = sender;
      assertGreater(acknowledged.length, DELIVERIES / 2);
      const query = kind === "sqlite"
        ? sqliteQuery(opened.url.slice("sqlite:".length))
        : postgresQuery(opened.url);
      await waitUntilDrained(query);
      program.kill("SIGTERM");
      assertEquals(await program.exit(), 0);
      await assertNothingLost(query, { sent, acknowledged });
      if (kind === "sqlite") {
        assertEquals(await query("pragma integrity_check"), [{ integrity_check: "ok" }]);
      }
    },
  });
}

/** The numbers of answers after which to kill the program: one at a random place in each of KILLS equal parts. */
function killPoints(random: () => number): number[] {
  const part = Math.floor(DELIVERIES / (KILLS + 1));
  return Array.from(
    { length: KILLS },
    (_, index) => part * index + randomInteger(random, [1, part]),
  );
}
