import { assertEquals } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import { SESSION_IDLE_TIMEOUT_MS } from "../../src/account/session.ts";
import { ExpiredSessionCleanup } from "../../src/account/session_cleanup.ts";
import { TokenManager } from "../../src/account/token_manager.ts";
import { systemClock } from "../../src/clock.ts";
import { StorageError } from "../../src/errors.ts";
import {
  aProfile,
  createAccountStores,
  FakeOAuthProvider,
  someTokens,
} from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";
import { testOverDatabases } from "../fakes/database.ts";
import { waitUntil } from "../fakes/wait.ts";

const NOW = 1_767_225_600_000;
const HOUR_MS = 60 * 60_000;

Deno.test("ExpiredSessionCleanup deletes expired sessions and tickets every hour, until it is stopped", async () => {
  using time = new FakeTime();
  let swept = 0;
  const sessions = {
    deleteExpired: () =>
      ++swept === 1
        ? Promise.reject(new StorageError("unavailable", "Locked"))
        : Promise.resolve(1),
  };
  let tickets = 0;
  const stop = new AbortController();
  const running = new ExpiredSessionCleanup({
    sessions,
    tickets: { deleteExpired: () => Promise.resolve(++tickets) },
    login: undefined,
    clock: systemClock,
  }).run(stop.signal);
  await time.tickAsync(0);
  assertEquals([swept, tickets], [1, 0]);
  await time.tickAsync(HOUR_MS - 1);
  assertEquals(swept, 1);
  await time.tickAsync(1);
  assertEquals([swept, tickets], [2, 1]);
  stop.abort();
  await running;
  await time.tickAsync(2 * HOUR_MS);
  assertEquals(swept, 2);
});

testOverDatabases(
  "ExpiredSessionCleanup revokes the token of a user whose last session has expired",
  async (
    { database },
  ) => {
    const clock = new ManualClock(NOW);
    const { users, sessions, tickets } = createAccountStores(database, clock);
    const provider = new FakeOAuthProvider();
    const stop = new AbortController();
    const { signal } = stop;
    const tokens = new TokenManager({ users, sessions, provider, clock, signal });
    const signIn = async (id: number) => {
      await users.saveSignIn({
        profile: aProfile({ id }),
        tokens: someTokens({ accessToken: `gho_${id}` }),
        role: "member",
      });
    };
    for (const id of [7, 8]) {
      await signIn(id);
      await sessions.create({ id: `session ${id}`, userId: id });
    }
    clock.time += SESSION_IDLE_TIMEOUT_MS - HOUR_MS;
    await sessions.find("session 8");
    clock.time += HOUR_MS;
    // The session of this user is about to be created.
    await signIn(9);
    const login = { users, tokens };
    const sweep = new ExpiredSessionCleanup({ sessions, tickets, login, clock });
    const running = sweep.run(signal);
    await waitUntil(() => provider.calls.length > 0, "a token is revoked");
    stop.abort();
    await running;
    assertEquals(provider.calls, ["revoke gho_7"]);
    assertEquals((await users.loadTokens(7))?.accessToken, undefined);
    for (const id of [8, 9]) assertEquals((await users.loadTokens(id))?.accessToken, `gho_${id}`);
  },
);
