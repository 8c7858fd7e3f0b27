import type { Generated } from "kysely";
import type { Role } from "../../account/permission.ts";

/** The tables of users and their access; see Tables. */
export interface AccountTables {
  users: UserTable;
  sessions: SessionTable;
  api_keys: ApiKeyTable;
  tickets: TicketTable;
  user_repositories: UserRepositoryTable;
  previous_names: PreviousNameTable;
  access_epoch: AccessEpochTable;
}

/** See User of src/account/user.ts. */
export interface UserTable {
  id: number;
  login: string;
  name: string | null;
  avatar_url: string | null;
  role: Role;
  created_ms: number;
  signed_in_ms: number;
  membership_checked_ms: number;
  /** Encrypted. */
  tokens: string | null;
  /** Incremented with every change of `tokens`, including their deletion. */
  tokens_version: number;
}

export interface SessionTable {
  /** SHA-256 of the token, in hex. */
  id: string;
  user_id: number;
  created_ms: number;
  last_used_ms: number;
}

/** See ApiKey of src/account/api_key.ts. */
export interface ApiKeyTable {
  id: Generated<number>;
  name: string;
  prefix: string;
  /** SHA-256 of the secret, in hex. */
  hash: string;
  /** Space-separated. */
  scopes: string;
  budget_cents: number | null;
  created_ms: number;
  expires_ms: number | null;
  last_used_ms: number | null;
  revoked_ms: number | null;
}

/** Belongs to a session, to an API key, or to neither. */
export interface TicketTable {
  /** SHA-256 of the secret, in hex. */
  id: string;
  session_id: string | null;
  api_key_id: number | null;
  expires_ms: number;
}

/** Whether a user can read a repository, as GitHub answered. */
export interface UserRepositoryTable {
  user_id: number;
  repository_id: number;
  can_read: number;
  checked_ms: number;
}

/** A previous name of a repository, which stored events still have. */
export interface PreviousNameTable {
  repository_id: number;
  /** `owner/name` */
  name: string;
}

/** One row. Lock it before rows of `user_repositories`. */
export interface AccessEpochTable {
  id: number;
  epoch: number;
}
