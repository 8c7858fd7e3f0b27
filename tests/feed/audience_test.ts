import { assert, assertEquals } from "@std/assert";
import { Audience } from "../../src/feed/audience.ts";

Deno.test("Audience.present() resolves when the first enters", async () => {
  const audience = new Audience();
  const present = audience.present(new AbortController().signal);
  audience.enter();
  await present;
  await audience.present(new AbortController().signal);
  assertEquals(audience.size, 1);
});

Deno.test("Audience.present() resolves when its signal aborts", async () => {
  const stop = new AbortController();
  const audience = new Audience();
  const present = audience.present(stop.signal);
  stop.abort();
  await present;
  await audience.present(stop.signal);
  assertEquals(audience.size, 0);
});

Deno.test("Audience.absent aborts when the last has left, not before", () => {
  const audience = new Audience();
  audience.enter();
  audience.enter();
  const { absent } = audience;
  audience.leave();
  assert(!absent.aborted);
  audience.leave();
  assert(absent.aborted);
  audience.enter();
  assert(!audience.absent.aborted);
});
