import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Principal } from "../../../src/account/principal.ts";
import { systemClock as clock } from "../../../src/clock.ts";
import { SessionMonitor } from "../../../src/http/streams/session_monitor.ts";
import { keyPrincipal } from "../../fakes/stores/authenticator.ts";

Deno.test("SessionMonitor does not overlap checks of one caller", async () => {
  using time = new FakeTime();
  const calls: PromiseWithResolvers<Principal | undefined>[] = [];
  const reauthenticate = () => {
    const call = Promise.withResolvers<Principal | undefined>();
    calls.push(call);
    return call.promise;
  };
  const monitor = new SessionMonitor({
    authenticator: { reauthenticate },
    clock,
    intervalMs: 1_000,
  });
  let ended = 0;
  monitor.watch(keyPrincipal(), () => ended++);
  await time.tickAsync(10_000);
  assertEquals(calls.length, 1);
  calls[0]?.reject(new Error("database unavailable"));
  await time.tickAsync(1_000);
  assertEquals([calls.length, ended], [2, 0]);
  calls[1]?.resolve(undefined);
  await time.tickAsync(10_000);
  assertEquals([calls.length, ended, monitor.size], [2, 1, 0]);
});
