import type { Clock } from "../clock.ts";
import { RefusedError } from "../errors.ts";
import { log } from "../log.ts";
import { type Admission, asksOrganisations, belongs } from "./admission.ts";
import { type LoginProvider, LoginRefusedError } from "./login.ts";
import type { SessionStore } from "./session.ts";
import { SharedCalls } from "./shared_calls.ts";
import type { TokenKeeper } from "./token_keeper.ts";
import type { User, UserStore } from "./user.ts";

/** GitHub is asked again when its answer is so old, */
export const MEMBER_FRESH_MS = 30 * 60_000;
/** and nobody stays in for longer on an old one. */
export const MEMBER_HOLD_MS = 60 * 60_000;

export interface MembershipOptions {
  readonly admission: Admission;
  readonly provider: Pick<LoginProvider, "organisations">;
  readonly tokens: Pick<TokenKeeper, "use" | "letGo">;
  readonly users: Pick<UserStore, "noteMember">;
  readonly sessions: Pick<SessionStore, "endAll">;
  readonly clock: Clock;
}

/** Whether users still belong to one of the organisations that may use this Runwire. */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #calls = new SharedCalls<number, boolean>();

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  /**
   * Whether the user may stay; who may not has been signed out.
   * @throws {RefusedError} when GitHub cannot be asked, and last told an hour ago
   * @throws {StorageError}
   */
  async holds(user: User): Promise<boolean> {
    if (!asksOrganisations(user.login, this.#options.admission)) return true;
    const age = this.#options.clock.now() - user.memberAt;
    if (age < MEMBER_FRESH_MS) return true;
    try {
      return await this.#calls.run(user.id, () => this.#ask(user));
    } catch (error) {
      if (error instanceof LoginRefusedError) return false;
      if (error instanceof RefusedError && age < MEMBER_HOLD_MS) return true;
      throw error;
    }
  }

  async #ask({ id, memberAt }: User): Promise<boolean> {
    const { admission, provider, tokens, users, sessions, clock } = this.#options;
    const at = clock.now();
    const theirs = await tokens.use(id, (token, signal) => provider.organisations(token, signal));
    if (belongs(theirs, admission)) {
      await users.noteMember(id, { at, before: memberAt });
      return true;
    }
    await sessions.endAll(id);
    await tokens.letGo(id);
    log("account").info("Signed user {user} out, who is in no allowed organisation", { user: id });
    return false;
  }
}
