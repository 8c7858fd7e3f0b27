import type { Lease } from "../cluster/lease.ts";
import type { Redis } from "./connection.ts";

/** What is asked for while Redis is away must not be done much later. */
const READY_LIMIT_MS = 2_000;

/**
 * Counts fences on from `above`, which is what was used at the least. A Redis that has forgotten how far they were has also
 * forgotten who holds the lease: it gives it to nobody for as long as somebody may hold it still.
 */
const TAKE = `
local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local fence, above = tonumber(redis.call("GET", KEYS[2]) or 0), tonumber(ARGV[3])
local forgotten = fence < above
redis.call("SET", KEYS[2], forgotten and above or fence + 1)
redis.call("SET", KEYS[1], forgotten and "somebody" or ARGV[1], "PX", ARGV[2])
return forgotten and 0 or fence + 1
`;
const RENEW = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`;
const RELEASE = `
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
    const fence = await this.#ask(TAKE, [holder, String(ttlMs), String(above)]);
    return fence === 0 ? undefined : fence;
  }

  async renew(holder: string, { ttlMs }: { readonly ttlMs: number }): Promise<boolean> {
    return await this.#ask(RENEW, [holder, String(ttlMs)]) === 1;
  }

  async release(holder: string): Promise<void> {
    await this.#ask(RELEASE, [holder]);
  }

  async #ask(script: string, asked: string[]): Promise<number> {
    const { redis, prefix } = this.#options;
    const lease = `${await prefix()}lease`;
    await redis.untilReady(READY_LIMIT_MS);
    const answer = await redis.client.eval(script, {
      keys: [lease, `${lease}:fence`],
      arguments: asked,
    });
    return Number(answer);
  }
}
