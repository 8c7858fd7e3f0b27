import { assert, assertEquals, assertMatch } from "@std/assert";
import { launcher } from "../../deploy/image.ts";
import { permissionFlags } from "../../deploy/permissions.ts";
import { VARIABLE_NAMES } from "../../src/variables.ts";

const ROOT = new URL("../../", import.meta.url);

interface Instruction {
  readonly name: string;
  readonly rest: string;
}

/** The instructions of the Dockerfile, each on one line. */
async function readInstructions(): Promise<readonly Instruction[]> {
  const text = await Deno.readTextFile(new URL("deploy/Dockerfile", ROOT));
  return text.replaceAll(/\\\n\s*/g, "").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [name = ""] = line.split(" ", 1);
      return { name, rest: line.slice(name.length + 1) };
    });
}

const INSTRUCTIONS = await readInstructions();
/** The instructions of the last stage. */
const RUNTIME = INSTRUCTIONS.slice(INSTRUCTIONS.findLastIndex(({ name }) => name === "FROM"));

/** The arguments of the only instruction with this name. */
function instructionArguments(name: string): string {
  const found = RUNTIME.filter((each) => each.name === name);
  assertEquals(found.length, 1, name);
  return found[0]?.rest ?? "";
}

Deno.test("Dockerfile pins all versions and uses the Deno version of the tests", () => {
  const stages = INSTRUCTIONS.filter(({ name }) => name === "FROM").map(({ rest }) => rest);
  assertEquals(stages.length, 2);
  for (const stage of stages) assertMatch(stage, /^[a-z]+:\d+(\.\d+)+-[a-z-]+( AS build)?$/);
  assert(
    INSTRUCTIONS.some(({ name, rest }) =>
      name === "ARG" && rest === `DENO_VERSION=${Deno.version.deno}`
    ),
  );
  const text = INSTRUCTIONS.map(({ rest }) => rest).join("\n");
  assertEquals(text.match(/\b(curl|wget|https?:|apt-get|npx)\b/), null);
  assertEquals(INSTRUCTIONS.filter(({ name }) => name === "ADD"), []);
});

Deno.test("Dockerfile copies existing files from the build context only", async () => {
  const ignored = await Deno.readTextFile(new URL("deploy/Dockerfile.dockerignore", ROOT));
  const allowed = ignored.split("\n").filter((line) => line.startsWith("!"))
    .map((line) => line.slice(1).split("/")[0]);
  const copies = INSTRUCTIONS.filter(({ name, rest }) =>
    name === "COPY" && !rest.startsWith("--from")
  );
  const sources = copies.flatMap(({ rest }) => rest.split(" ").slice(0, -1));
  assertEquals([...new Set(allowed)].sort(), sources.toSorted());
  for (const source of sources) await Deno.stat(new URL(source, ROOT));
});

Deno.test("Dockerfile runs as an unprivileged user and has a health check", () => {
  assertMatch(instructionArguments("USER"), /^[1-9]\d{3,}:[1-9]\d{3,}$/);
  assertMatch(instructionArguments("HEALTHCHECK"), / CMD \["runwire", "health"\]$/);
  assertEquals([instructionArguments("ENTRYPOINT"), instructionArguments("CMD")], [
    '["runwire"]',
    '["serve"]',
  ]);
  assertEquals(instructionArguments("VOLUME"), "/data");
  assertEquals(RUNTIME.filter(({ name }) => name === "RUN"), []);
});

Deno.test("Dockerfile sets only known variables", () => {
  const names = [...instructionArguments("ENV").matchAll(/(\w+)=/g)].map(([, name = ""]) => name);
  const denoVariables = ["PATH", "HOME", "DENO_DIR", "DENO_NO_UPDATE_CHECK"];
  assertEquals(names.filter((name) => ![...VARIABLE_NAMES, ...denoVariables].includes(name)), []);
  assert(names.includes("DATABASE_URL") && names.includes("SERVER_HOST"));
});

Deno.test("launcher() starts the program of the image with the permissions of the task `start`", () => {
  const [shebang, line = "", ...rest] = launcher().split("\n");
  assertEquals([shebang, rest], ["#!/bin/sh", [""]]);
  const [, home, flags = ""] = line.match(/^exec (\S+)\/deno run (.*) \1\/app\.js "\$@"$/) ?? [];
  const rights = flags.split(" ").filter((flag) => /^--(allow|deny|ignore|no-prompt)/.test(flag));
  assertEquals(rights, permissionFlags());
  assert(
    RUNTIME.some(({ name, rest }) => name === "COPY" && rest.endsWith(`/build/image ${home}`)),
  );
  assert(instructionArguments("ENV").startsWith(`PATH=${home}:$PATH `));
});
