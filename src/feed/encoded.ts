import type { EventType, NumberedEvent } from "./event.ts";

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

export function encode({ seq, type, at, repository, data }: NumberedEvent): EncodedEvent {
  const json = JSON.stringify({ seq, type, at, repository, data });
  return {
    seq,
    type,
    repository: repository?.toLowerCase() ?? null,
    json,
    bytes: new TextEncoder().encode(json).byteLength,
  };
}

/**
 * JSON arrays of events, in their order: as few as there can be with `limit` bytes at the most in each. An event that is
 * longer goes alone.
 */
export function* arraysOf(events: readonly EncodedEvent[], limit: number): Generator<string> {
  let items: string[] = [];
  let bytes = 1;
  for (const event of events) {
    // With the comma or the bracket that follows it.
    if (items.length > 0 && bytes + event.bytes + 1 > limit) {
      yield `[${items.join(",")}]`;
      items = [];
      bytes = 1;
    }
    items.push(event.json);
    bytes += event.bytes + 1;
  }
  if (items.length > 0) yield `[${items.join(",")}]`;
}
