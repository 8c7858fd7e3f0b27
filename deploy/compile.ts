/**
 * Builds one executable that may do what the task `start` may, and no more: `compile.ts OUTPUT [TARGET]`,
 * where TARGET is one of those that `deno compile --help` names, this machine's unless told otherwise.
 */
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags } from "./permissions.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

if (import.meta.main) {
  const [output = "dist/runwire", target = Deno.build.target] = Deno.args;
  Deno.exit(await compile(output, target));
}

/** Resolves to the exit code. */
async function compile(output: string, target: string): Promise<number> {
  const folder = dirname(output);
  await Deno.mkdir(folder, { recursive: true });
  // `deno compile` would not replace what it has not built.
  const work = await Deno.makeTempDir({ dir: folder, prefix: "compile-" });
  try {
    const built = `${work}/${basename(output)}`;
    const args = ["compile", ...permissionFlags(), "--target", target, "--output", built, MAIN];
    const command = new Deno.Command(Deno.execPath(), { args, stdin: "null" });
    const { code } = await command.spawn().status;
    // The name may have got the ending .exe.
    for await (const { name } of Deno.readDir(work)) {
      await Deno.rename(`${work}/${name}`, `${folder}/${name}`);
    }
    return code;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
