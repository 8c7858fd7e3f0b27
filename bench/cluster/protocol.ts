import type { WebSocketClient } from "../websocket_client.ts";

/** The client protocol of a server. All protocols wrap the same JSON. */
export interface Protocol {
  readonly path: string;
  /** Text before the JSON of a message in both directions; `suffix` follows it. */
  readonly prefix: string;
  readonly suffix: string;
  /** Frames to exchange before messages. */
  readonly handshake: (client: WebSocketClient) => void;
  /** Text frames used as heartbeats. */
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
    throw new Error(`Unexpected frame ${frames.join(", ")}: expected ${prefix}…`);
  }
}
