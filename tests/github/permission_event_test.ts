import { assert, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { parseChanges, toChanges, toOrderingKey } from "../../src/github/delivery.ts";
import { EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { webhookExamples } from "../fakes/fixtures/delivery_examples.ts";

const TEAM = { action: "edited", team: { id: 3, name: "octocats" } };

Deno.test("changesOf() tells whose rights have changed where an event names the repository", () => {
  for (const event of ["member", "team", "team_add", "membership"]) {
    const payload = JSON.stringify({ ...TEAM, repository: { id: 8, full_name: "octo/a" } });
    assertEquals(parseChanges(aDelivery({ event, payload })), {
      ...EMPTY_CHANGE_SET,
      accessChanged: [8],
    });
  }
});

Deno.test("changesOf() takes rights in all repositories for changed where an event names none", () => {
  const events = [
    "member",
    "membership",
    "team",
    "team_add",
    "organization",
  ];
  for (const event of events) {
    for (const repository of [undefined, null, {}, { id: "8" }, "octo/a"]) {
      const payload = JSON.stringify({ ...TEAM, repository });
      const changes = parseChanges(aDelivery({ event, payload }));
      assertEquals(changes, { ...EMPTY_CHANGE_SET, accessChanged: "all" });
    }
  }
});

Deno.test("changesOf() tells which user has revoked our authorization", () => {
  const event = "github_app_authorization";
  const payload = JSON.stringify({ action: "revoked", sender: { id: 7, login: "mona" } });
  assertEquals(parseChanges(aDelivery({ event, payload })), {
    ...EMPTY_CHANGE_SET,
    revokedUsers: [7],
  });
  assertThrows(
    () => parseChanges(aDelivery({ event, payload: JSON.stringify({ action: "revoked" }) })),
    Error,
    "The payload of github_app_authorization is not as documented: sender: ",
  );
});

Deno.test("changesIn() finds changed rights in every one of GitHub's examples that tells of them", () => {
  const events = [
    "installation",
    "installation_repositories",
    "member",
    "membership",
    "organization",
    "repository",
    "team",
    "team_add",
  ];
  for (const event of events) {
    const all = webhookExamples(event);
    assert(all.length > 0, event);
    for (const { payload } of all) {
      const changed = toChanges({ event }, payload)?.accessChanged;
      const { repository } = z.object({ repository: z.object({ id: z.int() }).optional() })
        .parse(payload);
      if (repository) assertEquals(changed, [repository.id]);
      else assert(changed === "all" || (changed?.length ?? 0) > 0, event);
    }
  }
  const event = "github_app_authorization";
  const revoked = webhookExamples(event).map(({ payload }) =>
    toChanges({ event }, payload)?.revokedUsers
  );
  assertEquals(revoked, [[1], [1]]);
});

Deno.test("subjectOf() lets a change of rights wait for no other delivery", () => {
  for (const event of ["member", "team", "organization", "github_app_authorization"]) {
    const payload = { action: "removed", repository: { id: 8 }, sender: { id: 7 } };
    assertEquals(toOrderingKey({ id: "a", event }, payload), "delivery a");
  }
});
