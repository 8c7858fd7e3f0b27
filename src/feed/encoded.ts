import type { EventType, StoredEvent } from "./event.ts";

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
