import { createPrivateKey } from "node:crypto";
import { createAppAuth } from "@octokit/auth-app";
import { z } from "zod";
import type { Clock } from "../clock.ts";
import { invalid } from "../error_text.ts";
import { GitHubError, UsageError } from "../errors.ts";
import { log } from "../log.ts";
import { assertOk, toLocalTime } from "./error.ts";
import { ResponseCache } from "./response_cache.ts";
import type { BeforeRequest, GitHubResponse, Transport } from "./transport.ts";

/** A personal or OAuth access token, or the installation of a GitHub App. */
export type Credential = { readonly token: string } | AppCredential;

export interface AppCredential {
  readonly appId: string;
  /** PEM in PKCS#1 (GitHub's format) or PKCS#8; line breaks may be written as `\n`. */
  readonly privateKey: string;
  readonly installationId: number;
}

/** A token is renewed this long before it expires, so that it does not expire during a request. */
const RENEWAL_MARGIN_MS = 60_000;

/** GitHub may reject a new token for this time. Octokit's auth-app uses the same limit. */
const PROPAGATION_MS = 5_000;

const tokenSchema = z.object({
  token: z.string(),
  expires_at: z.iso.datetime({ offset: true }),
});

/** Fetches and renews the token of an installation, which expires after an hour. */
export class Installation {
  readonly #installationId: number;
  readonly #auth: ReturnType<typeof createAppAuth>;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #responses = new ResponseCache(tokenSchema);
  #cached:
    | { readonly token: string; readonly issuedAt: number; readonly expiresAt: number }
    | undefined;

  /** @throws {UsageError} when the private key is invalid */
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

  /** @throws {GitHubError} `unauthorized` for an unknown App or installation */
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

  /** Signs requests as the App itself, for paths reserved to Apps such as `/app/hook`. */
  get signAsApp(): BeforeRequest {
    return this.#auth.hook;
  }

  /**
   * Handles a response with status 401: the next request fetches a new token.
   * @throws {GitHubError} `unavailable` when the token is so new that GitHub may not know it yet
   */
  onUnauthorized({ endpoint, receivedAt }: GitHubResponse): void {
    if (this.#cached && receivedAt - this.#cached.issuedAt < PROPAGATION_MS) {
      const message =
        `GitHub rejected the new installation token for ${endpoint}; it may not be active yet`;
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
        `GitHub issued no token for installation ${this.#installationId} of the App: ${error.message}`;
      throw new GitHubError({ kind: "unauthorized" }, message);
    }
    return response;
  }
}

/** Converts to the only format that WebCrypto supports in every build. */
function toPkcs8(pem: string): string {
  try {
    const key = createPrivateKey(pem.replaceAll("\\n", "\n"));
    if (key.asymmetricKeyType === "rsa") {
      return key.export({ type: "pkcs8", format: "pem" }).toString();
    }
  } catch {
    // The error may quote the key.
  }
  throw new UsageError(
    invalid(
      "private key of the GitHub App",
      'an unencrypted RSA key in PEM format, PKCS#1 ("BEGIN RSA PRIVATE KEY") or PKCS#8 ("BEGIN PRIVATE KEY"), ' +
        "with line breaks or \\n",
    ),
  );
}
