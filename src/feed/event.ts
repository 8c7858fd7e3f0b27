/** Every kind of event that clients receive: a union discriminated by `type`, with the field names of the wire. */
export type Event = RunEvent | RepositoryEvent | MessageEvent | StatusEvent;

export type EventType = Event["type"];

const TYPES: Readonly<Record<EventType, true>> = {
  run: true,
  repository: true,
  message: true,
  status: true,
};

export const EVENT_TYPES: readonly EventType[] = Object.keys(TYPES).filter(isEventType);

function isEventType(value: string): value is EventType {
  return Object.hasOwn(TYPES, value);
}

/** The state of a run has changed. */
export interface RunEvent {
  readonly type: "run";
  /** `owner/name` */
  readonly repository: string;
  readonly data: RunData;
}

/** A run in events and in the API. Times are RFC 3339, as GitHub sends them. GitHub may add statuses, conclusions and events. */
export interface RunData {
  readonly id: number;
  /** `owner/name` */
  readonly repository: string;
  readonly workflow_id: number;
  readonly workflow_name: string;
  readonly display_title: string;
  readonly event: string;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly branch: string | null;
  readonly head_sha: string;
  /** A login. */
  readonly actor: string | null;
  readonly run_number: number;
  readonly run_attempt: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly updated_at: string;
  /** From start to end; `null` until the run has completed. */
  readonly duration_seconds: number | null;
  readonly html_url: string;
}

/** A repository was added, pushed to, or removed. */
export interface RepositoryEvent {
  readonly type: "repository";
  /** `owner/name` */
  readonly repository: string;
  readonly data: {
    readonly id: number;
    readonly full_name: string;
    /** RFC 3339; `null` if nothing was ever pushed. */
    readonly pushed_at: string | null;
    /** Whether the repository was deleted, or removed from the App's installation. */
    readonly removed: boolean;
  };
}

/** A chat message to all clients. */
export interface MessageEvent {
  readonly type: "message";
  readonly repository: null;
  readonly data: MessageData;
}

export interface MessageData {
  /** UUID */
  readonly id: string;
  readonly content: string;
  readonly user_id: string;
  /** RFC 3339, in UTC. */
  readonly created_at: string;
}

/** The state of the connection to GitHub has changed. */
export interface StatusEvent {
  readonly type: "status";
  readonly repository: null;
  readonly data: {
    readonly state: "polling" | "waiting" | "idle" | "unauthorized" | "unreachable";
    /** The end of the current wait, RFC 3339; `null` if polling is not delayed. */
    readonly waiting_until: string | null;
  };
}

/** An event with its sequence number, which grows by one from 1. `at`: when it was stored, RFC 3339. */
export type StoredEvent = Event & { readonly seq: number; readonly at: string };

/** An event in its wire format, encoded once for all clients. */
export interface EncodedEvent {
  readonly seq: number;
  readonly type: EventType;
  /** `owner/name` in lower case, because GitHub's names are case-insensitive. */
  readonly repository: string | null;
  /** `{"seq","type","at","repository"|null,"data"}` */
  readonly json: string;
  /** The size of `json` in UTF-8. */
  readonly bytes: number;
}

export function encodeEvent({ seq, type, at, repository, data }: StoredEvent): EncodedEvent {
  const json = JSON.stringify({ seq, type, at, repository, data });
  return {
    seq,
    type,
    repository: repository?.toLowerCase() ?? null,
    json,
    bytes: new TextEncoder().encode(json).byteLength,
  };
}

/** Returns the `data` of an event as JSON. */
export function eventData({ json }: EncodedEvent): string {
  return JSON.stringify(JSON.parse(json).data);
}
