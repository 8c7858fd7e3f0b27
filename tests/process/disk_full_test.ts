import { assert, assertEquals } from "@std/assert";
import { seededRandom } from "../../src/simulator/world/random.ts";
import { Program } from "../fakes/program.ts";
import { canMount, SmallDisk } from "../fakes/small_disk.ts";
import { SimulatedGitHub } from "./github.ts";
import { assertNothingLost, sqliteQuery, waitUntilDrained } from "./store_assertions.ts";
import { createRunDeliveries } from "./run_deliveries.ts";
import { WEBHOOK_ENVIRONMENT, WebhookSender } from "./webhook_sender.ts";

const DISK_MB = 8;
/** The rest of the disk is full before SQLite's first checkpoint. */
const BALLAST_MB = 5;
/** Sent at the same time, so that they are stored before they are applied. */
const BURST = 100;
const MAX_BURSTS = 40;
const AFTER = 200;

Deno.test({
  name:
    "runwire serve refuses deliveries on a full disk, and recovers when there is space (mounts)",
  ignore: !await canMount(),
  async fn() {
    await using github = new SimulatedGitHub();
    await using disk = await SmallDisk.mount(DISK_MB);
    const ballast = `${disk.path}/ballast`;
    await Deno.writeFile(ballast, new Uint8Array(BALLAST_MB * 1024 * 1024));
    const file = `${disk.path}/runwire.db`;
    const query = sqliteQuery(file);
    await using program = await Program.start(["serve"], {
      ...github.environment,
      ...WEBHOOK_ENVIRONMENT,
      DATABASE_URL: `sqlite:${file}`,
    });
    const sender = new WebhookSender(await program.url());
    const sent = createRunDeliveries(MAX_BURSTS * BURST + AFTER, { random: seededRandom(2) });

    for (let burst = 0; burst < MAX_BURSTS && sender.rejections.length === 0; burst++) {
      const next = sent.slice(burst * BURST, (burst + 1) * BURST);
      await sender.send(next, { senders: BURST });
    }
    const rejected = sender.rejections.map(({ status, code }) => `${status} ${code}`);
    assert(rejected.length > 0, "The disk was never full");
    for (const each of rejected) assert(/^507 storage_full$|^503 storage_/.test(each), each);
    assert(rejected.includes("507 storage_full"), rejected.join());
    const alive = await fetch(`${sender.url}/livez`);
    assertEquals([alive.status, await alive.json()], [200, { status: "alive" }]);
    assertEquals(await query("pragma integrity_check"), [{ integrity_check: "ok" }]);

    await Deno.remove(ballast);
    await waitUntilDrained(query);
    const before = sender.acknowledged.length;
    await sender.send(sent.slice(-AFTER));
    assertEquals(sender.acknowledged.length, before + AFTER);
    await waitUntilDrained(query);
    program.kill("SIGTERM");
    assertEquals(await program.exit(), 0);
    await assertNothingLost(query, { sent, acknowledged: sender.acknowledged });
    assertEquals(await query("pragma integrity_check"), [{ integrity_check: "ok" }]);
  },
});
