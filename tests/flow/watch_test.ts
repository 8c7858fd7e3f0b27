import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Screen } from "../../src/cli/screen.ts";
import { socketUrl, streamRuns } from "../../src/cli/watch.ts";
import { systemClock } from "../../src/clock.ts";
import { LoginApp } from "../fakes/apps/login_app.ts";
import { waitUntil } from "../fakes/wait.ts";

/** The output of `runwire watch` with a key until it shows runs or an error. */
async function runWatch(app: LoginApp, key: string | undefined): Promise<string> {
  const stop = new AbortController();
  const output: string[] = [];
  const screen: Screen = {
    open() {},
    close() {},
    show: (runs) => output.push(runs.map(({ displayTitle }) => displayTitle).join()),
    showStatus: (text) => output.push(text),
  };
  const watching = streamRuns(socketUrl(app.url), {
    screen,
    clock: systemClock,
    signal: stop.signal,
    key,
  });
  await waitUntil(
    () => output.some((line) => /retrying|Fix/.test(line)),
    "watch to say something",
  );
  stop.abort();
  await watching;
  return output.join("\n");
}

Deno.test("streamRuns() connects with a ticket if it has a key, and reports a rejected key", async () => {
  await using app = await new LoginApp().start();
  app.world.addRepository({ full_name: "octo/app" });
  app.world.addRun("octo/app", { display_title: "Fix the build" });
  await app.waitForFirstRun("octo/app");
  const admin = await app.signIn("mona");
  const made = await admin.request("POST", "/api/v1/keys", { name: "screen", scopes: ["read"] });
  const { key } = await made.json();
  assertEquals(await runWatch(app, key), "Connected\nFix the build");
  const wrong = await runWatch(app, `${key}x`);
  assertMatch(wrong, /^Not authenticated: .*, retrying in 1 s$/);
  assert(!wrong.includes(key));
  assertMatch(
    await runWatch(app, undefined),
    /^Cannot reach ws:\/\/\S+\/ws\?view=full.*retrying/,
  );
});
