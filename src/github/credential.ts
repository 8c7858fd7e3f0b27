import { createPrivateKey } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { GitHubError, UsageError } from "../errors.ts";
import { log } from "../log.ts";
import { ResponseCache } from "./response_cache.ts";
import { assertOk, toLocalTime } from "./error.ts";
import type { BeforeRequest, GitHubResponse, Transport } from "./transport.ts";

/** A personal (or OAuth) access token, or a GitHub App as it is installed on one account. */
export type Credential = { readonly token: string } | AppCredential;

export interface AppCredential {
  readonly appId: string;
  /** PEM, PKCS#1 (what GitHub hands out) or PKCS#8; line breaks may be written `\n`. */
  readonly privateKey: string;
  readonly installationId: number;
}

/** A token is renewed this long before it ends, so that it outlives the request it is sent with. */
const RENEWAL_MARGIN_MS = 60_000;

/** A new token may be refused until all of GitHub knows it; Octokit's auth-app allows for it as long. */
const PROPAGATION_MS = 5_000;

const tokenSchema = z.object({
  token: z.string(),
  expires_at: z.iso.datetime({ offset: true }),
});

/** The token of a GitHub App's installation: fetched when first needed, and again before its hour is over. */
export class Installation {
  readonly #installationId: number;
  readonly #auth: ReturnType<typeof createAppAuth>;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #responses = new ResponseCache(tokenSchema);
  #cached:
    | { readonly token: string; readonly issuedAt: number; readonly expiresAt: number }
    | undefined;

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

  /** @throws {GitHubError} `unauthorized` when GitHub knows no such App or installation */
  async token(signal: AbortSignal): Promise<string> {
    const now = this.#clock.now();
    if (this.#cached === undefined || now >= this.#cached.expiresAt - RENEWAL_MARGIN_MS) {
      const response = await this.#fetchToken(signal);
      const { token, expires_at } = this.#responses.parse(response);
      const expiresAt = toLocalTime(Date.parse(expires_at), response) ?? response.receivedAt;
      this.#cached = { token, issuedAt: response.receivedAt, expiresAt };
    }
    return this.#cached.token;
  }

  /** Signs requests as the App itself; only for paths that GitHub reserves to Apps, for example `/app/hook`. */
  get signAsApp(): BeforeRequest {
    return this.#auth.hook;
  }

  /**
   * Tells that the token was answered with 401. The next request fetches another one.
   * @throws {GitHubError} `unavailable` when the token is so new that it may be accepted yet
   */
  onUnauthorized({ endpoint, receivedAt }: GitHubResponse): void {
    if (this.#cached && receivedAt - this.#cached.issuedAt < PROPAGATION_MS) {
      const message =
        `GitHub does not know the new installation token yet, as it answered ${endpoint}`;
      throw new GitHubError({ kind: "unavailable" }, message);
    }
    this.#cached = undefined;
  }

  async #fetchToken(signal: AbortSignal): Promise<GitHubResponse> {
    const response = await this.#transport.send({
      method: "POST",
      url: "/app/installations/{installation_id}/access_tokens",
      installation_id: this.#installationId,
    }, { signal, beforeRequest: this.signAsApp });
    try {
      assertOk(response);
    } catch (error) {
      if (!(error instanceof GitHubError) || error.failure.kind !== "not_accessible") throw error;
      const message =
        `GitHub gives no token for installation ${this.#installationId} of the App: ${error.message}`;
      throw new GitHubError({ kind: "unauthorized" }, message);
    }
    return response;
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
