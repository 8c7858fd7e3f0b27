import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../main.ts", import.meta.url));

/** Bundles the program and its imports into one JavaScript file. */
export async function bundle(output: string): Promise<void> {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "deno", "--minify", "--output", output, MAIN],
    stdin: "null",
  }).spawn().status;
  if (!success) throw new Error("Failed to bundle main.ts");
}
