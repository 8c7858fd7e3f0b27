import type { WebhookEvent } from "./event_json.ts";
import type { WorldEvent } from "./scheduled_change.ts";
import type { User } from "./users.ts";
import type { Repository } from "./repository.ts";
import { repositoryJson } from "./repository_json.ts";
import { nodeId, organizationJson, type Origin, userJson } from "./user_json.ts";

type AccessEvent = Exclude<WorldEvent, { kind: "push" | "run" | "repository" }>;

/** What GitHub tells when rights change: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
export function toAccessEvent(worldEvent: AccessEvent, origin: Origin): WebhookEvent {
  const { kind: event, action } = worldEvent;
  const sender = userJson("octocat", origin);
  return { event, action, payload: { action, sender, ...toDetails(worldEvent, origin) } };
}

function toDetails(worldEvent: AccessEvent, origin: Origin) {
  switch (worldEvent.kind) {
    case "member":
      return {
        member: eventUserJson(worldEvent.user, origin),
        repository: repositoryJson(worldEvent.repository, origin),
      };
    case "organization": {
      const { organization, user } = worldEvent;
      const url = `${origin.api}/orgs/${organization}`;
      return {
        membership: {
          url: `${url}/memberships/${user.login}`,
          state: "active",
          role: "member",
          organization_url: url,
          user: eventUserJson(user, origin),
        },
        organization: organizationJson(organization, origin),
      };
    }
    case "installation":
      return { repositories: worldEvent.repositories.map(simpleRepositoryJson) };
    case "installation_repositories": {
      const repositories = worldEvent.repositories.map(simpleRepositoryJson);
      const isAdded = worldEvent.action === "added";
      return {
        repository_selection: "selected",
        repositories_added: isAdded ? repositories : [],
        repositories_removed: isAdded ? [] : repositories,
        requester: null,
      };
    }
    case "github_app_authorization":
      return { sender: eventUserJson(worldEvent.user, origin) };
  }
}

function eventUserJson({ login, id }: User, origin: Origin) {
  return userJson(login, origin, id);
}

/** A repository as an installation lists it. */
function simpleRepositoryJson({ id, full_name, private: isPrivate }: Repository) {
  const [, name = ""] = full_name.split("/");
  return { id, node_id: nodeId("Repository", id), name, full_name, private: isPrivate };
}
