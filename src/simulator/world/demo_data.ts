/** The team of the demo. */
export const LOGINS = [
  "monalisa",
  "ines-marchetti",
  "tomas-okafor",
  "priya-raman",
  "jun-takeda",
  "lea-brandt",
  "samir-haddad",
  "noor-visser",
];

/** Branches with the title of their change. */
export const CHANGES: readonly (readonly [branch: string, title: string])[] = [
  ["fix-cart-rounding", "Fix rounding of cart totals"],
  ["retry-webhooks", "Retry failed webhooks with backoff"],
  ["dark-mode", "Add dark mode to the settings page"],
  ["drop-moment", "Replace moment with Intl.DateTimeFormat"],
  ["faster-search", "Cache search results for a minute"],
  ["flaky-login-test", "Wait for the session cookie in the login test"],
  ["upload-limit", "Raise the upload limit to 50 MB"],
  ["null-avatar", "Handle users without an avatar"],
  ["oauth-state", "Check the OAuth state parameter"],
  ["paginate-orders", "Paginate the order list"],
  ["memory-leak", "Close database cursors after export"],
  ["a11y-menu", "Make the menu reachable by keyboard"],
  ["i18n-dates", "Show dates in the reader's language"],
  ["docker-slim", "Halve the size of the container image"],
  ["rate-limit", "Limit password resets per address"],
  ["typo-readme", "Fix typos in the README"],
  ["invoice-pdf", "Render invoices as PDF"],
  ["metrics-labels", "Label request metrics by route"],
  ["queue-timeout", "Give up on jobs after ten minutes"],
  ["csv-export", "Export reports as CSV"],
  ["remove-legacy-api", "Remove the v1 endpoints"],
  ["terraform-state", "Move the Terraform state to its own bucket"],
  ["test-parallel", "Run the tests in parallel"],
  ["error-page", "Say what to do on the error page"],
];

export const DEPENDENCY_CHANGES: readonly (readonly [branch: string, title: string])[] = [
  ["dependabot/npm_and_yarn/vite-7.3.1", "Bump vite from 7.3.0 to 7.3.1"],
  ["dependabot/npm_and_yarn/eslint-10.2.0", "Bump eslint from 10.1.3 to 10.2.0"],
  ["dependabot/github_actions/actions/checkout-6", "Bump actions/checkout from 5 to 6"],
  ["dependabot/go_modules/golang.org/x/net-0.50.0", "Bump golang.org/x/net from 0.49.0 to 0.50.0"],
  ["dependabot/pip/requests-2.34.0", "Bump requests from 2.33.1 to 2.34.0"],
];
