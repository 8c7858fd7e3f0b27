/** The state that instances over one database share. Times are ms since the epoch by the database's clock. */
export interface ClusterTables {
  installation: InstallationTable;
  leases: LeaseTable;
  presences: PresenceTable;
  shared_snapshot: SharedSnapshotTable;
}

/** One row. */
export interface InstallationTable {
  id: number;
  /** Generated with the database. */
  name: string;
}

export interface LeaseTable {
  name: string;
  /** The token of the last holder; a lower one must not write. */
  fencing_token: number;
  holder: string | null;
  /** Not used if the lease is held in Redis. */
  expires_ms: number;
}

/** An instance that has clients. */
export interface PresenceTable {
  instance: string;
  expires_ms: number;
}

/** One row. */
export interface SharedSnapshotTable {
  id: number;
  /** JSON, a list of Repository. */
  repositories: string;
  /** When GitHub was last polled. */
  built_ms: number;
}
