/** Everything that clients can hear of: a closed union, told apart by `type`. Names are as they go over the wire. */
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

/** A run has a new state. */
export interface RunEvent {
  readonly type: "run";
  /** `owner/name` */
  readonly repository: string;
  readonly data: RunData;
}

export interface RunData {
  readonly id: number;
  readonly repository: string;
  readonly workflow_id: number;
  readonly workflow_name: string;
  readonly display_title: string;
  readonly event: string;
  readonly status: string | null;
  readonly conclusion: string | null;
  readonly branch: string | null;
  readonly head_sha: string;
  readonly actor: string | null;
  readonly run_number: number;
  readonly run_attempt: number;
  readonly created_at: string;
  readonly started_at: string | null;
  readonly updated_at: string;
  /** From start to end; `null` until the run has ended. */
  readonly duration_seconds: number | null;
  readonly html_url: string;
}

/** A repository is new, was pushed to, or is gone. */
export interface RepositoryEvent {
  readonly type: "repository";
  /** `owner/name` */
  readonly repository: string;
  readonly data: {
    readonly id: number;
    readonly full_name: string;
    /** RFC 3339; `null` when nothing was ever pushed. */
    readonly pushed_at: string | null;
    /** Whether it is gone for us: deleted, or taken from the App's installation. */
    readonly removed: boolean;
  };
}

/** A client has said something to all. */
export interface MessageEvent {
  readonly type: "message";
  readonly repository: null;
  readonly data: MessageData;
}

export interface MessageData {
  /** A UUID. */
  readonly id: string;
  readonly content: string;
  readonly user_id: string;
  /** RFC 3339, in UTC. */
  readonly created_at: string;
}

/** How things stand between us and GitHub. */
export interface StatusEvent {
  readonly type: "status";
  readonly repository: null;
  readonly data: {
    readonly state: "polling" | "waiting" | "idle" | "unauthorized" | "unreachable";
    /** RFC 3339; `null` when nothing holds us back. */
    readonly waiting_until: string | null;
  };
}

/** An event as it was numbered. Numbers grow by one, from 1. */
export type StoredEvent = Event & { readonly seq: number; readonly at: string };

/** An event as it goes over the wire, encoded once for everybody who hears it. */
export interface EncodedEvent {
  readonly seq: number;
  readonly type: EventType;
  /** `owner/name` in lower case, since GitHub's names are the same in any case. */
  readonly repository: string | null;
  /** `{"seq","type","at","repository"|null,"data"}` */
  readonly json: string;
  /** Of the JSON in UTF-8. */
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

/** The JSON of its `data` alone. */
export function eventData({ json }: EncodedEvent): string {
  return JSON.stringify(JSON.parse(json).data);
}
