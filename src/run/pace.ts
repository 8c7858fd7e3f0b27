/** What is left of GitHub's rate limit, as its last answer said. Times in ms since the epoch. */
export interface Budget {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: number;
}
