import { assertEquals, assertRejects } from "@std/assert";
import { SingleFlight } from "../src/single_flight.ts";

Deno.test("SingleFlight makes one call per key for concurrent callers", async () => {
  const calls = new SingleFlight<number, string>();
  let made = 0;
  const call = async () => {
    made++;
    await Promise.resolve();
    return `call ${made}`;
  };
  const outcomes = await Promise.all([calls.run(1, call), calls.run(1, call), calls.run(2, call)]);
  assertEquals([made, outcomes[0] === outcomes[1]], [2, true]);
  await calls.run(1, call);
  assertEquals(made, 3);
});

Deno.test("SingleFlight rejects for all authenticator, then calls again", async () => {
  const calls = new SingleFlight<number, string>();
  const failed = () => Promise.reject(new TypeError("No"));
  await Promise.all([1, 2].map(() => assertRejects(() => calls.run(1, failed), TypeError)));
  assertEquals(await calls.run(1, () => Promise.resolve("yes")), "yes");
});
