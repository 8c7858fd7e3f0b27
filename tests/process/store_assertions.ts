import { assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
// @ts-types="@types/pg"
import pg from "pg";
import { z } from "zod";
import { waitUntil } from "../fakes/wait.ts";
import type { RunDelivery, RunState } from "./run_deliveries.ts";

/** Queries the database of a program that may be running. */
export type Query = (sql: string) => Promise<readonly unknown[]>;

/** Numbers are text in PostgreSQL where they may be large. */
const integer = z.coerce.number().int();
const DELIVERIES = z.array(z.object({ id: z.string(), state: z.string() }));
const NUMBERS = z.array(z.object({ number: integer })).transform((rows) =>
  rows.map(({ number }) => number)
);
const RUNS = z.array(
  z.object({
    run: integer,
    attempt: integer,
    status: z.string(),
    conclusion: z.string().nullable(),
    updatedAt: z.string(),
  }),
);
const EVENTS = z.array(z.object({ event: z.string() })).transform((rows) =>
  rows.map(({ event }) => EVENT.parse(JSON.parse(event)))
);
const EVENT = z.object({ type: z.string(), data: z.unknown() });
const RUN_DATA = z.object({
  id: z.number(),
  run_attempt: z.number(),
  status: z.string(),
  conclusion: z.string().nullable(),
  updated_at: z.string(),
}).transform((data): RunState => ({
  run: data.id,
  attempt: data.run_attempt,
  status: data.status,
  conclusion: data.conclusion,
  updatedAt: data.updated_at,
}));

/** Reads the file at `path`. */
export function sqliteQuery(path: string): Query {
  return (sql) => {
    const database = new DatabaseSync(path, { readOnly: true, timeout: 2_000 });
    try {
      return Promise.resolve(database.prepare(sql).all());
    } finally {
      database.close();
    }
  };
}

export function postgresQuery(url: string): Query {
  return async (sql) => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 3_000 });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  };
}

/** Resolves when no delivery is waiting. */
export async function waitUntilDrained(query: Query): Promise<void> {
  const waiting = "select count(*) as number from deliveries where state = 'waiting'";
  await waitUntil(
    async () => NUMBERS.parse(await query(waiting))[0] === 0,
    "no delivery is waiting",
  );
}

/**
 * Checks that each acknowledged delivery is applied once, and each other one once or not at all: that runs have the state of
 * the deliveries, and that there is exactly one event for each new state of a run.
 */
export async function assertNothingLost(
  query: Query,
  { sent, acknowledged }: {
    readonly sent: readonly RunDelivery[];
    readonly acknowledged: readonly string[];
  },
): Promise<void> {
  const stored = DELIVERIES.parse(await query("select id, state from deliveries order by seq"));
  assertEquals(stored.filter(({ state }) => state !== "done"), [], "Not all are done");
  const ids = new Set(stored.map(({ id }) => id));
  assertEquals(ids.size, stored.length, "A delivery is stored twice");
  assertEquals(acknowledged.filter((id) => !ids.has(id)), [], "Acknowledged and lost");

  const states = new Map(sent.map(({ id, state }) => [id, state]));
  const storedStates = stored.map(({ id }) => states.get(id)).filter((state) =>
    state !== undefined
  );
  assertEquals(storedStates.length, stored.length, "A delivery is stored that was not sent");
  const expected = toHistories(storedStates);
  assertEquals(
    await readRuns(query),
    new Map([...expected].map(([run, all]) => [run, all.at(-1)])),
  );
  assertEquals(await readRunEvents(query), expected);
  await assertNoSeqGaps(query);
}

/** The history of each run if its states arrive in this order: the states later than all before. */
function toHistories(states: readonly RunState[]): Map<number, RunState[]> {
  const histories = new Map<number, RunState[]>();
  for (const state of states) {
    const history = histories.get(state.run) ?? [];
    const last = history.at(-1);
    if (!last || last.updatedAt < state.updatedAt) history.push(state);
    histories.set(state.run, history);
  }
  return new Map([...histories].sort(([a], [b]) => a - b));
}

async function readRuns(query: Query): Promise<Map<number, RunState | undefined>> {
  const runs = RUNS.parse(
    await query(
      'select id as run, run_attempt as attempt, status, conclusion, updated_at as "updatedAt" ' +
        "from workflow_runs where source = 'webhook' order by id",
    ),
  );
  return new Map(runs.map((state) => [state.run, state]));
}

/** The states in the events of each run from a webhook, in order. */
async function readRunEvents(query: Query): Promise<Map<number, RunState[]>> {
  const runs = await readRuns(query);
  const events = EVENTS.parse(await query("select event from events order by seq"));
  const histories = new Map<number, RunState[]>([...runs.keys()].map((run) => [run, []]));
  for (const { type, data } of events) {
    if (type !== "run") continue;
    const state = RUN_DATA.parse(data);
    histories.get(state.run)?.push(state);
  }
  return histories;
}

async function assertNoSeqGaps(query: Query): Promise<void> {
  const numbers = NUMBERS.parse(await query("select seq as number from events order by seq"));
  const [last = 0] = NUMBERS.parse(await query("select last_seq as number from event_counter"));
  assertEquals(numbers, Array.from({ length: last }, (_, index) => index + 1));
}
