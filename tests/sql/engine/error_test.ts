import { assert, assertEquals } from "@std/assert";
import { connect, type LookupFunction } from "node:net";
import { toStorageError } from "../../../src/sql/engine/error.ts";

Deno.test("toStorageError() recognizes a server unreachable at all its addresses", async () => {
  const { promise, resolve } = Promise.withResolvers<Error>();
  const both = [{ address: "127.0.0.1", family: 4 }, { address: "::1", family: 6 }];
  const lookup: LookupFunction = (_name, _options, answer) => answer(null, both);
  connect({ host: "localhost", port: 1, lookup }).on("error", resolve);
  const error = await promise;
  assert(error instanceof AggregateError);
  const { kind, message } = toStorageError(error, "of runs") ?? {};
  assertEquals(kind, "unavailable");
  assertEquals(message, "Cannot use the database of runs: connect ECONNREFUSED 127.0.0.1:1");
});
