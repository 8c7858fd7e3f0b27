import type { Occurrence } from "./occurrence.ts";
import type { Repository } from "./repository.ts";
import { userId } from "./user_json.ts";

/** Somebody who can sign in. */
export interface User {
  readonly id: number;
  readonly login: string;
  readonly name: string | null;
  /** The logins of those that the user is an active member of. */
  readonly organisations: readonly string[];
}

/** Who somebody is to be; the id comes from the login, and there is no name, unless told otherwise. */
export type UserFields = Pick<User, "login"> & Partial<User>;

/** What people need of the world they live in. */
export interface Surroundings {
  readonly now: () => number;
  readonly repositories: () => readonly Repository[];
  readonly tell: (occurrence: Occurrence) => void;
}

/**
 * Who there is, and who may read what. Everybody reads public repositories; private ones are read by their owner and by
 * whom they were granted to. Membership of an organisation opens none of its repositories, as with GitHub's base
 * permission "none". Logins and names are taken in any case; an unknown one throws.
 * https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/setting-base-permissions-for-an-organization
 */
export class People {
  readonly #world: Surroundings;
  /** By login in lower case. */
  readonly #users = new Map<string, User>();
  /** By repository the users who may read it. */
  readonly #granted = new Map<number, ReadonlySet<number>>();
  /** The repositories that the App was not installed on, or was taken from. */
  #notInstalled: ReadonlySet<number> = new Set();

  constructor(world: Surroundings) {
    this.#world = world;
  }

  add({ login, id = userId(login), name = null, organisations = [] }: UserFields): User {
    return this.#keep({ id, login, name, organisations });
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

  byId(id: number): User | undefined {
    return [...this.#users.values()].find((user) => user.id === id);
  }

  /** Lets a user read a repository, and tells `member added`. */
  grant(login: string, fullName: string): void {
    this.#change(login, fullName, "added");
  }

  /** Takes that back, and tells `member removed`. */
  revoke(login: string, fullName: string): void {
    this.#change(login, fullName, "removed");
  }

  /** Makes a user a member, and tells the App `organization member_added`. */
  join(login: string, organisation: string): void {
    const user = this.get(login);
    const organisations = [...new Set([...user.organisations, organisation])];
    this.#tellMember("member_added", this.#keep({ ...user, organisations }), organisation);
  }

  /** Ends a membership, and all that the user was granted there; tells the App `organization member_removed`. */
  leave(login: string, organisation: string): void {
    const user = this.get(login);
    const isLeft = (name: string) => name.toLowerCase() === organisation.toLowerCase();
    const organisations = user.organisations.filter((name) => !isLeft(name));
    for (const { id, full_name } of this.#world.repositories()) {
      if (isLeft(ownerOf(full_name))) this.#set(id, user.id, false);
    }
    this.#tellMember("member_removed", this.#keep({ ...user, organisations }), organisation);
  }

  /** Installs the App on a repository (`installation_repositories added`), or anew on all (`installation created`). */
  install(fullName?: string): void {
    this.#install(fullName, true);
  }

  /** Takes a repository from the App (`installation_repositories removed`), or all (`installation deleted`). */
  uninstall(fullName?: string): void {
    this.#install(fullName, false);
  }

  isInstalled({ id }: Repository): boolean {
    return !this.#notInstalled.has(id);
  }

  mayRead(user: User, repository: Repository): boolean {
    return !repository.private || this.belongsTo(user, repository);
  }

  /** Whether a repository is a user's own, or was granted to the user. */
  belongsTo({ id, login }: User, repository: Repository): boolean {
    return ownerOf(repository.full_name).toLowerCase() === login.toLowerCase() ||
      (this.#granted.get(repository.id)?.has(id) ?? false);
  }

  #change(login: string, fullName: string, action: "added" | "removed"): void {
    const user = this.get(login);
    const repository = this.#repository(fullName);
    this.#set(repository.id, user.id, action === "added");
    this.#world.tell({ kind: "member", action, at: this.#world.now(), repository, user });
  }

  #set(repositoryId: number, userId: number, isGranted: boolean): void {
    const users = new Set(this.#granted.get(repositoryId));
    if (isGranted) users.add(userId);
    else users.delete(userId);
    this.#granted.set(repositoryId, users);
  }

  #tellMember(
    action: "member_added" | "member_removed",
    user: User,
    organisation: string,
  ): void {
    this.#world.tell({ kind: "organization", action, at: this.#world.now(), organisation, user });
  }

  #install(fullName: string | undefined, isInstalled: boolean): void {
    const at = this.#world.now();
    const all = this.#world.repositories();
    const repositories = fullName === undefined ? all : [this.#repository(fullName)];
    const ids = new Set(repositories.map(({ id }) => id));
    this.#notInstalled = isInstalled
      ? this.#notInstalled.difference(ids)
      : this.#notInstalled.union(ids);
    if (fullName === undefined) {
      const action = isInstalled ? "created" : "deleted";
      this.#world.tell({ kind: "installation", action, at, repositories });
    } else {
      const action = isInstalled ? "added" : "removed";
      this.#world.tell({ kind: "installation_repositories", action, at, repositories });
    }
  }

  #keep(user: User): User {
    this.#users.set(user.login.toLowerCase(), user);
    return user;
  }

  #repository(fullName: string): Repository {
    const name = fullName.toLowerCase();
    const found = this.#world.repositories().find((each) => each.full_name.toLowerCase() === name);
    if (!found) throw new Error(`Cannot find repository "${fullName}": none has that name`);
    return found;
  }
}

function ownerOf(fullName: string): string {
  return fullName.slice(0, fullName.indexOf("/"));
}
