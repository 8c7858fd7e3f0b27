import { assert, assertEquals, assertMatch } from "@std/assert";
import { AppUnderTest } from "../fakes/apps/app.ts";
import { isRedisAvailable, REDIS_URL } from "../fakes/redis.ts";

const PROXIED = { PUBLIC_URL: "https://ci.example.com", THROTTLE_RATE: "1", THROTTLE_BURST: "3" };

/** Sends a request with the client address that a proxy adds. */
function requestFrom(app: AppUnderTest, address: string, path = "/runs"): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    headers: { "x-forwarded-for": address, host: "ci.example.com" },
  });
}

async function collectStatuses(answers: readonly Promise<Response>[]): Promise<number[]> {
  return await Promise.all(answers.map(async (answer) => {
    const { status, body } = await answer;
    await body?.cancel();
    return status;
  }));
}

Deno.test("Rate limit answers 429 to the burst of one address only", async () => {
  await using app = await new AppUnderTest({ environment: PROXIED }).start();
  const burst = await collectStatuses(
    Array.from({ length: 20 }, () => requestFrom(app, "203.0.113.1")),
  );
  const granted = burst.filter((status) => status === 200).length;
  assert(granted >= 3 && granted < 20, `${granted} of the burst were granted`);
  assertEquals(burst.filter((status) => status === 429).length, 20 - granted);
  const otherClient = Array.from({ length: 3 }, () => requestFrom(app, "203.0.113.2"));
  assertEquals(await collectStatuses(otherClient), [200, 200, 200]);
});

Deno.test("Rate limit sends RateLimit headers and Retry-After", async () => {
  await using app = await new AppUnderTest({
    environment: { ...PROXIED, THROTTLE_RATE: "1", THROTTLE_BURST: "1" },
  }).start();
  const first = await requestFrom(app, "203.0.113.1");
  assertEquals(first.status, 200);
  assertEquals(first.headers.get("ratelimit-policy"), '"default";q=1;w=1');
  assertEquals(first.headers.get("ratelimit"), '"default";r=0;t=1');
  await first.body?.cancel();
  const second = await requestFrom(app, "203.0.113.1", "/api/v1/stats");
  assertEquals(second.status, 429);
  assertEquals(second.headers.get("retry-after"), "1");
  assertMatch(second.headers.get("ratelimit") ?? "", /^"default";r=0;t=[01]$/);
  assertEquals((await second.json()).code, "rate_limited");
});

Deno.test("Rate limit skips health, webhooks and event streams, and is off with THROTTLE_RATE=0", async () => {
  await using app = await new AppUnderTest({ environment: PROXIED }).start();
  const health = Array.from({ length: 10 }, () => requestFrom(app, "203.0.113.1", "/health"));
  assertEquals(new Set(await collectStatuses(health)), new Set([200]));
  const streams = Array.from(
    { length: 10 },
    () => requestFrom(app, "203.0.113.1", "/api/v1/events"),
  );
  assertEquals(new Set(await collectStatuses(streams)), new Set([200]));
  const posts = Array.from(
    { length: 10 },
    () => fetch(`${app.url}/api/v1/webhook/github`, { method: "POST", body: "{}" }),
  );
  assertEquals(new Set(await collectStatuses(posts)), new Set([503]), "there is no secret");
  await using free = await new AppUnderTest({
    environment: { ...PROXIED, THROTTLE_RATE: "0" },
  }).start();
  const all = Array.from({ length: 10 }, () => requestFrom(free, "203.0.113.1"));
  assertEquals(new Set(await collectStatuses(all)), new Set([200]));
  const answer = await requestFrom(free, "203.0.113.1");
  assertEquals(answer.headers.get("ratelimit"), null);
  await answer.body?.cancel();
});

Deno.test({
  name: "Rate limit also works with Redis, and the program stops within 5 s",
  ignore: !await isRedisAvailable(),
  async fn() {
    await using app = await new AppUnderTest({
      environment: { ...PROXIED, REDIS_URL, THROTTLE_BURST: "1" },
    }).start();
    // Each test run has its own client address, because Redis stores the buckets.
    const network = crypto.getRandomValues(new Uint16Array(2)).join(":").replace(
      /\d+/g,
      (n) => Number(n).toString(16),
    );
    const client = `2001:db8:${network}::1`;
    assertEquals(await collectStatuses([requestFrom(app, client)]), [200]);
    assertEquals(
      (await collectStatuses([requestFrom(app, client), requestFrom(app, client)])).includes(429),
      true,
    );
  },
});
