import type { Generated } from "kysely";
import type { Role } from "../../account/permission.ts";

/** The tables of who asks; see Tables. */
export interface AccountTables {
  users: UserTable;
  sessions: SessionTable;
  api_keys: ApiKeyTable;
  tickets: TicketTable;
  user_repositories: UserRepositoryTable;
  previous_names: PreviousNameTable;
  access_epoch: AccessEpochTable;
}

/** See User of account/user.ts. */
export interface UserTable {
  id: number;
  login: string;
  name: string | null;
  avatar_url: string | null;
  role: Role;
  created_ms: number;
  signed_in_ms: number;
  membership_checked_ms: number;
  /** Encrypted; `null` when there are none. */
  tokens: string | null;
  /** Of the tokens; counts up when they are dropped, too. */
  tokens_version: number;
}

export interface SessionTable {
  /** SHA-256 of its token, in hex. */
  id: string;
  user_id: number;
  created_ms: number;
  last_used_ms: number;
}

/** See ApiKey of account/api_key.ts. */
export interface ApiKeyTable {
  id: Generated<number>;
  name: string;
  prefix: string;
  /** SHA-256 of the secret, in hex. */
  hash: string;
  /** Parted by spaces. */
  scopes: string;
  budget_cents: number | null;
  created_ms: number;
  expires_ms: number | null;
  last_used_ms: number | null;
  revoked_ms: number | null;
}

/** Of a session or a key, or neither. */
export interface TicketTable {
  /** SHA-256 of its secret, in hex. */
  id: string;
  session_id: string | null;
  api_key_id: number | null;
  expires_ms: number;
}

/** What GitHub said of a user and a repository. */
export interface UserRepositoryTable {
  user_id: number;
  repository_id: number;
  /** 1 or 0 */
  can_read: number;
  checked_ms: number;
}

/** What a repository was called before: events that are kept still call it so. */
export interface PreviousNameTable {
  repository_id: number;
  /** `owner/name` */
  name: string;
}

/** One row. Its lock goes before those of `user_repositories`. */
export interface AccessEpochTable {
  id: number;
  epoch: number;
}
