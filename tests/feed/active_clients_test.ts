import { assert, assertEquals } from "@std/assert";
import { ActiveClients } from "../../src/feed/active_clients.ts";

Deno.test("ActiveClients.waitForFirst() resolves when the first client is added", async () => {
  const activeClients = new ActiveClients();
  const waiting = activeClients.waitForFirst(new AbortController().signal);
  activeClients.add();
  await waiting;
  await activeClients.waitForFirst(new AbortController().signal);
  assertEquals(activeClients.size, 1);
});

Deno.test("ActiveClients.waitForFirst() resolves when its signal aborts", async () => {
  const stop = new AbortController();
  const activeClients = new ActiveClients();
  const waiting = activeClients.waitForFirst(stop.signal);
  stop.abort();
  await waiting;
  await activeClients.waitForFirst(stop.signal);
  assertEquals(activeClients.size, 0);
});

Deno.test("ActiveClients.idleSignal aborts when the last client is removed, not before", () => {
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
