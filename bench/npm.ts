/** Folder for installed peers, ignored by Git. */
export const CACHE = new URL("../.cache/bench/", import.meta.url).pathname;
const TIMEOUT_MS = 180_000;

/**
 * Installs missing packages at exact versions (`name@1.2.3`).
 * @throws {Error} if npm fails
 */
export async function install(...packages: readonly string[]): Promise<void> {
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeTextFile(`${CACHE}.gitignore`, "*\n");
  const flags = ["--save-exact", "--no-audit", "--no-fund"];
  await run("npm", "install", "--prefix", CACHE, ...flags, ...packages);
}

/**
 * Returns the output of a program.
 * @throws {Error} if it fails or does not exist
 */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const command = new Deno.Command(program, { args: [...args], signal });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout).trim();
  const [line] = text.decode(stderr).trim().split("\n");
  throw new Error(`"${program} ${args.join(" ")}" failed: ${line}`);
}
