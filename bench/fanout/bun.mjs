// Bun's own publish to a topic.
import { listening, onBroadcast } from "./broadcasts.mjs";

const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  fetch: (request, server) =>
    server.upgrade(request) ? undefined : new Response(null, { status: 426 }),
  websocket: {
    open: (socket) => socket.subscribe("runs"),
    message: () => {},
  },
});
listening(server.port);

onBroadcast((snapshot) => server.publish("runs", JSON.stringify(snapshot)));
