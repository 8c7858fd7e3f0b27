import { z } from "zod";
import type { ChangeSet } from "../run/change_set.ts";

const id = z.int();

/** Rights in one repository, or in all that a team or an organisation has: what cannot be read may concern any. */
const rights = z.object({ repository: z.object({ id }).nullish().catch(undefined) })
  .transform(({ repository }): Partial<ChangeSet> => ({
    accessChanged: repository ? [repository.id] : "all",
  }));

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads#github_app_authorization: revoked is all there is. */
const authorization = z.object({ sender: z.object({ id }) })
  .transform(({ sender }): Partial<ChangeSet> => ({ revokedUsers: [sender.id] }));

/**
 * The events that tell of rights alone, as GitHub sends them to an App or to an organisation's webhook; `member` and
 * `team_add` to a repository's, too. Each is applied as it comes: it can only make us ask GitHub anew, and must wait for none.
 * https://docs.github.com/en/webhooks/webhook-events-and-payloads
 */
export const ACCESS_EVENTS: ReadonlyMap<string, { readonly changes: z.ZodType<Partial<ChangeSet>> }> =
  new Map([
    ["member", { changes: rights }],
    ["membership", { changes: rights }],
    ["team", { changes: rights }],
    ["team_add", { changes: rights }],
    ["organization", { changes: rights }],
    ["installation_target", { changes: rights }],
    ["github_app_authorization", { changes: authorization }],
  ]);
