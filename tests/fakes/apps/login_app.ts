import type { OAuthApp } from "../../../src/simulator/auth/oauth_app.ts";
import type { AppSettings } from "./app.ts";
import { Browser } from "../clients/browser.ts";
import { AppWithWebhooks } from "./app_with_webhooks.ts";
import { waitUntil } from "../wait.ts";

export const OAUTH_CLIENT = { clientId: "Iv1.for-tests", clientSecret: "the client's own secret" };
export const SESSION_SECRET = "a session secret that is long enough to be one";

export interface LoginAppSettings extends AppSettings {
  readonly kind?: OAuthApp["kind"];
}

/** The program with login, and users of the simulated GitHub: mona is the admin, hubot and nat have no role. */
export class LoginApp extends AppWithWebhooks {
  constructor({ kind = "oauth_app", environment, ...settings }: LoginAppSettings = {}) {
    super({
      ...settings,
      environment: {
        GITHUB_OAUTH_CLIENT_ID: OAUTH_CLIENT.clientId,
        GITHUB_OAUTH_CLIENT_SECRET: OAUTH_CLIENT.clientSecret,
        SESSION_SECRET,
        ADMIN_LOGINS: "Mona",
        POLL_WHEN: "always",
        THROTTLE_RATE: "0",
        ...environment,
      },
    });
    for (const login of ["mona", "hubot", "nat"]) this.world.users.add({ login });
    this.simulator.registerOAuthApp({ ...OAUTH_CLIENT, kind });
  }

  /** A browser without a session. */
  browser(): Browser {
    return new Browser(this.url);
  }

  /** A browser with a session of that user. */
  async signIn(login: string): Promise<Browser> {
    const browser = this.browser();
    this.consentAs(login);
    const response = await browser.signIn();
    await response.body?.cancel();
    if (response.status !== 303) throw new Error(`${login} cannot sign in: ${response.status}`);
    return browser;
  }

  /** Gives that user the role member. */
  async makeMember(admin: Browser, login: string): Promise<void> {
    const { id } = this.world.users.get(login);
    const response = await admin.request("PATCH", `/api/v1/users/${id}`, { role: "member" });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${login} cannot be a member: ${response.status}`);
  }

  /** Sets the user who authorizes on GitHub's page, or `denied`. */
  consentAs(login: string): void {
    this.simulator.consent = () => login;
  }

  /** Waits until that repository and its runs are stored. */
  async waitForFirstRun(fullName: string): Promise<void> {
    if (this.world.runs(fullName).length === 0) this.world.addRun(fullName);
    const isStored = () =>
      this.events.some(({ type, repository }) => type === "run" && repository === fullName);
    await waitUntil(isStored, `${fullName} is known`);
  }
}

/** The program with login, and hubot on GitHub's page. */
export async function startLoginApp(settings: LoginAppSettings = {}): Promise<LoginApp> {
  const app = await new LoginApp(settings).start();
  app.consentAs("hubot");
  return app;
}
