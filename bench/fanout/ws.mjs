// npm `ws` on Node, broadcasting as in its README; the frame is encoded once, not once per client.
import { Buffer } from "node:buffer";
import { createRequire } from "node:module";
import { listening, onBroadcast } from "./broadcasts.mjs";

const { WebSocketServer } = createRequire(new URL("../../.cache/bench/", import.meta.url))("ws");

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
server.on("listening", () => listening(server.address().port));

onBroadcast((snapshot) => {
  const frame = Buffer.from(JSON.stringify(snapshot));
  for (const client of server.clients) client.send(frame, { binary: false });
});
