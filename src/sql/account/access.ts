import type { AccessStore, CachedAccess, RepositoryRef } from "../../account/access.ts";
import type { PreviousNameTable } from "./account_tables.ts";
import type { Database, Db, Tx } from "../database.ts";

/** Keeps in SQL what users may read. */
export class SqlAccessStore implements AccessStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  load(userId: number, since: number): Promise<CachedAccess> {
    return this.#database.read(async (db) => {
      // First, so that what changes meanwhile makes the answer older than it is, and not newer.
      const epoch = await readAccessEpoch(db);
      const rows = await db.selectFrom("repositories")
        .leftJoin(
          "user_repositories",
          (join) =>
            join.onRef("repository_id", "=", "repositories.id").on("user_id", "=", userId)
              .on("checked_ms", ">=", since),
        )
        .select(["id", "full_name", "can_read", "checked_ms"]).orderBy("id").execute();
      const former = await db.selectFrom("previous_names").selectAll().execute();
      return { epoch, ...toCachedAccess(rows, former) };
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
      if (rows.length === 0) return true;
      await tx.insertInto("user_repositories").values(rows)
        .onConflict((conflict) =>
          conflict.columns(["user_id", "repository_id"]).doUpdateSet((eb) => ({
            can_read: eb.ref("excluded.can_read"),
            checked_ms: eb.ref("excluded.checked_ms"),
          }))
        ).execute();
      return true;
    });
  }

  epoch(): Promise<number> {
    return this.#database.read(readAccessEpoch);
  }
}

/**
 * Forgets what users may read of these repositories (by their ids), or of any, since their rights may have changed: GitHub is
 * asked anew before anything of them is shown. With "all" it is also asked anew who is in which organization.
 */
export async function invalidateAccess(
  tx: Tx,
  repositoryIds: readonly number[] | "all",
): Promise<void> {
  if (repositoryIds.length === 0) return;
  // Its lock keeps out answers that GitHub gave before.
  await incrementAccessEpoch(tx);
  if (repositoryIds === "all") {
    await tx.deleteFrom("user_repositories").execute();
    await tx.updateTable("users").set({ membership_checked_ms: 0 }).execute();
  } else {
    await tx.deleteFrom("user_repositories").where("repository_id", "in", repositoryIds).execute();
  }
}

/** Forgets the tokens of users (by their ids) who have revoked them, and ends their sessions. */
export async function revokeUsers(tx: Tx, userIds: readonly number[]): Promise<void> {
  if (userIds.length === 0) return;
  await tx.updateTable("users").set((eb) => ({
    tokens: null,
    tokens_version: eb("tokens_version", "+", 1),
  }))
    .where("id", "in", userIds).execute();
  await tx.deleteFrom("sessions").where("user_id", "in", userIds).execute();
}

/** Lets everybody look again at what is kept, as repositories have come or have other names. */
export async function incrementAccessEpoch(tx: Tx): Promise<void> {
  await tx.updateTable("access_epoch").set((eb) => ({ epoch: eb("epoch", "+", 1) })).where(
    "id",
    "=",
    1,
  )
    .execute();
}

async function readAccessEpoch(db: Db): Promise<number> {
  const { epoch } = await db.selectFrom("access_epoch").select("epoch").where("id", "=", 1)
    .executeTakeFirstOrThrow();
  return epoch;
}

interface AccessRow {
  readonly id: number;
  readonly full_name: string;
  /** `null`, as the time is, where nothing is known. */
  readonly can_read: number | null;
  readonly checked_ms: number | null;
}

/** A name that several repositories have, or had, can be read by those who can read all of them. */
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
