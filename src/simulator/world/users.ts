import type { WorldEvent } from "./scheduled_change.ts";
import type { Repository } from "./repository.ts";
import { type User, userId } from "../user_json.ts";

/** The fields of a new user; by default the id is derived from the login, and there is no name. */
export type UserFields = Pick<User, "login"> & Partial<User>;

/** The part of a world that `Users` needs. */
export interface UsersWorld {
  readonly now: () => number;
  readonly repositories: () => readonly Repository[];
  readonly emit: (worldEvent: WorldEvent) => void;
}

/**
 * Users and their access. All users can read public repositories; private ones are readable by their owner and by users
 * with a grant. Membership of an organization grants no access, as with GitHub's base permission "none". Logins and names
 * are case-insensitive; unknown ones throw.
 * https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/setting-base-permissions-for-an-organization
 */
export class Users {
  readonly #world: UsersWorld;
  /** By login in lower case. */
  readonly #users = new Map<string, User>();
  /** User ids with access, by repository id. */
  readonly #grants = new Map<number, ReadonlySet<number>>();
  /** Ids of repositories without the App. */
  #uninstalled: ReadonlySet<number> = new Set();

  constructor(world: UsersWorld) {
    this.#world = world;
  }

  add({ login, id = userId(login), name = null, organizations = [] }: UserFields): User {
    return this.#save({ id, login, name, organizations });
  }

  find(login: string): User | undefined {
    return this.#users.get(login.toLowerCase());
  }

  /** Like `find`, but throws if the user does not exist. */
  get(login: string): User {
    const user = this.find(login);
    if (!user) throw new Error(`User ${login} not found`);
    return user;
  }

  findById(id: number): User | undefined {
    return [...this.#users.values()].find((user) => user.id === id);
  }

  /** Grants read access to a repository; emits `member added`. */
  grant(login: string, fullName: string): void {
    this.#setAccess(login, fullName, "added");
  }

  /** Revokes read access; emits `member removed`. */
  revoke(login: string, fullName: string): void {
    this.#setAccess(login, fullName, "removed");
  }

  /** Adds a user to an organization; sends `organization member_added` to the App. */
  join(login: string, organization: string): void {
    const user = this.get(login);
    const organizations = [...new Set([...user.organizations, organization])];
    this.#emitMembership("member_added", this.#save({ ...user, organizations }), organization);
  }

  /** Ends a membership and all grants in the organization; sends `organization member_removed` to the App. */
  leave(login: string, organization: string): void {
    const user = this.get(login);
    const isSameOrganization = (name: string) => name.toLowerCase() === organization.toLowerCase();
    const organizations = user.organizations.filter((name) => !isSameOrganization(name));
    for (const { id, full_name } of this.#world.repositories()) {
      if (isSameOrganization(toOwner(full_name))) this.#setGrant(id, user.id, false);
    }
    this.#emitMembership("member_removed", this.#save({ ...user, organizations }), organization);
  }

  /** Installs the App on a repository (`installation_repositories added`), or on all (`installation created`). */
  install(fullName?: string): void {
    this.#setInstalled(fullName, true);
  }

  /** Removes the App from a repository (`installation_repositories removed`), or from all (`installation deleted`). */
  uninstall(fullName?: string): void {
    this.#setInstalled(fullName, false);
  }

  isInstalled({ id }: Repository): boolean {
    return !this.#uninstalled.has(id);
  }

  canRead(user: User, repository: Repository): boolean {
    return !repository.private || this.isAffiliated(user, repository);
  }

  /** Whether the user owns the repository or has a grant. */
  isAffiliated({ id, login }: User, repository: Repository): boolean {
    return toOwner(repository.full_name).toLowerCase() === login.toLowerCase() ||
      (this.#grants.get(repository.id)?.has(id) ?? false);
  }

  #setAccess(login: string, fullName: string, action: "added" | "removed"): void {
    const user = this.get(login);
    const repository = this.#requireRepository(fullName);
    this.#setGrant(repository.id, user.id, action === "added");
    this.#world.emit({ kind: "member", action, at: this.#world.now(), repository, user });
  }

  #setGrant(repositoryId: number, userId: number, isGranted: boolean): void {
    const users = new Set(this.#grants.get(repositoryId));
    if (isGranted) users.add(userId);
    else users.delete(userId);
    this.#grants.set(repositoryId, users);
  }

  #emitMembership(
    action: "member_added" | "member_removed",
    user: User,
    organization: string,
  ): void {
    this.#world.emit({ kind: "organization", action, at: this.#world.now(), organization, user });
  }

  #setInstalled(fullName: string | undefined, isInstalled: boolean): void {
    const at = this.#world.now();
    const all = this.#world.repositories();
    const repositories = fullName === undefined ? all : [this.#requireRepository(fullName)];
    const ids = new Set(repositories.map(({ id }) => id));
    this.#uninstalled = isInstalled
      ? this.#uninstalled.difference(ids)
      : this.#uninstalled.union(ids);
    if (fullName === undefined) {
      const action = isInstalled ? "created" : "deleted";
      this.#world.emit({ kind: "installation", action, at, repositories });
    } else {
      const action = isInstalled ? "added" : "removed";
      this.#world.emit({ kind: "installation_repositories", action, at, repositories });
    }
  }

  #save(user: User): User {
    this.#users.set(user.login.toLowerCase(), user);
    return user;
  }

  #requireRepository(fullName: string): Repository {
    const name = fullName.toLowerCase();
    const found = this.#world.repositories().find((each) => each.full_name.toLowerCase() === name);
    if (!found) throw new Error(`Repository ${fullName} not found`);
    return found;
  }
}

function toOwner(fullName: string): string {
  return fullName.slice(0, fullName.indexOf("/"));
}
