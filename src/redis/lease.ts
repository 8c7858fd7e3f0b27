import type { Lease } from "../cluster/lease.ts";
import type { Redis } from "./connection.ts";

/** Commands sent during an outage must not run much later. */
const READY_TIMEOUT_MS = 2_000;

/**
 * Returns a fencing token greater than `above`, the highest token known to be used. A Redis with a lower token has lost its
 * data, and with it the holder: it then grants no lease until the lost one has expired.
 */
const ACQUIRE_SCRIPT = `
local holder = redis.call("GET", KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
local fencing_token, above = tonumber(redis.call("GET", KEYS[2]) or 0), tonumber(ARGV[3])
local data_lost = fencing_token < above
redis.call("SET", KEYS[2], data_lost and above or fencing_token + 1)
redis.call("SET", KEYS[1], data_lost and "unknown" or ARGV[1], "PX", ARGV[2])
return data_lost and 0 or fencing_token + 1
`;
const RENEW_SCRIPT = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("PEXPIRE", KEYS[1], ARGV[2])
`;
const RELEASE_SCRIPT = `
if redis.call("GET", KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call("DEL", KEYS[1])
`;

/** A Redis key that expires by the clock of Redis. */
export class RedisLease implements Lease {
  readonly #redis: Redis;
  readonly #prefix: () => Promise<string>;

  /** `prefix`: of the keys of all instances that share one database. */
  constructor(
    { redis, prefix }: { readonly redis: Redis; readonly prefix: () => Promise<string> },
  ) {
    this.#redis = redis;
    this.#prefix = prefix;
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
    const lease = `${await this.#prefix()}lease`;
    await this.#redis.waitUntilReady(READY_TIMEOUT_MS);
    const reply = await this.#redis.client.eval(script, {
      keys: [lease, `${lease}:fencing_token`],
      arguments: args,
    });
    return Number(reply);
  }
}
