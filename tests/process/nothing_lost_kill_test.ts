import { assertEquals, assertGreater } from "@std/assert";
import { between, seededRandom } from "../../src/simulator/random.ts";
import { DATABASE_KINDS, testDatabase } from "../fakes/database.ts";
import { Program } from "../fakes/program.ts";
import { until } from "../fakes/socket.ts";
import { SimulatedGitHub } from "./github.ts";
import { assertNothingLost, drained, postgresQuery, sqliteQuery } from "./kept.ts";
import { runDeliveries } from "./run_deliveries.ts";
import { Sender, WEBHOOK_ENVIRONMENT } from "./sender.ts";

const SEED = Number(Deno.env.get("TEST_SEED") ?? 20_261_122);
const DELIVERIES = 2_000;
const KILLS = 10;

for (const { kind, ignore } of DATABASE_KINDS.filter(({ kind }) => kind !== "memory")) {
  Deno.test({
    name:
      `runwire serve killed ${KILLS} times in ${DELIVERIES} deliveries applies each that it took once (${kind})`,
    ignore,
    async fn() {
      const random = seededRandom(SEED);
      await using github = new SimulatedGitHub();
      await using place = await testDatabase(kind);
      await place.database.close();
      await using programs = new AsyncDisposableStack();
      const start = async () =>
        programs.use(
          await Program.start(["serve"], {
            ...github.environment,
            ...WEBHOOK_ENVIRONMENT,
            DATABASE_URL: place.url,
          }),
        );

      const sent = runDeliveries(DELIVERIES, { random });
      let program = await start();
      const sender = new Sender(await program.url());
      const sending = sender.send(sent);
      for (const moment of moments(random)) {
        await until(() => sender.answers.size >= moment, `${moment} deliveries are answered`);
        program.kill("SIGKILL");
        await program.exit();
        program = await start();
        sender.url = await program.url();
      }
      await sending;

      const { acknowledged } = sender;
      assertGreater(acknowledged.length, DELIVERIES / 2);
      const query = kind === "sqlite"
        ? sqliteQuery(place.url.slice("sqlite:".length))
        : postgresQuery(place.url);
      await drained(query);
      program.kill("SIGTERM");
      assertEquals(await program.exit(), 0);
      await assertNothingLost(query, { sent, acknowledged });
      if (kind === "sqlite") {
        assertEquals(await query("pragma integrity_check"), [{ integrity_check: "ok" }]);
      }
    },
  });
}

/** After how many answers to kill, each in a part of its own of the whole. */
function moments(random: () => number): number[] {
  const part = Math.floor(DELIVERIES / (KILLS + 1));
  return Array.from({ length: KILLS }, (_, index) => part * index + between(random, [1, part]));
}
