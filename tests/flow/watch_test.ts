import { assert, assertEquals, assertMatch } from "@std/assert";
import { streamRuns, type Screen, socketUrl } from "../../src/cli/watch.ts";
import { systemClock } from "../../src/clock.ts";
import { LoginApp } from "../fakes/login_app.ts";
import { until } from "../fakes/socket.ts";

/** What `runwire watch` says with a key, until it was told of runs or could not be. */
async function watched(app: LoginApp, key: string | undefined): Promise<string> {
  const stop = new AbortController();
  const heard: string[] = [];
  const screen: Screen = {
    open() {},
    close() {},
    show: (runs) => heard.push(runs.map(({ displayTitle }) => displayTitle).join()),
    showStatus: (text) => heard.push(text),
  };
  const followed = streamRuns(socketUrl(app.url), {
    screen,
    clock: systemClock,
    signal: stop.signal,
    key,
  });
  await until(() => heard.some((line) => /trying again|Fix/.test(line)), "watch to say something");
  stop.abort();
  await followed;
  return heard.join("\n");
}

Deno.test("follow() connects by a ticket where it has a key, and says why it cannot", async () => {
  await using app = await new LoginApp().start();
  app.world.addRepository({ full_name: "octo/app" });
  app.world.addRun("octo/app", { display_title: "Fix the build" });
  await app.untilKept("octo/app");
  const admin = await app.signedIn("mona");
  const made = await admin.ask("POST", "/api/v1/keys", { name: "screen", scopes: ["read"] });
  const { key } = await made.json();
  assertEquals(await watched(app, key), "Connected\nFix the build");
  const wrong = await watched(app, `${key}x`);
  assertMatch(wrong, /^Cannot tell who asks: .*, trying again in 1 s$/);
  assert(!wrong.includes(key));
  assertMatch(
    await watched(app, undefined),
    /^Cannot reach ws:\/\/\S+\/ws\?view=full.*trying again/,
  );
});
