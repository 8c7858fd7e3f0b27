export interface KeyDerivation {
  /** What it is for: keys for different ends tell nothing of each other. */
  readonly info: string;
  readonly algorithm: AesDerivedKeyParams | HmacKeyGenParams;
  readonly usages: readonly KeyUsage[];
}

/** A key made of a secret text by HKDF-SHA256 (RFC 5869); it cannot be exported. */
export async function deriveKey(
  secret: string,
  { info, algorithm, usages }: KeyDerivation,
): Promise<CryptoKey> {
  const encoder = new TextEncoder();
  const base = await crypto.subtle.importKey("raw", encoder.encode(secret), "HKDF", false, [
    "deriveKey",
  ]);
  return await crypto.subtle.deriveKey(
    {
      name: "HKDF",
      hash: "SHA-256",
      // The secret is random enough without one: RFC 5869, 3.1.
      salt: new Uint8Array(),
      info: encoder.encode(`runwire: ${info}`),
    },
    base,
    algorithm,
    false,
    [...usages],
  );
}
