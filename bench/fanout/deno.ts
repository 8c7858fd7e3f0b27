// The baseline: a minimal Deno program.
import { listening, onBroadcast } from "./broadcasts.mjs";

const sockets = new Set<WebSocket>();

Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: ({ port }) => listening(port) },
  (request) => {
    const { socket, response } = Deno.upgradeWebSocket(request);
    socket.onopen = () => sockets.add(socket);
    socket.onclose = () => sockets.delete(socket);
    return response;
  },
);

onBroadcast((snapshot) => {
  const frame = JSON.stringify(snapshot);
  for (const socket of sockets) socket.send(frame);
});
