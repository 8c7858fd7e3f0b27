import { assert, assertEquals, assertThrows } from "@std/assert";
import { z } from "zod";
import { parseChanges, toChanges, toOrderingKey } from "../../src/github/delivery.ts";
import { EMPTY_CHANGE_SET } from "../../src/run/change_set.ts";
import { aDelivery } from "../fakes/fixtures/delivery.ts";
import { webhookExamples } from "../fakes/fixtures/delivery_examples.ts";

const TEAM = { action: "edited", team: { id: 3, name: "octocats" } };

Deno.test("parseChanges() returns the repository of a permission change", () => {
  for (const event of ["member", "team", "team_add", "membership"]) {
    const payload = JSON.stringify({ ...TEAM, repository: { id: 8, full_name: "octo/a" } });
    assertEquals(parseChanges(aDelivery({ event, payload })), {
      ...EMPTY_CHANGE_SET,
      accessChanged: [8],
    });
  }
});

Deno.test("parseChanges() returns all repositories for a permission change without a repository", () => {
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

Deno.test("parseChanges() returns the user who revoked the authorization", () => {
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

Deno.test("toChanges() finds the permission changes in all of GitHub's examples", () => {
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

Deno.test("toOrderingKey() returns a unique key for permission changes", () => {
  for (const event of ["member", "team", "organization", "github_app_authorization"]) {
    const payload = { action: "removed", repository: { id: 8 }, sender: { id: 7 } };
    assertEquals(toOrderingKey({ id: "a", event }, payload), "delivery a");
  }
});
