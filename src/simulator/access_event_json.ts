import type { WebhookEvent } from "./event_json.ts";
import type { Occurrence } from "./occurrence.ts";
import type { User } from "./people.ts";
import type { Repository } from "./repository.ts";
import { repositoryJson } from "./repository_json.ts";
import { nodeId, organisationJson, type Origin, userJson } from "./user_json.ts";

type AccessOccurrence = Exclude<Occurrence, { kind: "push" | "run" | "repository" }>;

/** What GitHub tells when rights change: https://docs.github.com/en/webhooks/webhook-events-and-payloads */
export function accessEvent(occurrence: AccessOccurrence, origin: Origin): WebhookEvent {
  const { kind: event, action } = occurrence;
  const sender = userJson("octocat", origin);
  return { event, action, payload: { action, sender, ...detailsOf(occurrence, origin) } };
}

function detailsOf(occurrence: AccessOccurrence, origin: Origin) {
  switch (occurrence.kind) {
    case "member":
      return {
        member: personJson(occurrence.user, origin),
        repository: repositoryJson(occurrence.repository, origin),
      };
    case "organization": {
      const { organisation, user } = occurrence;
      const url = `${origin.api}/orgs/${organisation}`;
      return {
        membership: {
          url: `${url}/memberships/${user.login}`,
          state: "active",
          role: "member",
          organization_url: url,
          user: personJson(user, origin),
        },
        organization: organisationJson(organisation, origin),
      };
    }
    case "installation":
      return { repositories: occurrence.repositories.map(shortJson) };
    case "installation_repositories": {
      const repositories = occurrence.repositories.map(shortJson);
      const isAdded = occurrence.action === "added";
      return {
        repository_selection: "selected",
        repositories_added: isAdded ? repositories : [],
        repositories_removed: isAdded ? [] : repositories,
        requester: null,
      };
    }
    case "github_app_authorization":
      return { sender: personJson(occurrence.user, origin) };
  }
}

function personJson({ login, id }: User, origin: Origin) {
  return userJson(login, origin, id);
}

/** A repository as an installation lists it. */
function shortJson({ id, full_name, private: isPrivate }: Repository) {
  const [, name = ""] = full_name.split("/");
  return { id, node_id: nodeId("Repository", id), name, full_name, private: isPrivate };
}
