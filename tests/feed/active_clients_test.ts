import { assert, assertEquals } from "@std/assert";
import { ActiveClients } from "../../src/feed/active_clients.ts";

Deno.test("Audience.present() resolves when the first enters", async () => {
  const activeClients = new ActiveClients();
  const waiting = activeClients.waitForFirst(new AbortController().signal);
  activeClients.add();
  await waiting;
  await activeClients.waitForFirst(new AbortController().signal);
  assertEquals(activeClients.size, 1);
});

Deno.test("Audience.present() resolves when its signal aborts", async () => {
  const stop = new AbortController();
  const activeClients = new ActiveClients();
  const waiting = activeClients.waitForFirst(stop.signal);
  stop.abort();
  await waiting;
  await activeClients.waitForFirst(stop.signal);
  assertEquals(activeClients.size, 0);
});

Deno.test("Audience.absent aborts when the last has left, not before", () => {
  const activeClients = new ActiveClients();
  activeClients.add();
  activeClients.add();
  const { idleSignal } = activeClients;
  activeClients.remove();
  assert(!idleSignal.aborted);
  activeClients.remove();
  assert(idleSignal.aborted);
  activeClients.add();
  assert(!activeClients.idleSignal.aborted);
});
