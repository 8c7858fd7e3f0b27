import type { ApiKey, ApiKeyStore, NewApiKey } from "./api_key.ts";
import { newKeySecret, prefixOf } from "./key_secret.ts";
import { hashOf, type RandomBytes } from "./secret.ts";

/** In words that end the sentence `Cannot use name="…": allowed is …`. */
export const KEY_NAME_RULE =
  "1 to 100 characters, none of them a control character, and not all of them blank";

export function isKeyName(text: string): boolean {
  return /^\P{Cc}{1,100}$/u.test(text) && text.isWellFormed() && text.trim() !== "";
}

/**
 * Makes a key. Its secret is told this once, and not kept.
 * @throws {StorageError}
 */
export async function createKey(
  key: Omit<NewApiKey, "hash" | "prefix">,
  { keys, random }: { readonly keys: Pick<ApiKeyStore, "create">; readonly random: RandomBytes },
): Promise<{ readonly secret: string; readonly key: ApiKey }> {
  const secret = newKeySecret(random);
  const made = await keys.create({ ...key, prefix: prefixOf(secret), hash: hashOf(secret) });
  return { secret, key: made };
}

/** Whether a key counts now. */
export function isValid({ expiresAt, revokedAt }: ApiKey, now: number): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt);
}
