/** What instances over one database agree on. Times are ms since the epoch, by the clock of the database. */
export interface ClusterTables {
  installation: { id: number; name: string };
  leases: LeaseTable;
  presences: PresenceTable;
  shared_snapshot: SharedSnapshotTable;
}

export interface LeaseTable {
  name: string;
  /** Of the last holder; whoever has a lower one may write nothing. */
  fencing_token: number;
  holder: string | null;
  /** Until when the holder has it; of no matter where Redis says who has it. */
  expires_ms: number;
}

export interface PresenceTable {
  instance: string;
  /** Until when it is taken to have clients. */
  expires_ms: number;
}

export interface SharedSnapshotTable {
  id: number;
  /** JSON, a list of Repository. */
  repositories: string;
  /** When GitHub was last asked. */
  built_ms: number;
}
