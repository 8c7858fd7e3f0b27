import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { isPostgresThere, testSchema } from "../fakes/postgres.ts";
import { type SocketClient, until, within } from "../fakes/socket.ts";
import { TcpProxy } from "../fakes/tcp_proxy.ts";
import { FOLLOWED_WITHIN_MS, Instance, KINDS, pause } from "./cluster.ts";
import { REPOSITORY } from "./github.ts";
import { postgresQuery } from "./kept.ts";

const isThere = await isPostgresThere();
/** A beat, and what may come late. */
const SOON_MS = 8_000;

function shows(client: SocketClient, title: string): boolean {
  return client.frames.some((frame) => frame.startsWith('{"runs"') && frame.includes(title));
}

/** The numbers of the events that a client heard. */
function numbers(client: SocketClient): number[] {
  return client.frames.map((frame) => JSON.parse(frame).seq);
}

for (const { kind, ignore, environment } of KINDS) {
  Deno.test({
    name:
      `Of two instances over ${kind} one polls, clients of both see it, and another follows within 15 s when it is killed`,
    ignore: !isThere || ignore,
    async fn() {
      await using schema = await testSchema();
      await using a = new Instance();
      await using b = new Instance();
      a.github.world.addRun(REPOSITORY, { id: 501, display_title: "Seen by A" });
      b.github.world.addRun(REPOSITORY, { id: 502, display_title: "Seen by B" });
      await a.start(schema.url, environment);
      await until(() => a.output.includes("polls now"), "A holds the lease", SOON_MS);
      await b.start(schema.url, environment);
      // Nobody listens to the one that polls.
      const atB = await b.connect();
      await until(() => shows(atB, "Seen by A"), "a client of B sees what A polls", SOON_MS);
      const atA = await a.connect();
      await until(() => shows(atA, "Seen by A"), "a client of A sees it, too", SOON_MS);
      const [eventsA, eventsB] = [
        await a.connect("?topics=events"),
        await b.connect("?topics=events"),
      ];
      a.github.world.addRun(REPOSITORY, { id: 503, display_title: "News of A" });
      for (const client of [eventsA, eventsB]) {
        await until(
          () => client.frames.some((frame) => frame.includes("News of A")),
          "both hear of it",
          SOON_MS,
        );
      }
      await until(() => shows(atB, "News of A"), "a client of B sees the news", SOON_MS);
      assertEquals(numbers(eventsA), numbers(eventsB));
      const frames = atB.frames.length;
      await pause(3_500);
      assertGreater(atB.frames.length, frames + 1, "a frame comes on every beat");
      assertEquals(b.askedAt.length, 0);

      const killedAt = Date.now();
      a.kill("SIGKILL");
      await until(() => b.askedAt.length > 0, "B polls", FOLLOWED_WITHIN_MS);
      await until(() => shows(atB, "Seen by B"), "a client of B sees what B polls", SOON_MS);
      assertLess((b.askedAt[0] ?? Infinity) - killedAt, FOLLOWED_WITHIN_MS);
      assertLess(Math.max(...a.askedAt), Math.min(...b.askedAt));
    },
  });

  Deno.test({
    name: `An instance over ${kind} that was paused past its lease asks and writes nothing more`,
    ignore: !isThere || ignore,
    async fn() {
      await using schema = await testSchema();
      await using a = new Instance();
      await using b = new Instance();
      a.github.world.addRun(REPOSITORY, { id: 501, display_title: "Seen by A" });
      b.github.world.addRun(REPOSITORY, { id: 502, display_title: "Seen by B" });
      await using proxy = TcpProxy.to(schema.url);
      await a.start(proxy.through(schema.url), { ...environment, POLL_WHEN: "always" });
      await until(() => a.askedAt.length > 3, "A polls", SOON_MS);
      await b.start(schema.url, { ...environment, POLL_WHEN: "always" });
      const query = postgresQuery(schema.url);
      const ids = async () =>
        (await query("select id from workflow_runs order by id")).map((row) =>
          Number(Object(row).id)
        );
      await until(async () => (await ids()).includes(501), "A has written", SOON_MS);

      // Its answer comes while A is paused: A has it in hand when it goes on.
      a.github.world.addRun(REPOSITORY, { id: 503, display_title: "Too late" });
      a.github.simulator.faults.add({ kind: "delay", ms: 2_000 }, { path: /runs\?/ });
      await within(a.github.hangs, "A to ask");
      // What it begins to write when it goes on lasts longer than to learn that it may not.
      proxy.delay(150);
      const pausedAt = Date.now();
      a.kill("SIGSTOP");
      try {
        await until(() => b.askedAt.length > 0, "B polls", FOLLOWED_WITHIN_MS);
        assertLess((b.askedAt[0] ?? Infinity) - pausedAt, FOLLOWED_WITHIN_MS);
        await until(async () => (await ids()).includes(502), "B has written", SOON_MS);
      } finally {
        a.kill("SIGCONT");
      }
      const asked = a.askedAt.length;
      const goesOnAt = Date.now();
      await pause(8_000);
      assertEquals(a.askedAt.length, asked, "A asks nothing more");
      assert(b.askedAt.some((at) => at > goesOnAt), "B goes on");
      assert(!(await ids()).includes(503), "A writes nothing more");
      const inOrder = await query("select event from events order by seq");
      const firstOfB = inOrder.findIndex((row) => JSON.stringify(row).includes("Seen by B"));
      assert(firstOfB > 0);
      const late = inOrder.slice(firstOfB).filter((row) =>
        /Seen by A|Too late/.test(JSON.stringify(row))
      );
      assertEquals(late, []);
      assertEquals(
        (await fetch(`${a.url}/livez`).then((answer) => answer.text())).length > 0,
        true,
      );
      assertLess(Math.max(...a.askedAt), Math.min(...b.askedAt));
    },
  });
}
