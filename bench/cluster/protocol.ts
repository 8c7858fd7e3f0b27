import type { FrameReader } from "../frames.ts";

/** How clients of a server talk. What they say and hear is the same JSON; each protocol wraps it differently. */
export interface Protocol {
  readonly path: string;
  /** What stands before the JSON of a message in a text frame, and after it, in either direction. */
  readonly before: string;
  readonly after: string;
  /** What has to be said and heard before messages come. */
  readonly greet: (client: FrameReader) => void;
  /** Heartbeats that are text: what to answer. */
  readonly heartbeat?: { readonly asked: string; readonly answer: string };
}

export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  "runwire": { path: "/ws?topics=messages", before: "", after: "", greet: () => {} },
  // Engine.IO 4 and Socket.IO 5: https://socket.io/docs/v4/socket-io-protocol/
  "socket.io": {
    path: "/socket.io/?EIO=4&transport=websocket",
    before: '42["message",',
    after: "]",
    greet: (client) => {
      expect(client, "0{");
      client.write("40");
      expect(client, "40{");
    },
    heartbeat: { asked: "2", answer: "3" },
  },
};

function expect(client: FrameReader, beginning: string): void {
  const frames: string[] = [];
  while (frames.length === 0) client.read((frame) => frames.push(new TextDecoder().decode(frame)));
  if (frames.length !== 1 || !frames[0]?.startsWith(beginning)) {
    throw new Error(`Cannot take ${frames.join(", ")}: expected ${beginning}…`);
  }
}
