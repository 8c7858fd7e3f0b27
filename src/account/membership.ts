import type { Clock } from "../clock.ts";
import { GitHubError } from "../errors.ts";
import { log } from "../log.ts";
import { SingleFlight } from "../single_flight.ts";
import { type OAuthProvider, TokenRejectedError } from "./oauth_provider.ts";
import type { SessionStore } from "./session.ts";
import { isAllowedMember, requiresMembership, type SignInPolicy } from "./sign_in_policy.ts";
import type { TokenManager } from "./token_manager.ts";
import type { User, UserStore } from "./user.ts";

/** The membership is checked again after this time. */
export const MEMBERSHIP_MAX_AGE_MS = 30 * 60_000;
/** While GitHub is unavailable, an earlier check stays valid for this time. */
export const MEMBERSHIP_STALE_IF_ERROR_MS = 60 * 60_000;

interface MembershipOptions {
  readonly policy: SignInPolicy;
  readonly provider: Pick<OAuthProvider, "listOrganizations">;
  readonly tokens: Pick<TokenManager, "withToken" | "revoke">;
  readonly users: Pick<UserStore, "recordMembership">;
  readonly sessions: Pick<SessionStore, "endAll">;
  readonly clock: Clock;
}

/** Checks whether signed-in users are still members of an allowed organization. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #checks = new SingleFlight<number, boolean>();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /**
   * Returns whether the user may stay signed in; if not, signs the user out.
   * @throws {GitHubError} when GitHub is unavailable and the last check is more than an hour old
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

  async #check({ id, membershipCheckedAt: previous }: User): Promise<boolean> {
    const { policy, provider, tokens, users, sessions, clock } = this.#options;
    const at = clock.now();
    const memberships = await tokens.withToken(
      id,
      (token, signal) => provider.listOrganizations(token, signal),
    );
    if (isAllowedMember(memberships, policy)) {
      await users.recordMembership(id, { at, previous });
      return true;
    }
    await sessions.endAll(id);
    await tokens.revoke(id);
    log("account").info("Signed out user {user}: not a member of an allowed organization", {
      user: id,
    });
    return false;
  }
}
