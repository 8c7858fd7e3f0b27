const REDACTED = "[redacted]";
/** Shorter secrets cannot be distinguished from words. */
const MIN_LENGTH = 4;

/** Patterns of secrets, each with its replacement. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/g, REDACTED],
  // The user and password of a URL, except the placeholders of error messages.
  [/(:\/\/)(?!USER:PASSWORD@)[^\s/@"]+@/g, `$1${REDACTED}@`],
  [/\b(bearer|basic) +[\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [/\brw_live_\w{5,}/g, `rw_live_${REDACTED}`],
  // https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
  [/\b(gh[a-z]_|github_pat_)[\w.-]{5,}/g, `$1${REDACTED}`],
  // A JSON Web Token: RFC 7519.
  [/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\b((__Host-)?runwire(-login)?=)[^\s;,"'\\]+/g, `$1${REDACTED}`],
  [
    /\b((code|state|ticket|code_verifier|access_token|refresh_token|client_secret)=)[^\s&#"'\\]+/g,
    `$1${REDACTED}`,
  ],
  // 256 bits in base64url, the format of all tokens of Runwire.
  [/(?<![\w-])(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[\w-]{43}(?![\w-])/g, REDACTED],
];

/** Returns a function that redacts these secrets, and anything that looks like a secret. */
export function createRedactor(secrets: readonly string[]): (text: string) => string {
  const variants = secrets.filter((secret) => secret.length >= MIN_LENGTH).flatMap(toVariants);
  // Longest first, because a secret may be part of another.
  const sorted = [...new Set(variants)].toSorted((a, b) => b.length - a.length);
  return (text) => {
    const withoutSecrets = sorted.reduce(
      (redacted, secret) => redacted.replaceAll(secret, REDACTED),
      text,
    );
    return PATTERNS.reduce(
      (redacted, [pattern, replacement]) => redacted.replace(pattern, replacement),
      withoutSecrets,
    );
  };
}

/** The secret as plain text, escaped in JSON, and encoded in a URL. */
function toVariants(secret: string): readonly string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)];
}
