import { createPublicKey, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { type Refusal, refuse, undecodableJwt } from "./refusal.ts";

/** A GitHub App that may ask for installation tokens. */
export interface App {
  /** The JWT's `iss`: the app's id, or its client id. */
  readonly id: number | string;
  /** PEM (SPKI); without one any signature is taken. */
  readonly publicKey?: string;
  readonly installations: readonly number[];
}

/** https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app */
const LONGEST_LIFE_SECONDS = 10 * 60;

/** How GitHub refuses a JWT at `now` (ms since the epoch), or nothing when it is good. Without an app, anyone's is. */
export function checkJwt(jwt: string, { app, now }: {
  readonly app: App | undefined;
  readonly now: number;
}): Refusal | undefined {
  const [header = "", payload = "", signature = ""] = jwt.split(".");
  const claims = decode(payload);
  if (decode(header)?.alg !== "RS256" || !claims) return undecodableJwt();
  if (app?.publicKey !== undefined) {
    const key = createPublicKey(app.publicKey);
    const signed = Buffer.from(`${header}.${payload}`);
    if (!verify("RSA-SHA256", signed, key, Buffer.from(signature, "base64url"))) {
      return undecodableJwt();
    }
  }
  if (app && String(claims.iss) !== String(app.id)) return refuse(404, "Integration not found");
  return checkTimes(claims, Math.floor(now / 1000));
}

function checkTimes(
  { iat, exp }: Readonly<Record<string, unknown>>,
  now: number,
): Refusal | undefined {
  if (typeof exp !== "number" || exp <= now) {
    return refuse(
      401,
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  }
  if (exp > now + LONGEST_LIFE_SECONDS) {
    return refuse(401, "'Expiration time' claim ('exp') is too far in the future");
  }
  if (typeof iat !== "number" || iat > now) {
    return refuse(
      401,
      "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued",
    );
  }
  return undefined;
}

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
