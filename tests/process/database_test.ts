import { assertEquals, assertStringIncludes } from "@std/assert";
import { TemporaryFolder } from "../fakes/folder.ts";
import { createTestSchema, isPostgresAvailable, POSTGRES_URL } from "../fakes/postgres.ts";
import { Program, programPath } from "../fakes/program.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { SimulatedGitHub } from "./github.ts";
import { postgresQuery, waitUntilDrained } from "./store_assertions.ts";
import { createRunDeliveries } from "./run_deliveries.ts";
import { WEBHOOK_ENVIRONMENT, WebhookSender } from "./webhook_sender.ts";

Deno.test("runwire serve creates its database in the current folder by default", async () => {
  await using github = new SimulatedGitHub();
  await using folder = await TemporaryFolder.create();
  const inFolder = ["/bin/sh", "-c", `cd '${folder.path}' && exec '${await programPath()}'`];
  await using program = Program.run(inFolder, { ...github.environment, DATABASE_URL: "" });
  await program.url();
  assertStringIncludes((await folder.files()).join(), `${folder.path}/runwire.db`);
  program.kill("SIGTERM");
  assertEquals(await program.exit(), 0);
  assertEquals(
    await folder.files(),
    ["runwire.db", "runwire.db.lock"].map((name) => `${folder.path}/${name}`),
  );
});

Deno.test({
  name: "runwire serve connects to PostgreSQL over a Unix socket",
  ignore: Deno.build.os === "windows" || !await isPostgresAvailable(),
  async fn() {
    await using github = new SimulatedGitHub();
    await using folder = await TemporaryFolder.create();
    await using schema = await createTestSchema();
    const { port } = new URL(POSTGRES_URL);
    const path = `${folder.path}/.s.PGSQL.${port || 5432}`;
    await using _proxy = TcpProxy.to(schema.url, { listenOn: { path } });
    await using program = await Program.start(["serve"], {
      ...github.environment,
      ...WEBHOOK_ENVIRONMENT,
      DATABASE_URL: toUnixSocketUrl(schema.url, folder.path),
    });
    const sender = new WebhookSender(await program.url());
    await sender.send(createRunDeliveries(50, { random: () => 0 }));
    assertEquals(sender.acknowledged.length, 50);
    await waitUntilDrained(postgresQuery(schema.url));
  },
});

/** `url` over the Unix socket in a folder. */
function toUnixSocketUrl(url: string, folder: string): string {
  const { pathname, username, password, searchParams } = new URL(url);
  searchParams.set("host", folder);
  searchParams.set("user", username);
  searchParams.set("password", password);
  return `postgres://${pathname}?${searchParams}`.replaceAll("+", "%20");
}
