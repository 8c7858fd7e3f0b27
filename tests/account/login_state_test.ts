import { assertEquals } from "@std/assert";
import { LOGIN_STATE_TTL_MS, LoginStateCookie } from "../../src/account/login_state.ts";
import { TEST_SESSION_SECRET } from "../fakes/fixtures/account.ts";
import { ManualClock } from "../fakes/clock.ts";

const STATE = { state: "s", verifier: "v", returnTo: "/a?b=ü" };

Deno.test("LoginStateCookie verifies its own cookie for ten minutes", async () => {
  const clock = new ManualClock(1_000);
  const cookie = await new LoginStateCookie(TEST_SESSION_SECRET, clock).sign(STATE);
  const states = new LoginStateCookie(TEST_SESSION_SECRET, clock);
  clock.time += LOGIN_STATE_TTL_MS - 1;
  assertEquals(await states.verify(cookie), STATE);
  clock.time += 1;
  assertEquals(await states.verify(cookie), undefined);
});

Deno.test("LoginStateCookie rejects a forged cookie", async () => {
  const clock = new ManualClock(1_000);
  const states = new LoginStateCookie(TEST_SESSION_SECRET, clock);
  const cookie = await states.sign(STATE);
  const [text = "", signature = ""] = cookie.split(".");
  const other = await states.sign({ ...STATE, returnTo: "/other" });
  const foreign = await new LoginStateCookie(`${TEST_SESSION_SECRET}!`, clock).sign(STATE);
  const forged = [
    "",
    ".",
    text,
    `${text}.`,
    `.${signature}`,
    `${other.split(".")[0]}.${signature}`,
    foreign,
    "!.!",
    ...[...cookie].flatMap((character, at) =>
      // The last character of a part has unused bits.
      [text.length - 1, text.length, cookie.length - 1].includes(at)
        ? []
        : [cookie.slice(0, at) + (character === "A" ? "B" : "A") + cookie.slice(at + 1)]
    ),
  ];
  for (const each of forged) assertEquals(await states.verify(each), undefined, each);
});
