import { createPublicKey, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { createError, type ErrorResponse, undecodableJwt } from "../error_response.ts";

/** A GitHub App that can request installation tokens. */
export interface App {
  /** The JWT's `iss`: the app's id, or its client id. */
  readonly id: number | string;
  /** PEM (SPKI); without it any signature is accepted. */
  readonly publicKey?: string;
  readonly installations: readonly number[];
}

/** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
const MAX_LIFETIME_SECONDS = 10 * 60;

/** Returns GitHub's error for an invalid JWT at `now` (ms since the epoch). Without an app every JWT is valid. */
export function verifyJwt(jwt: string, { app, now }: {
  readonly app: App | undefined;
  readonly now: number;
}): ErrorResponse | undefined {
  const [header = "", payload = "", signature = ""] = jwt.split(".");
  const claims = decodeJson(payload);
  if (decodeJson(header)?.alg !== "RS256" || !claims) return undecodableJwt();
  if (app?.publicKey !== undefined) {
    const key = createPublicKey(app.publicKey);
    const signedPart = Buffer.from(`${header}.${payload}`);
    if (!verify("RSA-SHA256", signedPart, key, Buffer.from(signature, "base64url"))) {
      return undecodableJwt();
    }
  }
  if (app && String(claims.iss) !== String(app.id)) {
    return createError(404, "Integration not found");
  }
  return verifyTimes(claims, Math.floor(now / 1000));
}

function verifyTimes(
  { iat, exp }: Readonly<Record<string, unknown>>,
  now: number,
): ErrorResponse | undefined {
  if (typeof exp !== "number" || exp <= now) {
    return createError(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + MAX_LIFETIME_SECONDS) {
    return createError(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  if (typeof iat !== "number" || iat > now) {
    return createError(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  return undefined;
}

function decodeJson(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
