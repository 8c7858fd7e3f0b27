// The peer: npm @octokit/webhooks as its documentation shows it. It verifies, parses and calls a handler; it stores nothing.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { PATH, SECRET } from "./hook.mjs";

const require = createRequire(`${process.argv[2]}package.json`);
const { createNodeMiddleware, Webhooks } = await import(
  pathToFileURL(require.resolve("@octokit/webhooks")).href
);

const webhooks = new Webhooks({ secret: SECRET });
let runs = 0;
webhooks.on("workflow_run", () => {
  runs++;
});

const server = createServer(createNodeMiddleware(webhooks, { path: PATH }));
server.listen(0, "127.0.0.1", () => process.stdout.write(`listening ${server.address().port}\n`));
process.stdin.resume().on("close", () => process.exit(runs > 0 ? 0 : 1));
