/**
 * Builds one executable with the permissions of the task `start`: `compile.ts OUTPUT [TARGET]`. TARGET is a target of
 * `deno compile`, by default this machine's.
 */
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { permissionFlags } from "./permissions.ts";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

if (import.meta.main) {
  const [output = "dist/runwire", target] = Deno.args;
  if (!await compile(output, { target })) Deno.exit(1);
}

export interface CompileOptions {
  readonly target?: string | undefined;
  readonly signal?: AbortSignal;
  /** Deno's progress output. */
  readonly stderr?: "inherit" | "null";
}

/** Resolves to whether the build succeeded. */
export async function compile(
  output: string,
  { target = Deno.build.target, signal, stderr = "inherit" }: CompileOptions = {},
): Promise<boolean> {
  const folder = dirname(output);
  await Deno.mkdir(folder, { recursive: true });
  // `deno compile` does not overwrite a file it has not built.
  const work = await Deno.makeTempDir({ dir: folder, prefix: "compile-" });
  try {
    const built = `${work}/${basename(output)}`;
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["compile", ...permissionFlags(), "--target", target, "--output", built, MAIN],
      stdin: "null",
      stderr,
      ...(signal ? { signal } : {}),
    }).spawn().status;
    if (!success) return false;
    // On Windows the name ends with .exe.
    for await (const { name } of Deno.readDir(work)) {
      await Deno.rename(`${work}/${name}`, `${folder}/${name}`);
    }
    return true;
  } finally {
    await Deno.remove(work, { recursive: true });
  }
}
