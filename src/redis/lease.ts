import type { Lease } from "../cluster/lease.ts";
import type { Redis } from "./connection.ts";

/** What is asked for while Redis is away must not be done much later. */
const READY_TIMEOUT_MS = 2_000;

/**
 * Counts fences on from `above`, which is what was used at the least. A Redis that has forgotten how far they were has also
 * forgotten who holds the lease: it gives it to nobody for as long as somebody may hold it still.
 */
const ACQUIRE_SCRIPT = `
local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local fence, above = tonumber(redis.call("GET", KEYS[2]) or 0), tonumber(ARGV[3])
local forgotten = fence < above
redis.call("SET", KEYS[2], forgotten and above or fence + 1)
redis.call("SET", KEYS[1], forgotten and "somebody" or ARGV[1], "PX", ARGV[2])
return forgotten and 0 or fence + 1
`;
const RENEW_SCRIPT = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`;
const RELEASE_SCRIPT = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
`;

export interface RedisLeaseOptions {
  readonly redis: Redis;
  /** Of all keys of ours over one database. */
  readonly prefix: () => Promise<string>;
}

/** A key of Redis that expires, by the clock of Redis. */
export class RedisLease implements Lease {
  readonly #options: RedisLeaseOptions;

  constructor(options: RedisLeaseOptions) {
    this.#options = options;
  }

  async acquire(
    holder: string,
    { ttlMs, above }: { readonly ttlMs: number; readonly above: number },
  ): Promise<number | undefined> {
    const fencingToken = await this.#eval(ACQUIRE_SCRIPT, [holder, String(ttlMs), String(above)]);
    return fencingToken === 0 ? undefined : fencingToken;
  }

  async renew(holder: string, { ttlMs }: { readonly ttlMs: number }): Promise<boolean> {
    return await this.#eval(RENEW_SCRIPT, [holder, String(ttlMs)]) === 1;
  }

  async release(holder: string): Promise<void> {
    await this.#eval(RELEASE_SCRIPT, [holder]);
  }

  async #eval(script: string, args: string[]): Promise<number> {
    const { redis, prefix } = this.#options;
    const lease = `${await prefix()}lease`;
    await redis.waitUntilReady(READY_TIMEOUT_MS);
    const reply = await redis.client.eval(script, {
      keys: [lease, `${lease}:fence`],
      arguments: args,
    });
    return Number(reply);
  }
}
