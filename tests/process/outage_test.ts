import { assert, assertEquals, assertGreater } from "@std/assert";
import { until } from "../fakes/socket.ts";
import { REPOSITORY } from "./github.ts";
import { healthOf, statusOf } from "./ask.ts";
import { FOLLOWED_WITHIN_MS, pause } from "./cluster.ts";
import {
  allHeard,
  assertNoHoles,
  isOpen,
  isSiteThere,
  type Place,
  saidIn,
  Site,
} from "./cluster_site.ts";
import { Resuming } from "./resuming.ts";

const OUTAGE_MS = 30_000;
/** What was on its way when the trouble began is answered by then, one way or the other. */
const BEGIN_MS = 3_000;
const WARM_UP_MS = 2_000;
/** A lease lasts so long without its holder; and what may come late. */
const LEASE_MS = 13_000;

const ignore = !isSiteThere;

/** Asks again and again, while the trouble goes on, whether those who stay still have what they had. */
async function stayFor(ms: number, check: () => Promise<void>): Promise<void> {
  const end = Date.now() + ms;
  while (Date.now() < end) {
    await check();
    await pause(500);
  }
}

function assertOpen(places: readonly Place[]): void {
  for (const { messages, events } of places) assert(isOpen(messages) && isOpen(events));
}

/** What was posted from then on, and what it was answered. */
function answersSince(from: number, { traffic }: Place): string[] {
  const answers = traffic.postedSince(from).map(({ status, code, retryAfter }) =>
    [status, code, Number(retryAfter) > 0].join()
  );
  assertGreater(answers.length, 20);
  return [...new Set(answers)];
}

function askedSince(from: number, { instance }: Place): number[] {
  return instance.askedAt.filter((at) => at > from);
}

Deno.test({
  name: "Two instances lose nothing while Redis is away for 30 s, and take all that is sent",
  ignore,
  async fn() {
    await using site = await Site.of(2);
    const { places } = site;
    await pause(WARM_UP_MS);
    for (const { redis } of places) redis.cut();
    const began = Date.now();
    await pause(BEGIN_MS);
    await stayFor(OUTAGE_MS - BEGIN_MS, async () => {
      assertOpen(places);
      for (const { instance: { url } } of places) {
        assertEquals(await healthOf(url), [503, "unhealthy", { postgres: "up", redis: "down" }]);
        for (const path of ["/api/v1/runs", "/api/v1/messages"]) {
          assertEquals(await statusOf(`${url}${path}`), 200);
        }
      }
    });
    for (const place of places) {
      assertEquals(answersSince(began, place), ["201,,false"]);
      assertEquals([place.traffic.refusals, place.traffic.errors], [[], []]);
      assertEquals(askedSince(began + LEASE_MS, place), [], "Nobody polls: nobody can say who may");
    }
    await allHeard(places);
    const healed = Date.now();
    for (const { redis } of places) redis.heal();
    await site.isWell();
    const isPolled = () => places.some((place) => askedSince(healed, place).length > 0);
    await until(isPolled, "one polls again", FOLLOWED_WITHIN_MS);
    await site.settle();
  },
});

Deno.test({
  name: "Two instances lose nothing while PostgreSQL is away for 30 s, and say so",
  ignore,
  async fn() {
    await using site = await Site.of(2);
    const { places } = site;
    await pause(WARM_UP_MS);
    for (const { instance: { url } } of places) assertEquals(await statusOf(`${url}/runs`), 200);
    for (const { postgres } of places) postgres.cut();
    await pause(BEGIN_MS);
    const began = Date.now();
    await stayFor(OUTAGE_MS - BEGIN_MS, async () => {
      assertOpen(places);
      for (const { instance: { url } } of places) {
        assertEquals(await healthOf(url), [503, "unhealthy", { postgres: "down", redis: "up" }]);
        assertEquals(await statusOf(`${url}/livez`), 200);
        // What was answered before, and what was never asked for.
        assertEquals(await statusOf(`${url}/runs`), 200);
        assertEquals(await statusOf(`${url}/runs?page=2`), 503);
      }
    });
    for (const { instance } of places) {
      const client = await instance.connect();
      await until(() => client.frames.length > 0, "a client that comes sees runs");
    }
    for (const place of places) {
      const { refusals, errors } = place.traffic;
      assertEquals(answersSince(began, place), ["503,storage_unavailable,true"]);
      assertGreater(refusals.length, 20);
      for (const { status, code, retryAfter } of refusals) {
        assertEquals([status, code, Number(retryAfter) > 0], [503, "storage_unavailable", true]);
      }
      assertGreater(errors.length, 20);
      assertEquals(new Set(errors), new Set(["storage_unavailable"]));
    }
    for (const { postgres } of places) postgres.heal();
    await site.isWell();
    await pause(WARM_UP_MS);
    await site.settle();
  },
});

Deno.test({
  name: "An instance that is cut off from Redis alone goes on, and another one polls",
  ignore,
  async fn() {
    await using site = await Site.of(3);
    const { places } = site;
    const [first] = places;
    assert(first);
    const others = places.slice(1);
    await pause(WARM_UP_MS);
    // Nobody hears of it: nothing is refused, and nothing comes any more.
    first.redis.lose();
    const began = Date.now();
    const isPolled = () => others.some((place) => askedSince(began, place).length > 0);
    await until(isPolled, "another one polls", FOLLOWED_WITHIN_MS);
    const title = "Seen by one that polls";
    for (const { instance: { github } } of others) {
      github.world.addRun(REPOSITORY, { id: 777, display_title: title });
    }
    for (const { events } of places) {
      const isHeard = () => events.frames.some((frame) => frame.includes(title));
      await until(isHeard, "all hear of it, also where Redis is away");
    }
    await stayFor(began + OUTAGE_MS - Date.now(), async () => {
      assertOpen(places);
      const away = { postgres: "up", redis: "down" };
      assertEquals(await healthOf(first.instance.url), [503, "unhealthy", away]);
      for (const { instance } of others) assertEquals((await healthOf(instance.url))[0], 200);
    });
    const asked = others.flatMap((place) => askedSince(began, place));
    assertEquals(askedSince(Math.min(...asked), first), [], "The first one asks no more");
    for (const place of places) {
      assertEquals(answersSince(began, place), ["201,,false"]);
      assertEquals([place.traffic.refusals, place.traffic.errors], [[], []]);
    }
    await allHeard(places);
    first.redis.heal();
    await site.isWell();
    await site.settle();
  },
});

Deno.test({
  name: "Nothing is lost when the instance that polls is killed, and its clients go on at others",
  ignore,
  async fn() {
    await using site = await Site.of(3);
    const { places } = site;
    const [killed] = places;
    assert(killed);
    const others = places.slice(1);
    const urls = places.map(({ instance }) => instance.url);
    await using resuming = new Resuming(urls);
    await pause(WARM_UP_MS);
    assertGreater(saidIn(resuming).length, 0);
    killed.instance.kill("SIGKILL");
    const began = Date.now();
    const isPolled = () => others.some((place) => askedSince(began, place).length > 0);
    await until(isPolled, "another one polls", FOLLOWED_WITHIN_MS);
    for (const place of others) {
      assertEquals(answersSince(began, place), ["201,,false"]);
      assertEquals([place.traffic.refusals, place.traffic.errors], [[], []]);
    }
    const kept = await site.settle(others);
    await until(() => saidIn(resuming).at(-1) === kept.at(-1), "all is heard");
    assertEquals(resuming.connections, 2);
    assertEquals(saidIn(resuming), kept.slice(-saidIn(resuming).length));
    assertNoHoles(resuming);
  },
});
