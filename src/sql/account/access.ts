import type { AccessStore, CachedAccess, RepositoryRef } from "../../account/access_cache.ts";
import type { Database } from "../database.ts";
import type { Db, Tx } from "../handles.ts";
import { upsert } from "../upsert.ts";
import type { PreviousNameTable } from "./account_tables.ts";

/** Stores in SQL which repositories users can read. */
export class SqlAccessStore implements AccessStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  load(userId: number, since: number): Promise<CachedAccess> {
    return this.#database.read(async (db) => {
      // The epoch is read first: a concurrent change makes the result outdated, never wrongly current.
      const epoch = await readAccessEpoch(db);
      const rows = await db.selectFrom("repositories")
        .leftJoin(
          "user_repositories",
          (join) =>
            join.onRef("repository_id", "=", "repositories.id").on("user_id", "=", userId)
              .on("checked_ms", ">=", since),
        )
        .select(["id", "full_name", "can_read", "checked_ms"]).orderBy("id").execute();
      const previousNames = await db.selectFrom("previous_names").selectAll().execute();
      return { epoch, ...toCachedAccess(rows, previousNames) };
    });
  }

  save(
    { userId, epoch, readable, unreadable, checkedAt }: {
      readonly userId: number;
      readonly epoch: number;
      readonly readable: readonly number[];
      readonly unreadable: readonly number[];
      readonly checkedAt: number;
    },
  ): Promise<boolean> {
    return this.#database.write(async (tx) => {
      const current = await tx.selectFrom("access_epoch").select("epoch").where("id", "=", 1)
        .forShare().executeTakeFirstOrThrow();
      if (current.epoch !== epoch) return false;
      const rows = [
        ...readable.map((id) => ({ repository_id: id, can_read: 1 })),
        ...unreadable.map((id) => ({ repository_id: id, can_read: 0 })),
      ].toSorted((a, b) => a.repository_id - b.repository_id)
        .map((row) => ({ ...row, user_id: userId, checked_ms: checkedAt }));
      await upsert(tx, "user_repositories", rows, { key: ["user_id", "repository_id"] });
      return true;
    });
  }

  epoch(): Promise<number> {
    return this.#database.read(readAccessEpoch);
  }
}

/**
 * Deletes the cached access of users to repositories (by ID), or to all, because permissions may have changed: GitHub is asked
 * again before they are shown. With "all", organization memberships are checked again, too.
 */
export async function invalidateAccess(
  tx: Tx,
  repositoryIds: readonly number[] | "all",
): Promise<void> {
  if (repositoryIds.length === 0) return;
  // Its lock keeps out answers that GitHub gave before this change.
  await incrementAccessEpoch(tx);
  if (repositoryIds === "all") {
    await tx.deleteFrom("user_repositories").execute();
    await tx.updateTable("users").set({ membership_checked_ms: 0 }).execute();
  } else {
    await tx.deleteFrom("user_repositories").where("repository_id", "in", repositoryIds).execute();
  }
}

/** Deletes the tokens of users (by ID) who revoked the authorization, and ends their sessions. */
export async function revokeUsers(tx: Tx, userIds: readonly number[]): Promise<void> {
  if (userIds.length === 0) return;
  await tx.updateTable("users").set((eb) => ({
    tokens: null,
    tokens_version: eb("tokens_version", "+", 1),
  }))
    .where("id", "in", userIds).execute();
  await tx.deleteFrom("sessions").where("user_id", "in", userIds).execute();
}

/** Makes instances reload cached access, after repositories were added or renamed. */
export async function incrementAccessEpoch(tx: Tx): Promise<void> {
  await tx.updateTable("access_epoch").set((eb) => ({ epoch: eb("epoch", "+", 1) }))
    .where("id", "=", 1).execute();
}

async function readAccessEpoch(db: Db): Promise<number> {
  const { epoch } = await db.selectFrom("access_epoch").select("epoch").where("id", "=", 1)
    .executeTakeFirstOrThrow();
  return epoch;
}

interface AccessRow {
  readonly id: number;
  readonly full_name: string;
  /** `null`, like `checked_ms`, if the access is unknown. */
  readonly can_read: number | null;
  readonly checked_ms: number | null;
}

/** A name that several repositories have or had is readable only if all of them are. */
function toCachedAccess(
  rows: readonly AccessRow[],
  previousNames: readonly PreviousNameTable[],
): Omit<CachedAccess, "epoch"> {
  const previousNamesById = Map.groupBy(previousNames, ({ repository_id }) => repository_id);
  const readable = new Set<string>();
  const hidden = new Set<string>();
  const unchecked: RepositoryRef[] = [];
  let checkedAt: number | undefined;
  for (const { id, full_name, can_read, checked_ms } of rows) {
    for (const name of [full_name, ...(previousNamesById.get(id) ?? []).map(({ name }) => name)]) {
      (can_read === 1 ? readable : hidden).add(name.toLowerCase());
    }
    if (checked_ms === null) unchecked.push({ id, fullName: full_name });
    else checkedAt = Math.min(checkedAt ?? checked_ms, checked_ms);
  }
  return { readable: readable.difference(hidden), unchecked, oldestCheckedAt: checkedAt };
}
