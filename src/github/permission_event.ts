import { z } from "zod";
import type { ChangeSet } from "../run/change_set.ts";

const id = z.int();

/** Rights in one repository, or in all that a team or an organization has: what cannot be read may concern any. */
const permissionChange = z.object({ repository: z.object({ id }).nullish().catch(undefined) })
  .transform(({ repository }): Partial<ChangeSet> => ({
    accessChanged: repository ? [repository.id] : "all",
  }));

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#github_app_authorization: revoked is all there is. */
const authorizationRevoked = z.object({ sender: z.object({ id }) })
  .transform(({ sender }): Partial<ChangeSet> => ({ revokedUsers: [sender.id] }));

/**
 * The events that tell of rights alone, as GitHub sends them to an App or to an organization's webhook; `member` and
 * `team_add` to a repository's, too. Each is applied as it comes: it can only make us ask GitHub anew, and must wait for none.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */
export const PERMISSION_EVENTS: ReadonlyMap<
  string,
  { readonly changes: z.ZodType<Partial<ChangeSet>> }
> = new Map([
  ["member", { changes: permissionChange }],
  ["membership", { changes: permissionChange }],
  ["team", { changes: permissionChange }],
  ["team_add", { changes: permissionChange }],
  ["organization", { changes: permissionChange }],
  ["installation_target", { changes: permissionChange }],
  ["github_app_authorization", { changes: authorizationRevoked }],
]);
