import { assert, assertEquals } from "@std/assert";
import type { Browser } from "../fakes/browser.ts";
import { type HiddenWorld, hiddenWorld, type Marked } from "../fakes/hidden_world.ts";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";
import { type Document, pairs, type Place, places, plain, tell } from "../fakes/walk.ts";

/** What of `marked` stands in a text. */
function found(text: string, marked: readonly Marked[]): readonly string[] {
  const lower = text.toLowerCase();
  return marked.flatMap(({ marks }) => marks.filter((mark) => lower.includes(mark)));
}

/** What users say is meant for all, whatever stands in it: who writes what is hidden from others has told it himself. */
function isForAll({ method, path }: Place): boolean {
  return method === "POST" && path === "/api/v1/messages";
}

async function documentOf({ app }: HiddenWorld): Promise<Document> {
  return await (await fetch(`${app.url}/openapi.json`)).json();
}

/** Asks one route for everything that is hidden from a user. */
async function walk(
  place: Place,
  { browser, hidden, login }: {
    readonly browser: Browser;
    readonly hidden: readonly Marked[];
    readonly login: string;
  },
): Promise<number> {
  let asked = 0;
  const name = `${login}: ${place.method} ${place.path}`;
  for (const question of plain(place)) {
    const { text } = await tell(browser, question);
    assertEquals(found(text, hidden), [], `${name} shows what is hidden`);
    asked++;
  }
  for (
    const { hidden: question, nothing, values: [value, none] } of hidden.flatMap((marked) =>
      pairs(place, marked)
    )
  ) {
    const told = await tell(browser, question);
    const { status, text } = await tell(browser, nothing);
    assertEquals(found(text, hidden), [], `${name} shows what is hidden`);
    asked++;
    // Logins alone, which have a throttle of their own.
    if (status === 429 || told.status === 429) continue;
    const plainly = [value, encodeURIComponent(value)].reduce(
      (text, each) => text.replaceAll(each, each === value ? none : encodeURIComponent(none)),
      told.text,
    );
    assertEquals(plainly, text, `${name} tells ${value}, which is hidden, from what is not there`);
  }
  return asked;
}

for (const kind of ["memory", "postgres"] as const) {
  Deno.test({
    name: `Every route hides from each user what GitHub hides from that user (${kind})`,
    ignore: kind === "postgres" && !await isPostgresThere(),
    async fn() {
      await using stack = new AsyncDisposableStack();
      const environment = kind === "postgres"
        ? { DATABASE_URL: stack.use(await testSchema()).url }
        : {};
      const world = await hiddenWorld({ environment });
      stack.use(world.app);
      const all = places(await documentOf(world)).filter((place) => !isForAll(place));
      for (const login of ["hubot", "nat"]) {
        const browser = world.browsers.get(login) ?? world.app.browser();
        const hidden = world.hiddenFrom(login);
        assert(hidden.length > 0);
        const look = async (place: Place) => {
          const asked = await walk(place, { browser, hidden, login });
          assert(asked > 0 || place.operation.requestBody === undefined, place.path);
        };
        const isLast = ({ path }: Place) => path === "/logout";
        await Promise.all(all.filter((place) => !isLast(place)).map(look));
        for (const place of all.filter(isLast)) await look(place);
      }
      // Nothing that was asked for has changed anything, and all of it can be seen by who may.
      const mona = world.browsers.get("mona") ?? world.app.browser();
      const { items } = await (await mona.get("/repositories?followed=true")).json();
      assertEquals(items.length, 3);
      const shown = ["/repositories", "/workflows", "/runs", "/stats?group_by=repository"];
      for (const path of shown.flatMap((path) => [path, `/api/v1${path}`])) {
        const { text } = await tell(mona, { method: "GET", path });
        for (const marked of world.repositories) assert(found(text, [marked]).length > 0, path);
      }
    },
  });
}

Deno.test("Every list and figure counts what its user may see, and no more", async () => {
  const world = await hiddenWorld();
  await using _ = world.app;
  for (const [login, repositories] of [["mona", 3], ["hubot", 2], ["nat", 1]] as const) {
    const browser = world.browsers.get(login) ?? world.app.browser();
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

Deno.test("An ETag of one user is none of another who sees something else", async () => {
  const world = await hiddenWorld();
  await using _ = world.app;
  const [mona, nat] = ["mona", "nat"].map((login) => world.browsers.get(login));
  assert(mona && nat);
  const [secret] = world.hiddenFrom("nat");
  for (
    const path of ["/runs", "/repositories", "/workflows", "/stats", `/runs/${secret?.runIds[0]}`]
  ) {
    const theirs = await mona.get(path);
    await theirs.body?.cancel();
    const etag = theirs.headers.get("etag") ?? "";
    const answer = await nat.get(path, { "if-none-match": etag });
    await answer.body?.cancel();
    assert(etag !== "" && answer.status !== 304, path);
    assert(answer.headers.get("etag") !== etag, path);
  }
});
