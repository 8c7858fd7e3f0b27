import { assert, assertEquals } from "@std/assert";
import manifest from "../deno.json" with { type: "json" };
import { VARIABLE_NAMES } from "../src/variables.ts";

const { start } = manifest.tasks;

function listPermissionFlags(command: string): string[] {
  return command.split(" ").filter((word) => /^--(allow|ignore|deny|no-prompt)/.test(word));
}

Deno.test("The program may only read the variables it knows", () => {
  const allowed = listPermissionFlags(start.command).find((flag) =>
    flag.startsWith("--allow-env=")
  );
  assertEquals(allowed, `--allow-env=${VARIABLE_NAMES.join(",")}`);
});

Deno.test("The program may not run commands, load libraries or query the system", () => {
  const flags = listPermissionFlags(start.command).join(" ");
  for (const right of ["run", "ffi", "all", "import", "sys"]) {
    assert(!flags.includes(`--allow-${right}`), `--allow-${right}`);
  }
});

Deno.test("Every task has a description", () => {
  for (const [name, task] of Object.entries(manifest.tasks)) assert(task.description, name);
});
