import type { ApiKey, ApiKeyStore, NewApiKey } from "./api_key.ts";
import { generateApiKeySecret, toKeyPrefix } from "./key_secret.ts";
import { type RandomBytes, sha256Hex } from "./secret.ts";

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
export async function createApiKey(
  key: Omit<NewApiKey, "hash" | "prefix">,
  { keys, random }: { readonly keys: Pick<ApiKeyStore, "create">; readonly random: RandomBytes },
): Promise<{ readonly secret: string; readonly key: ApiKey }> {
  const secret = generateApiKeySecret(random);
  const created = await keys.create({
    ...key,
    prefix: toKeyPrefix(secret),
    hash: sha256Hex(secret),
  });
  return { secret, key: created };
}

/** Whether a key counts now. */
export function isApiKeyActive({ expiresAt, revokedAt }: ApiKey, now: number): boolean {
  return revokedAt === null && (expiresAt === null || now < expiresAt);
}
