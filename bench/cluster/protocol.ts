import type { WebSocketClient } from "../websocket_client.ts";

/** How clients of a server talk. What they say and hear is the same JSON; each protocol wraps it differently. */
export interface Protocol {
  readonly path: string;
  /** What stands before the JSON of a message in a text frame, and after it, in either direction. */
  readonly prefix: string;
  readonly suffix: string;
  /** What has to be said and heard before messages come. */
  readonly handshake: (client: WebSocketClient) => void;
  /** Heartbeats that are text: what to answer. */
  readonly heartbeat?: { readonly ping: string; readonly pong: string };
}

export const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  "runwire": { path: "/ws?topics=messages", prefix: "", suffix: "", handshake: () => {} },
  // Engine.IO 4 and Socket.IO 5: https://socket.io/docs/v4/socket-io-protocol/
  "socket.io": {
    path: "/socket.io/?EIO=4&transport=websocket",
    prefix: '42["message",',
    suffix: "]",
    handshake: (client) => {
      expectFrame(client, "0{");
      client.write("40");
      expectFrame(client, "40{");
    },
    heartbeat: { ping: "2", pong: "3" },
  },
};

function expectFrame(client: WebSocketClient, prefix: string): void {
  const frames: string[] = [];
  while (frames.length === 0) client.read((frame) => frames.push(new TextDecoder().decode(frame)));
  if (frames.length !== 1 || !frames[0]?.startsWith(prefix)) {
    throw new Error(`Cannot take ${frames.join(", ")}: expected ${prefix}…`);
  }
}
