import type { Clock } from "../clock.ts";
import { GitHubError } from "../errors.ts";
import { log } from "../log.ts";
import { isAllowedMember, requiresMembership, type SignInPolicy } from "./sign_in_policy.ts";
import { type OAuthProvider, TokenRejectedError } from "./oauth_provider.ts";
import type { SessionStore } from "./session.ts";
import { SingleFlight } from "../single_flight.ts";
import type { TokenManager } from "./token_manager.ts";
import type { User, UserStore } from "./user.ts";

/** GitHub is asked again when its answer is so old, */
export const MEMBERSHIP_MAX_AGE_MS = 30 * 60_000;
/** and nobody stays in for longer on an old one. */
export const MEMBERSHIP_STALE_IF_ERROR_MS = 60 * 60_000;

export interface MembershipOptions {
  readonly policy: SignInPolicy;
  readonly provider: Pick<OAuthProvider, "listOrganizations">;
  readonly tokens: Pick<TokenManager, "withToken" | "revoke">;
  readonly users: Pick<UserStore, "recordMembership">;
  readonly sessions: Pick<SessionStore, "endAll">;
  readonly clock: Clock;
}

/** Whether users still belong to one of the organizations that may use this Runwire. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #checks = new SingleFlight<number, boolean>();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /**
   * Whether the user may stay; who may not has been signed out.
   * @throws {GitHubError} when GitHub cannot be asked, and last told an hour ago
   * @throws {StorageError}
   */
  async isCurrent(user: User): Promise<boolean> {
    if (!requiresMembership(user.login, this.#options.policy)) return true;
    const age = this.#options.clock.now() - user.membershipCheckedAt;
    if (age < MEMBERSHIP_MAX_AGE_MS) return true;
    try {
      return await this.#checks.run(user.id, () => this.#check(user));
    } catch (error) {
      if (error instanceof TokenRejectedError) return false;
      if (error instanceof GitHubError && age < MEMBERSHIP_STALE_IF_ERROR_MS) return true;
      throw error;
    }
  }

  async #check({ id, membershipCheckedAt: memberAt }: User): Promise<boolean> {
    const { policy, provider, tokens, users, sessions, clock } = this.#options;
    const at = clock.now();
    const memberships = await tokens.withToken(
      id,
      (token, signal) => provider.listOrganizations(token, signal),
    );
    if (isAllowedMember(memberships, policy)) {
      await users.recordMembership(id, { at, previous: memberAt });
      return true;
    }
    await sessions.endAll(id);
    await tokens.revoke(id);
    log("account").info("Signed user {user} out, who is in no allowed organization", { user: id });
    return false;
  }
}
