/** Where peers are installed, which Git ignores. */
export const CACHE = new URL("../.cache/bench/", import.meta.url).pathname;
const TIMEOUT_MS = 180_000;

/**
 * Installs packages at exact versions (`name@1.2.3`), those that are missing.
 * @throws when npm fails
 */
export async function install(...packages: readonly string[]): Promise<void> {
  await Deno.mkdir(CACHE, { recursive: true });
  await Deno.writeTextFile(`${CACHE}.gitignore`, "*\n");
  const flags = ["--save-exact", "--no-audit", "--no-fund"];
  await run("npm", "install", "--prefix", CACHE, ...flags, ...packages);
}

/**
 * What a program prints.
 * @throws when it fails or is not there
 */
export async function run(program: string, ...args: readonly string[]): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const command = new Deno.Command(program, { args: [...args], signal });
  const { success, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  if (success) return text.decode(stdout).trim();
  const [line] = text.decode(stderr).trim().split("\n");
  throw new Error(`Cannot run \`${program} ${args.join(" ")}\`: ${line}`);
}
