import { createPrivateKey } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { RefusedError, UsageError } from "../errors.ts";
import { log } from "../log.ts";
import { Answers } from "./answers.ts";
import { assertAccepted, ourTime } from "./refusal.ts";
import type { Answer, Hook, Transport } from "./transport.ts";

/** A personal (or OAuth) access token, or a GitHub App as it is installed on one account. */
export type Credential = { readonly token: string } | AppCredential;

export interface AppCredential {
  readonly appId: string;
  /** PEM, PKCS#1 (what GitHub hands out) or PKCS#8; line breaks may be written `\n`. */
  readonly privateKey: string;
  readonly installationId: number;
}

/** A token is renewed this long before it ends, so that it outlives the request it is sent with. */
const RENEW_BEFORE_MS = 60_000;

/** A new token may be refused until all of GitHub knows it; Octokit's auth-app allows for it as long. */
const SPREAD_MS = 5_000;

const tokenAnswers = z.object({
  token: z.string(),
  expires_at: z.iso.datetime({ offset: true }),
});

/** The token of a GitHub App's installation: fetched when first needed, and again before its hour is over. */
export class Installation {
  readonly #installationId: number;
  readonly #auth: ReturnType<typeof createAppAuth>;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #answers = new Answers(tokenAnswers);
  #kept: { readonly token: string; readonly since: number; readonly until: number } | undefined;

  /** @throws {UsageError} when the private key is none */
  constructor(
    { appId, privateKey, installationId }: AppCredential,
    { transport, clock }: { readonly transport: Transport; readonly clock: Clock },
  ) {
    this.#installationId = installationId;
    const warn = (message: string) => log("github").warn("{message}", { message });
    this.#auth = createAppAuth({ appId, privateKey: toPkcs8(privateKey), log: { warn } });
    this.#transport = transport;
    this.#clock = clock;
  }

  /** @throws {RefusedError} `unauthorized` when GitHub knows no such App or installation */
  async token(signal: AbortSignal): Promise<string> {
    const now = this.#clock.now();
    if (this.#kept === undefined || now >= this.#kept.until - RENEW_BEFORE_MS) {
      const answer = await this.#askToken(signal);
      const { token, expires_at } = this.#answers.read(answer);
      const until = ourTime(Date.parse(expires_at), answer) ?? answer.at;
      this.#kept = { token, since: answer.at, until };
    }
    return this.#kept.token;
  }

  /** Signs requests as the App itself; only for paths that GitHub reserves to Apps, for example `/app/hook`. */
  get asApp(): Hook {
    return this.#auth.hook;
  }

  /**
   * Tells that the token was answered with 401. The next request fetches another one.
   * @throws {RefusedError} `unavailable` when the token is so new that it may be accepted yet
   */
  rejected({ to, at }: Answer): void {
    if (this.#kept && at - this.#kept.since < SPREAD_MS) {
      const message = `GitHub does not know the new installation token yet, as it answered ${to}`;
      throw new RefusedError({ kind: "unavailable" }, message);
    }
    this.#kept = undefined;
  }

  async #askToken(signal: AbortSignal): Promise<Answer> {
    const answer = await this.#transport.send({
      method: "POST",
      url: "/app/installations/{installation_id}/access_tokens",
      installation_id: this.#installationId,
    }, { signal, hook: this.asApp });
    try {
      assertAccepted(answer);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.refusal.kind !== "missing") throw error;
      const message =
        `GitHub gives no token for installation ${this.#installationId} of the App: ${error.message}`;
      throw new RefusedError({ kind: "unauthorized" }, message);
    }
    return answer;
  }
}

/** In the one form that WebCrypto reads in every build. */
function toPkcs8(pem: string): string {
  try {
    const key = createPrivateKey(pem.replaceAll("\\n", "\n"));
    if (key.asymmetricKeyType === "rsa") {
      return key.export({ type: "pkcs8", format: "pem" }).toString();
    }
  } catch {
    // What the parser says of it may quote it.
  }
  throw new UsageError(
    "The GitHub App's private key cannot be read: it must be an RSA key in PEM form, PKCS#1 " +
      '("BEGIN RSA PRIVATE KEY") or PKCS#8 ("BEGIN PRIVATE KEY"), not encrypted, its line breaks real or written \\n',
  );
}
