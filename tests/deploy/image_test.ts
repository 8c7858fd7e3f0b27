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
/** Of the image itself, without what builds it. */
const RUNTIME = INSTRUCTIONS.slice(INSTRUCTIONS.findLastIndex(({ name }) => name === "FROM"));

/** Of the one instruction of that name. */
function instructionArguments(name: string): string {
  const found = RUNTIME.filter((each) => each.name === name);
  assertEquals(found.length, 1, name);
  return found[0]?.rest ?? "";
}

Deno.test("Dockerfile builds from pinned versions alone, with the Deno that this runs on", () => {
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

Deno.test("Dockerfile copies what is there, and only what may be sent to the build", async () => {
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

Deno.test("Dockerfile makes an image that runs as nobody, and asks itself how it is", () => {
  assertMatch(instructionArguments("USER"), /^[1-9]\d{3,}:[1-9]\d{3,}$/);
  assertMatch(instructionArguments("HEALTHCHECK"), / CMD \["runwire", "health"\]$/);
  assertEquals([instructionArguments("ENTRYPOINT"), instructionArguments("CMD")], [
    '["runwire"]',
    '["serve"]',
  ]);
  assertEquals(instructionArguments("VOLUME"), "/data");
  assertEquals(RUNTIME.filter(({ name }) => name === "RUN"), []);
});

Deno.test("Dockerfile sets only variables that there are", () => {
  const names = [...instructionArguments("ENV").matchAll(/(\w+)=/g)].map(([, name = ""]) => name);
  const denoVariables = ["PATH", "HOME", "DENO_DIR", "DENO_NO_UPDATE_CHECK"];
  assertEquals(names.filter((name) => ![...VARIABLE_NAMES, ...denoVariables].includes(name)), []);
  assert(names.includes("DATABASE_URL") && names.includes("SERVER_HOST"));
});

Deno.test("launcher() starts the program with the rights of the task `start`, from where the image has it", () => {
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
