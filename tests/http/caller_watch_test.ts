import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Principal } from "../../src/account/principal.ts";
import { systemClock as clock } from "../../src/clock.ts";
import { CallerWatch } from "../../src/http/caller_watch.ts";
import { keyCaller } from "../fakes/callers.ts";

Deno.test("CallerWatch asks for a caller again only when it has been answered", async () => {
  using time = new FakeTime();
  const asked: PromiseWithResolvers<Principal | undefined>[] = [];
  const again = () => {
    const answer = Promise.withResolvers<Principal | undefined>();
    asked.push(answer);
    return answer.promise;
  };
  const watch = new CallerWatch({ callers: { reauthenticate: again }, clock, intervalMs: 1_000 });
  let ended = 0;
  watch.enter(keyCaller(), () => ended++);
  await time.tickAsync(10_000);
  assertEquals(asked.length, 1);
  asked[0]?.reject(new Error("The database is away"));
  await time.tickAsync(1_000);
  assertEquals([asked.length, ended], [2, 0]);
  asked[1]?.resolve(undefined);
  await time.tickAsync(10_000);
  assertEquals([asked.length, ended, watch.size], [2, 1, 0]);
});
