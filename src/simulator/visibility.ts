import type { Credential } from "./credentials.ts";
import type { People } from "./people.ts";
import type { Repository } from "./repository.ts";

/**
 * Whether a repository is there for the one who asks. A token that came of a user's consent shows what the user may read:
 * an OAuth app's with the scope `repo` (without it public repositories alone), a GitHub App's where the App is installed.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
 */
export function isVisible(
  repository: Repository,
  { kind, grant }: Credential,
  people: People,
): boolean {
  if (!repository.private) return true;
  if (kind === "anonymous" || kind === "client") return false;
  if (kind === "installation") return people.isInstalled(repository);
  if (!grant) return true;
  const reaches = grant.app === "github_app"
    ? people.isInstalled(repository)
    : grant.scopes.includes("repo");
  return reaches && people.mayRead(grant.user, repository);
}
