// Plain JavaScript, because Node and Bun read this file too.
import process from "node:process";
import { createInterface } from "node:readline";
import { snapshot } from "./frame.mjs";

/**
 * Calls `send` with the next snapshot for every line `broadcast` on standard input. The process ends with its
 * standard input, so that no server outlives the driver.
 * @param {(snapshot: ReturnType<typeof import("./frame.mjs").snapshot>) => void} send
 */
export function onBroadcast(send) {
  let number = 0;
  createInterface({ input: process.stdin })
    .on("line", (line) => line === "broadcast" && send(snapshot(++number)))
    .on("close", () => process.exit(0));
}

/**
 * Reports the port of this server to the driver.
 * @param {number} port
 */
export function listening(port) {
  process.stdout.write(`listening ${port}\n`);
}
