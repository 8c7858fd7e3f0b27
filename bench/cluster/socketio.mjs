// The peer: npm socket.io with @socket.io/redis-adapter, as in their documentation: `socketio.mjs CACHE REDIS_URL KEY`.
// It stores nothing.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";

const [folder, url, key] = process.argv.slice(2);
const require = createRequire(`${folder}package.json`);
const { createAdapter } = require("@socket.io/redis-adapter");
const { createClient } = require("redis");
const { Server } = require("socket.io");

// Without a timeout: the adapter does not catch its errors, so a server that lags by seconds would end.
const publisher = createClient({ url, commandOptions: { timeout: undefined } });
const subscriber = publisher.duplicate();
await Promise.all([publisher.connect(), subscriber.connect()]);

const server = createServer();
const io = new Server(server, { adapter: createAdapter(publisher, subscriber, { key }) });
io.on("connection", (socket) => {
  socket.on("message", ({ content, user_id }) => {
    const created_at = new Date().toISOString();
    io.emit("message", { id: randomUUID(), content, user_id, created_at });
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`listening ${server.address().port}\n`));
process.stdin.resume().on("close", () => process.exit(0));
