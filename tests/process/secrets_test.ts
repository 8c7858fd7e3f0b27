import { assert, assertEquals } from "@std/assert";
import { SECRET } from "../fakes/delivery.ts";
import { TemporaryFolder } from "../fakes/folder.ts";
import { LogUnderTest } from "../fakes/log.ts";
import { CLIENT, LoginApp, SESSION_SECRET } from "../fakes/login_app.ts";
import { Program } from "../fakes/program.ts";
import { secretRun } from "../fakes/secret_run.ts";
import { until } from "../fakes/socket.ts";
import { SimulatedGitHub, TOKEN } from "./github.ts";

/** The tokens of users, whatever they are: ghu_, ghr_, gho_. */
const USER_TOKEN = /gh[uro]_\w{10}/;

/** What of the secrets stands in a text. */
function leaks(text: string, secrets: readonly string[]): readonly string[] {
  const found = secrets.filter((secret) => text.includes(secret));
  return [...found, ...text.match(USER_TOKEN) ?? []];
}

async function healthOf(url: string) {
  return await (await fetch(`${url}/health`)).json();
}

async function textOf(folder: TemporaryFolder): Promise<string> {
  const files = (await folder.files()).map((path) => Deno.readFile(path));
  return (await Promise.all(files)).map((bytes) => new TextDecoder("latin1").decode(bytes)).join();
}

Deno.test("runwire serve writes no secret to its log or its database", async () => {
  await using folder = await TemporaryFolder.make();
  await using github = new SimulatedGitHub();
  for (const login of ["mona", "hubot", "nat"]) github.world.people.add({ login });
  github.simulator.oauthApp({ ...CLIENT, kind: "github_app" });
  await using program = await Program.start(["serve"], {
    ...github.environment,
    DATABASE_URL: `sqlite:${folder.path}/runwire.db`,
    LOG_LEVEL: "debug",
    POLL_WHEN: "always",
    GITHUB_WEBHOOK_SECRET: SECRET,
    GITHUB_OAUTH_CLIENT_ID: CLIENT.clientId,
    GITHUB_OAUTH_CLIENT_SECRET: CLIENT.clientSecret,
    SESSION_SECRET,
    ADMIN_LOGINS: "mona",
  });
  const url = await program.url();
  // Until then it is known what there is to ask for.
  await until(
    async () => (await healthOf(url)).github.last_success_at !== null,
    "GitHub was asked",
  );
  const found = await secretRun({ url, simulator: github.simulator });
  assert(found.length > 15);
  const secrets = [...found, TOKEN, SECRET, CLIENT.clientSecret, SESSION_SECRET];
  assertEquals(leaks(await textOf(folder), secrets), [], "in the database");
  program.kill("SIGTERM");
  assertEquals(await program.exit(), 0);
  await program.stderr.find(/Signed user \S+ out/);
  assertEquals(leaks(program.output, secrets), [], "in the log");
  assertEquals(leaks(await textOf(folder), secrets), [], "in the database");
});

Deno.test("Nothing that is logged holds a secret, even before it is redacted", async () => {
  await using log = await new LogUnderTest().start();
  const app = await new LoginApp({ kind: "github_app" }).start();
  app.world.addRepository({ full_name: "octo/app" });
  await app.untilKept("octo/app");
  const found = await secretRun({ url: app.url, simulator: app.simulator });
  await app.stop();
  const secrets = [...found, SECRET, CLIENT.clientSecret, SESSION_SECRET];
  const text = log.records.map(({ message, properties }) =>
    `${message.join("")} ${JSON.stringify(properties)}`
  ).join("\n");
  assert(log.lines.some((line) => /Signed user \S+ out/.test(line)));
  assertEquals(leaks(text, secrets), []);
});
