import { assertEquals } from "@std/assert";
import { envExample } from "../../deploy/env_example.ts";
import { VARIABLE_NAMES } from "../../src/variables.ts";

Deno.test("deploy/env.example matches the variables of the program: run deno task env-example", async () => {
  const text = await Deno.readTextFile(new URL("../../deploy/env.example", import.meta.url));
  assertEquals(text, envExample());
  const names = [...text.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name);
  assertEquals(names, [...VARIABLE_NAMES, "POSTGRES_PASSWORD", "REDIS_PASSWORD"]);
});
