import type { Credential } from "./auth/credentials.ts";
import type { Users } from "./world/users.ts";
import type { Repository } from "./world/repository.ts";

/**
 * Whether a repository is visible to the caller. A user token shows what the user may read: for an OAuth app with the scope
 * `repo` (without it only public repositories), for a GitHub App only repositories with an installation.
 * https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
 * https://docs.github.com/en/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-user-access-token-for-a-github-app
 */
export function isVisible(
  repository: Repository,
  { kind, grant }: Credential,
  users: Users,
): boolean {
  if (!repository.private) return true;
  if (kind === "anonymous" || kind === "client") return false;
  if (kind === "installation") return users.isInstalled(repository);
  if (!grant) return true;
  const isInScope = grant.app === "github_app"
    ? users.isInstalled(repository)
    : grant.scopes.includes("repo");
  return isInScope && users.canRead(grant.user, repository);
}
