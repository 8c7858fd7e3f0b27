import { assert, assertEquals } from "@std/assert";
import type { Browser } from "../fakes/clients/browser.ts";
import {
  type MarkedRepository,
  startVisibilityScenario,
  type VisibilityScenario,
} from "../fakes/apps/visibility_scenario.ts";
import { createTestSchema, isPostgresAvailable } from "../fakes/postgres.ts";
import {
  type Document,
  type Endpoint,
  listEndpoints,
  plainRequests,
  probePairs,
  sendProbe,
} from "../fakes/clients/api_probe.ts";

/** The markers of `marked` in a text. */
function findMarkers(text: string, marked: readonly MarkedRepository[]): readonly string[] {
  const lower = text.toLowerCase();
  return marked.flatMap(({ markers }) => markers.filter((marker) => lower.includes(marker)));
}

/** Messages are public, whatever their content. */
function isPublicByDesign({ method, path }: Endpoint): boolean {
  return method === "POST" && path === "/api/v1/messages";
}

async function fetchDocument({ app }: VisibilityScenario): Promise<Document> {
  return await (await fetch(`${app.url}/openapi.json`)).json();
}

/** Requests everything that is hidden from a user on one route. */
async function probeEndpoint(
  endpoint: Endpoint,
  { browser, hidden, login }: {
    readonly browser: Browser;
    readonly hidden: readonly MarkedRepository[];
    readonly login: string;
  },
): Promise<number> {
  let requestCount = 0;
  const name = `${login}: ${endpoint.method} ${endpoint.path}`;
  for (const request of plainRequests(endpoint)) {
    const { text } = await sendProbe(browser, request);
    assertEquals(findMarkers(text, hidden), [], `${name} shows what is hidden`);
    requestCount++;
  }
  for (
    const { hidden: hiddenRequest, absentRequest, values: [value, absentValue] } of hidden
      .flatMap((marked) => probePairs(endpoint, marked))
  ) {
    const hiddenResponse = await sendProbe(browser, hiddenRequest);
    const { status, text } = await sendProbe(browser, absentRequest);
    assertEquals(findMarkers(text, hidden), [], `${name} shows what is hidden`);
    requestCount++;
    // Only logins, which have their own rate limit.
    if (status === 429 || hiddenResponse.status === 429) continue;
    const normalizedText = [value, encodeURIComponent(value)].reduce(
      (text, each) =>
        text.replaceAll(each, each === value ? absentValue : encodeURIComponent(absentValue)),
      hiddenResponse.text,
    );
    assertEquals(
      normalizedText,
      text,
      `${name} distinguishes ${value}, which is hidden, from a missing value`,
    );
  }
  return requestCount;
}

for (const kind of ["memory", "postgres"] as const) {
  Deno.test({
    name: `Every route hides from each user the repositories that GitHub hides (${kind})`,
    ignore: kind === "postgres" && !await isPostgresAvailable(),
    async fn() {
      await using stack = new AsyncDisposableStack();
      const environment = kind === "postgres"
        ? { DATABASE_URL: stack.use(await createTestSchema()).url }
        : {};
      const scenario = await startVisibilityScenario({ environment });
      stack.use(scenario.app);
      const all = listEndpoints(await fetchDocument(scenario)).filter((place) =>
        !isPublicByDesign(place)
      );
      for (const login of ["hubot", "nat"]) {
        const browser = scenario.browsers.get(login) ?? scenario.app.browser();
        const hidden = scenario.hiddenFrom(login);
        assert(hidden.length > 0);
        const probe = async (place: Endpoint) => {
          const requests = await probeEndpoint(place, { browser, hidden, login });
          assert(requests > 0 || place.operation.requestBody === undefined, place.path);
        };
        const isLast = ({ path }: Endpoint) => path === "/logout";
        await Promise.all(all.filter((place) => !isLast(place)).map(probe));
        for (const place of all.filter(isLast)) await probe(place);
      }
      // No request has changed anything, and users with access see all of it.
      const mona = scenario.browsers.get("mona") ?? scenario.app.browser();
      const { items } = await (await mona.get("/repositories?followed=true")).json();
      assertEquals(items.length, 3);
      const shown = ["/repositories", "/workflows", "/runs", "/stats?group_by=repository"];
      for (const path of shown.flatMap((path) => [path, `/api/v1${path}`])) {
        const { text } = await sendProbe(mona, { method: "GET", path });
        for (const marked of scenario.repositories) {
          assert(findMarkers(text, [marked]).length > 0, path);
        }
      }
    },
  });
}

Deno.test("Every list and figure counts only what its user may see", async () => {
  const scenario = await startVisibilityScenario();
  await using _ = scenario.app;
  for (const [login, repositories] of [["mona", 3], ["hubot", 2], ["nat", 1]] as const) {
    const browser = scenario.browsers.get(login) ?? scenario.app.browser();
    const count = async (path: string) => {
      const response = await browser.get(path);
      const { total_count, items } = await response.json();
      assertEquals(items.length, Math.min(1, total_count), path);
      const link = response.headers.get("link") ?? "";
      const [, last] = link.match(/[?&]page=(\d+)>; rel="last"/) ?? [];
      assertEquals(last, total_count > 1 ? String(total_count) : undefined);
      return total_count;
    };
    assertEquals(await count("/repositories?per_page=1"), repositories);
    assertEquals(await count("/workflows?per_page=1"), repositories);
    assertEquals(await count("/runs?per_page=1"), 2 * repositories);
    assertEquals(await count("/runs?per_page=1&status=completed"), repositories);
    assertEquals(await count("/stats?per_page=1&group_by=repository"), repositories);
    assertEquals(await count("/stats?per_page=1&group_by=workflow"), repositories);
    const { totals } = await (await browser.get("/stats")).json();
    assertEquals(totals.runs, repositories);
  }
});

Deno.test("An ETag is not valid for a user with another visibility", async () => {
  const scenario = await startVisibilityScenario();
  await using _ = scenario.app;
  const [mona, nat] = ["mona", "nat"].map((login) => scenario.browsers.get(login));
  assert(mona && nat);
  const [secret] = scenario.hiddenFrom("nat");
  for (
    const path of ["/runs", "/repositories", "/workflows", "/stats", `/runs/${secret?.runIds[0]}`]
  ) {
    const monaResponse = await mona.get(path);
    await monaResponse.body?.cancel();
    const etag = monaResponse.headers.get("etag") ?? "";
    const answer = await nat.get(path, { "if-none-match": etag });
    await answer.body?.cancel();
    assert(etag !== "" && answer.status !== 304, path);
    assert(answer.headers.get("etag") !== etag, path);
  }
});
