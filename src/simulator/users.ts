import type { WorldEvent } from "./scheduled_change.ts";
import type { Repository } from "./repository.ts";
import { userId } from "./user_json.ts";

/** Somebody who can sign in. */
export interface User {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  /** The logins of those that the user is an active member of. */
  readonly organizations: readonly string[];
}

/** Who somebody is to be; the id comes from the login, and there is no name, unless told otherwise. */
export type UserFields = Pick<User, "login"> & Partial<User>;

/** What people need of the world they live in. */
export interface UsersWorld {
  readonly now: () => number;
  readonly repositories: () => readonly Repository[];
  readonly emit: (occurrence: WorldEvent) => void;
}

/**
 * Who there is, and who may read what. Everybody reads public repositories; private ones are read by their owner and by
 * whom they were granted to. Membership of an organisation opens none of its repositories, as with GitHub's base
 * permission "none". Logins and names are taken in any case; an unknown one throws.
 * https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/setting-base-permissions-for-an-organization
 */
export class Users {
  readonly #world: UsersWorld;
  /** By login in lower case. */
  readonly #users = new Map<string, User>();
  /** By repository the users who may read it. */
  readonly #grants = new Map<number, ReadonlySet<number>>();
  /** The repositories that the App was not installed on, or was taken from. */
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

  /** As `find`, but throws where there is none. */
  get(login: string): User {
    const user = this.find(login);
    if (!user) throw new Error(`Cannot find user "${login}": nobody has that login`);
    return user;
  }

  findById(id: number): User | undefined {
    return [...this.#users.values()].find((user) => user.id === id);
  }

  /** Lets a user read a repository, and tells `member added`. */
  grant(login: string, fullName: string): void {
    this.#setAccess(login, fullName, "added");
  }

  /** Takes that back, and tells `member removed`. */
  revoke(login: string, fullName: string): void {
    this.#setAccess(login, fullName, "removed");
  }

  /** Makes a user a member, and tells the App `organization member_added`. */
  join(login: string, organization: string): void {
    const user = this.get(login);
    const organizations = [...new Set([...user.organizations, organization])];
    this.#emitMembership("member_added", this.#save({ ...user, organizations }), organization);
  }

  /** Ends a membership, and all that the user was granted there; tells the App `organization member_removed`. */
  leave(login: string, organization: string): void {
    const user = this.get(login);
    const isSameOrganization = (name: string) => name.toLowerCase() === organization.toLowerCase();
    const organizations = user.organizations.filter((name) => !isSameOrganization(name));
    for (const { id, full_name } of this.#world.repositories()) {
      if (isSameOrganization(toOwner(full_name))) this.#setGrant(id, user.id, false);
    }
    this.#emitMembership("member_removed", this.#save({ ...user, organizations }), organization);
  }

  /** Installs the App on a repository (`installation_repositories added`), or anew on all (`installation created`). */
  install(fullName?: string): void {
    this.#setInstalled(fullName, true);
  }

  /** Takes a repository from the App (`installation_repositories removed`), or all (`installation deleted`). */
  uninstall(fullName?: string): void {
    this.#setInstalled(fullName, false);
  }

  isInstalled({ id }: Repository): boolean {
    return !this.#uninstalled.has(id);
  }

  canRead(user: User, repository: Repository): boolean {
    return !repository.private || this.isAffiliated(user, repository);
  }

  /** Whether a repository is a user's own, or was granted to the user. */
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
    if (!found) throw new Error(`Cannot find repository "${fullName}": none has that name`);
    return found;
  }
}

function toOwner(fullName: string): string {
  return fullName.slice(0, fullName.indexOf("/"));
}
